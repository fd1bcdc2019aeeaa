//! The shared library that this process is for: loaded when a session is first opened.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::Mutex;

use super::login::Login;
use super::output::Output;
use crate::pkcs11::signer::error::Pkcs11Fault;
use crate::pkcs11::signer::wire::{LoginRecord, Report, TokenId};

/// The library, or none yet.
pub(super) struct Module {
    path: PathBuf,
    /// Locked while it is loaded, so that this is done once at a time.
    library: Mutex<Option<Arc<Library>>>,
    /// What an earlier process of the module knew.
    known: Vec<LoginRecord>,
    pub(super) output: Arc<Output>,
}

/// A shared library that is loaded and initialized.
///
/// It is never unloaded or finalized: it may hang in that.
pub(super) struct Library {
    pub(super) context: Pkcs11,
    /// Held while the library is initialized.
    initializing: Mutex<()>,
    epoch: AtomicU64,
    logins: Mutex<HashMap<TokenId, Arc<Login>>>,
}

impl Module {
    pub(super) fn new(path: PathBuf, known: Vec<LoginRecord>, output: Arc<Output>) -> Self {
        Self {
            path,
            library: Mutex::default(),
            known,
            output,
        }
    }

    /// Loads and initializes the library, unless it is loaded. May block.
    pub(super) fn load(&self) -> Result<Arc<Library>, Pkcs11Fault> {
        let mut loaded = self.library.lock();
        if let Some(library) = &*loaded {
            return Ok(library.clone());
        }
        let context = Pkcs11::new(&self.path).map_err(|error| {
            let warning = format!("it cannot be loaded: {error}");
            self.output.send(&Report::Warning(warning));
            Pkcs11Fault::NotLoaded
        })?;
        let logins = self.known.iter().map(|record| {
            let login = Login::new(&context, &self.output, Some(record));
            (record.id.clone(), Arc::new(login))
        });
        let library = Library {
            logins: Mutex::new(logins.collect()),
            context,
            initializing: Mutex::default(),
            epoch: AtomicU64::new(0),
        };
        library.initialize()?;
        Ok(loaded.insert(Arc::new(library)).clone())
    }
}

impl Library {
    /// Initializes the library, unless it is initialized.
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
    pub(super) fn login(&self, token: TokenId, output: &Arc<Output>) -> Arc<Login> {
        let mut logins = self.logins.lock();
        let login = logins.entry(token);
        login
            .or_insert_with(|| Arc::new(Login::new(&self.context, output, None)))
            .clone()
    }
}
