//! The modules of the process, each loaded on a thread of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::{fs, thread};

use cryptoki::context::Pkcs11;
use tokio::sync::watch;
use tokio::time::timeout;

use super::error::Pkcs11Error;
use super::fault::{Fault, lock};
use super::library::Library;
use crate::access::ModuleConfig;
use crate::guard::ATTEMPT;

/// The result of loading; none while it goes on.
type Loaded = Option<Result<Arc<Library>, Pkcs11Error>>;

/// By the path that is configured. Loading goes on when nobody waits for it any more, and is
/// begun once at a time: a module that hangs holds one thread.
static LOADING: Mutex<BTreeMap<PathBuf, watch::Receiver<Loaded>>> = Mutex::new(BTreeMap::new());

/// By the path where the file is in the end: two names of one file are one module.
static LIBRARIES: LazyLock<Mutex<BTreeMap<PathBuf, Arc<Library>>>> = LazyLock::new(Mutex::default);

/// The library of this module, loaded and initialised.
pub(super) async fn library(module: &ModuleConfig) -> Result<Arc<Library>, Pkcs11Error> {
    let name = &module.name;
    let mut loading = loading(module)?;
    match timeout(ATTEMPT, loading.wait_for(Option::is_some)).await {
        Ok(Ok(loaded)) => loaded.clone(),
        Ok(Err(_)) => Some(Err(Pkcs11Error::NotLoaded(name.clone()))),
        Err(_) => None,
    }
    .unwrap_or_else(|| Err(Pkcs11Error::Hangs(name.clone())))
}

fn loading(module: &ModuleConfig) -> Result<watch::Receiver<Loaded>, Pkcs11Error> {
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
        return Err(Pkcs11Error::NoThread(module.name.clone()));
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
fn load(name: &str, path: &Path) -> Result<Arc<Library>, Pkcs11Error> {
    let file = fs::canonicalize(path).map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "there is no such PKCS#11 module");
        Pkcs11Error::NotLoaded(name.to_owned())
    })?;
    if let Some(library) = lock(&LIBRARIES).get(&file) {
        return Ok(library.clone());
    }
    let context = Pkcs11::new(&file).map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "the PKCS#11 module cannot be loaded");
        Pkcs11Error::NotLoaded(name.to_owned())
    })?;
    let library = Library::new(context);
    library.initialize().map_err(|error| {
        tracing::warn!(module = name, path = %path.display(), %error, "the PKCS#11 module cannot be initialised");
        Fault::from(error).of(name)
    })?;
    tracing::info!(module = name, path = %path.display(), "loaded a PKCS#11 module");
    let mut libraries = lock(&LIBRARIES);
    Ok(libraries.entry(file).or_insert(Arc::new(library)).clone())
}
