//! The modules of the operator's list: the pools of their keys, within a budget of sessions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Instant;

use super::budget::Budget;
use super::error::Pkcs11Error;
use super::library::{self, Library};
use super::pool::Pool;
use super::token::ListedToken;
use crate::access::ModuleConfig;
use crate::lock::lock;

static MODULES: LazyLock<Mutex<HashMap<ModuleConfig, Arc<Module>>>> = LazyLock::new(Mutex::default);

/// A module of the operator's list.
pub(super) struct Module {
    config: ModuleConfig,
    budget: Mutex<Budget>,
    /// By the token's name in the list.
    tokens: Mutex<BTreeMap<String, Pools>>,
}

/// The pools of one token's keys.
#[derive(Default)]
struct Pools {
    /// The pool that was made to find the first key, and may become that key's.
    first: Weak<Pool>,
    /// By the fingerprint of the public key: whatever an issuer calls a key, it has one pool.
    by_key: BTreeMap<String, Weak<Pool>>,
}

/// The right to have a session open.
pub(super) struct SessionPermit {
    module: Arc<Module>,
    token: String,
}

/// The module with this entry in the list.
pub(super) fn listed(config: &ModuleConfig) -> Arc<Module> {
    let mut modules = lock(&MODULES);
    if let Some(module) = modules.get(config) {
        return module.clone();
    }
    let module = Arc::new(Module {
        config: config.clone(),
        budget: Mutex::new(Budget::new(config)),
        tokens: Mutex::default(),
    });
    modules.insert(config.clone(), module.clone());
    module
}

impl Module {
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    pub(super) fn max_sessions_per_key(&self) -> usize {
        self.config.max_sessions_per_key.into()
    }

    /// Loads the module, unless it is loaded. May block for as long as the module likes.
    pub(super) fn library(&self) -> Result<Arc<Library>, Pkcs11Error> {
        library::load(&self.config)
    }

    /// A pool to find a key of the token with: one that there is, or a new one.
    pub(super) fn pool_to_find(self: &Arc<Self>, token: &Arc<ListedToken>) -> Arc<Pool> {
        let mut tokens = lock(&self.tokens);
        let pools = tokens.entry(token.name.token.clone()).or_default();
        let (hanging, responding): (Vec<_>, Vec<_>) =
            pools.alive().into_iter().partition(|pool| pool.hangs());
        let found = responding.into_iter().chain(hanging).next();
        found.unwrap_or_else(|| {
            let pool = Pool::new(self, token);
            pools.first = Arc::downgrade(&pool);
            pool
        })
    }

    /// The pool of the key with this fingerprint, which was found by `found_by`.
    pub(super) fn pool_of_key(
        self: &Arc<Self>,
        token: &Arc<ListedToken>,
        fingerprint: &str,
        found_by: &Arc<Pool>,
    ) -> Result<Arc<Pool>, Pkcs11Error> {
        let mut tokens = lock(&self.tokens);
        let pools = tokens.entry(token.name.token.clone()).or_default();
        if let Some(pool) = pools.by_key.get(fingerprint).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let pool = if pools.is_of_no_key(found_by) {
            found_by.clone()
        } else if pools.alive().iter().any(|pool| pool.hangs()) {
            // Each further key would get threads that hang.
            return Err(Pkcs11Error::Hangs(self.name().to_owned()));
        } else {
            Pool::new(self, token)
        };
        let entry = (fingerprint.to_owned(), Arc::downgrade(&pool));
        pools.by_key.extend([entry]);
        Ok(pool)
    }

    /// Takes a session of the budget, for a key that has none yet or for one that has.
    pub(super) fn take_session(
        self: &Arc<Self>,
        token: &str,
        is_first: bool,
    ) -> Option<SessionPermit> {
        let taken = lock(&self.budget).take(token, is_first, Instant::now());
        taken.then(|| SessionPermit {
            module: self.clone(),
            token: token.to_owned(),
        })
    }

    pub(super) fn no_session(&self) -> Pkcs11Error {
        Pkcs11Error::NoSession {
            module: self.name().to_owned(),
            sessions: self.config.max_sessions,
        }
    }

    /// Has the key with the most sessions close one, for a key that has none.
    pub(super) fn make_room(&self) {
        let mut tokens = lock(&self.tokens);
        let pools = tokens.values_mut().flat_map(Pools::alive);
        let counted = pools.map(|pool| (pool.spare(), pool));
        if let Some((1.., pool)) = counted.max_by_key(|(spare, _)| *spare) {
            pool.shrink();
        }
    }
}

impl Pools {
    fn alive(&mut self) -> Vec<Arc<Pool>> {
        self.by_key.retain(|_, pool| pool.strong_count() > 0);
        let all = self.by_key.values().chain([&self.first]);
        all.filter_map(Weak::upgrade).collect()
    }

    fn is_of_no_key(&self, pool: &Arc<Pool>) -> bool {
        let is = |other: &Weak<Pool>| other.as_ptr() == Arc::as_ptr(pool);
        is(&self.first) && !self.by_key.values().any(is)
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        lock(&self.module.budget).give_back(&self.token);
    }
}
