//! A shared library that is loaded: once in the process, and until its end.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::Mutex;

use super::error::Pkcs11Fault;
use super::login::Login;
use super::token::TokenId;
use crate::access::ModuleConfig;

/// A library, or none yet. Locked while it is loaded, so that this is done once at a time.
type Slot = Arc<Mutex<Option<Arc<Library>>>>;

/// By the path where the file is in the end: two names of one file are one library.
static LIBRARIES: Mutex<BTreeMap<PathBuf, Slot>> = Mutex::new(BTreeMap::new());

/// A shared library that is loaded and initialized.
///
/// It is never unloaded or finalized: other code in this process may use it, and it may hang in
/// that.
pub(super) struct Library {
    pub(super) context: Pkcs11,
    /// Held while the library is initialized.
    initializing: Mutex<()>,
    epoch: AtomicU64,
    logins: Mutex<HashMap<TokenId, Arc<Login>>>,
}

/// Loads and initializes the library of a module, unless it is loaded. May block.
///
/// The path is not for tenants: it is logged, and not in the error.
pub(super) fn load(module: &ModuleConfig) -> Result<Arc<Library>, Pkcs11Fault> {
    let ModuleConfig { name, path, .. } = module;
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(module = name, path = %path.display(), %error, "cannot load the PKCS#11 module");
        Pkcs11Fault::NotLoaded
    };
    let file = fs::canonicalize(path).map_err(|error| failed(&error))?;
    let slot = LIBRARIES.lock().entry(file.clone()).or_default().clone();
    let mut slot = slot.lock();
    if let Some(library) = &*slot {
        return Ok(library.clone());
    }
    let library = Library {
        context: Pkcs11::new(&file).map_err(|error| failed(&error))?,
        initializing: Mutex::default(),
        epoch: AtomicU64::new(0),
        logins: Mutex::default(),
    };
    library.initialize()?;
    tracing::info!(module = name, path = %path.display(), "loaded the PKCS#11 module");
    Ok(slot.insert(Arc::new(library)).clone())
}

impl Library {
    /// Initializes the library, unless other code in this process has done so.
    pub(super) fn initialize(&self) -> Result<(), Pkcs11Fault> {
        let _held = self.initializing.lock();
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match self.context.initialize(arguments) {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            result => {
                result?;
                self.epoch.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
        }
    }

    /// How often the library was initialized here. What belongs to an earlier time, such as the
    /// number of a session, may be another's now.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The login to this token.
    pub(super) fn login(&self, token: TokenId) -> Arc<Login> {
        let mut logins = self.logins.lock();
        let login = logins.entry(token);
        login
            .or_insert_with(|| Arc::new(Login::new(&self.context)))
            .clone()
    }
}
