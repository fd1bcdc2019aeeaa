//! A module that is loaded: once in the process, and until its end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::error::Pkcs11Error;
use super::fault::lock;
use super::login::Login;
use super::pool::Pool;
use super::token::TokenId;
use super::worker::Target;

/// A module that is loaded.
///
/// It is never unloaded or finalised: others in this process may use it, and it may hang in that.
pub(super) struct Library {
    pub(super) context: Pkcs11,
    /// Whoever initialises it stands in here; the module is called meanwhile.
    initializing: Mutex<()>,
    epoch: AtomicU64,
    logins: Mutex<HashMap<TokenId, Arc<Login>>>,
    pools: Mutex<HashMap<(Target, u16), Weak<Pool>>>,
}

impl Library {
    pub(super) fn new(context: Pkcs11) -> Self {
        Self {
            context,
            initializing: Mutex::default(),
            epoch: AtomicU64::new(0),
            logins: Mutex::default(),
            pools: Mutex::default(),
        }
    }

    /// Initialises the module, unless somebody in this process has done so.
    pub(super) fn initialize(&self) -> Result<(), Error> {
        let _alone = lock(&self.initializing);
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match self.context.initialize(arguments) {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            answer => {
                answer?;
                self.epoch.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
        }
    }

    /// How often the module was initialised here. What belongs to an earlier time, such as the
    /// number of a session, may be another's now.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The login to this token.
    pub(super) fn login(&self, token: TokenId) -> Arc<Login> {
        lock(&self.logins).entry(token).or_default().clone()
    }

    /// The sessions for this key, which all signers of it share.
    pub(super) fn pool(
        self: &Arc<Self>,
        target: Target,
        sessions: u16,
    ) -> Result<Arc<Pool>, Pkcs11Error> {
        let mut pools = lock(&self.pools);
        pools.retain(|_, pool| pool.strong_count() > 0);
        let key = (target, sessions);
        if let Some(pool) = pools.get(&key).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        // Whoever tries one key after the other on a module that hangs would get threads for each.
        if let Some(hung) = pools
            .values()
            .filter_map(Weak::upgrade)
            .find(|it| it.hangs())
        {
            return Err(hung.unreachable());
        }
        let pool = Pool::start(self, &key.0, sessions)?;
        pools.insert(key, Arc::downgrade(&pool));
        Ok(pool)
    }
}
