//! The modules of the process, each loaded on a thread of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::{fs, thread};

use cryptoki::context::Pkcs11;
use tokio::sync::watch;
use tokio::time::timeout;

use super::fault::{Fault, lock};
use super::library::Library;
use crate::error::{ErrorClass, KeyError};
use crate::guard::ATTEMPT;
use crate::reach::ModuleConfig;

/// What came of loading; none as long as it goes on.
type Loaded = Option<Result<Arc<Library>, Unloadable>>;

/// Why a module cannot be used.
#[derive(Clone)]
enum Unloadable {
    /// There is no such file, or it is no module for this computer.
    File,
    /// It is loaded, and does not let itself be initialised.
    Uninitialized(KeyError),
}

/// By the path that is configured. Loading goes on when nobody waits for it any more, and is
/// begun once at a time: a module that hangs holds one thread.
static LOADING: Mutex<BTreeMap<PathBuf, watch::Receiver<Loaded>>> = Mutex::new(BTreeMap::new());

/// By the path where the file is in the end: two names of one file are one module.
static LIBRARIES: LazyLock<Mutex<BTreeMap<PathBuf, Arc<Library>>>> = LazyLock::new(Mutex::default);

/// The library of this module, loaded and initialised.
pub(super) async fn library(module: &ModuleConfig) -> Result<Arc<Library>, KeyError> {
    let name = &module.name;
    let mut loading = loading(module)?;
    let loaded = match timeout(ATTEMPT, loading.wait_for(Option::is_some)).await {
        Ok(Ok(loaded)) => loaded.clone(),
        Ok(Err(_)) => Some(Err(Unloadable::File)),
        Err(_) => None,
    };
    match loaded {
        Some(Ok(library)) => Ok(library),
        Some(Err(Unloadable::Uninitialized(error))) => Err(error),
        Some(Err(Unloadable::File)) => Err(KeyError::new(
            ErrorClass::KeyUnusable,
            format!(
                "the PKCS#11 module {name} cannot be loaded, and the operator's log says why; \
                 put the module into its image, and its path into its configuration"
            ),
        )),
        None => Err(KeyError::new(
            ErrorClass::Unreachable,
            format!(
                "the PKCS#11 module {name} hangs while it is loaded; see whether the HSM is up, \
                 and restart the operator if it stays so"
            ),
        )),
    }
}

fn loading(module: &ModuleConfig) -> Result<watch::Receiver<Loaded>, KeyError> {
    let mut all = lock(&LOADING);
    if let Some(loading) = all.get(&module.path)
        && !has_failed(loading)
    {
        return Ok(loading.clone());
    }
    let (sender, receiver) = watch::channel(None);
    let ModuleConfig { name, path, .. } = module.clone();
    let spawned = thread::Builder::new()
        .name("pkcs11-load".to_owned())
        .spawn(move || sender.send_replace(Some(load(&name, &path))));
    if spawned.is_err() {
        let sentence = "the operator has no thread left for a PKCS#11 module; raise its limits";
        return Err(KeyError::new(ErrorClass::Unreachable, sentence));
    }
    all.insert(module.path.clone(), receiver.clone());
    Ok(receiver)
}

fn has_failed(loading: &watch::Receiver<Loaded>) -> bool {
    match &*loading.borrow() {
        Some(loaded) => loaded.is_err(),
        // The thread has ended without a word.
        None => loading.has_changed().is_err(),
    }
}

/// The path is the operator's own business: it goes into the log, and into no status.
fn load(name: &str, path: &Path) -> Result<Arc<Library>, Unloadable> {
    let file = fs::canonicalize(path).map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "there is no such PKCS#11 module");
        Unloadable::File
    })?;
    if let Some(library) = lock(&LIBRARIES).get(&file) {
        return Ok(library.clone());
    }
    let context = Pkcs11::new(&file).map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "the PKCS#11 module cannot be loaded");
        Unloadable::File
    })?;
    let library = Library::new(context);
    library.initialize().map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "the PKCS#11 module cannot be initialised");
        Unloadable::Uninitialized(Fault::from(error).told(name))
    })?;
    tracing::info!(module = name, path = %path.display(), "loaded a PKCS#11 module");
    let mut libraries = lock(&LIBRARIES);
    Ok(libraries.entry(file).or_insert(Arc::new(library)).clone())
}
