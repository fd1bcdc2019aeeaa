//! The list of PKCS#11 modules and tokens that operators are started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use serde_json::json;
use signet_testbed::SoftHsm;

use super::{Once, once, secrets};
use crate::csr::KeyKind;

/// A module with one token, both of one name: its own SoftHSM2, so that what goes wrong in one does
/// not reach another.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The name in the list.
    pub name: &'static str,
    /// The namespaces whose Issuers may use the token.
    pub namespaces: &'static [&'static str],
}

/// Every module. The namespaces are made by the tests under exactly these names.
pub const MODULES: &[Module] = &[
    Module::of("steady", &["steady-tenant"]),
    Module::of("outage", &[]),
    Module::of("hung", &[]),
    Module::of("unavailable", &[]),
    Module::of("restart", &[]),
    Module::of("crash", &[]),
    Module::of("orphan", &[]),
    Module::of("pin", &[]),
    Module::of("changed", &[]),
];

impl Module {
    const fn of(name: &'static str, namespaces: &'static [&'static str]) -> Self {
        Self { name, namespaces }
    }
}

/// The token of a module. A process sees no token of SoftHSM2 that was made after it loaded the
/// module, so there is one from the start.
pub(super) struct Token {
    pub(super) hsm: SoftHsm,
    pub(super) pin: Mutex<String>,
}

/// The tokens behind a module.
///
/// # Errors
/// SoftHSM2 cannot be installed, or there is no such module.
pub fn softhsm(module: &str) -> Result<&'static SoftHsm> {
    token(module).map(|token| &token.hsm)
}

pub(super) fn token(module: &str) -> Result<&'static Token> {
    static STARTED: OnceLock<BTreeMap<&'static str, Once<Token>>> = OnceLock::new();
    let all = STARTED.get_or_init(|| {
        let modules = MODULES.iter();
        modules.map(|module| (module.name, Once::new())).collect()
    });
    let cell = all.get(module);
    once(cell.context("no such module in MODULES")?, || {
        let (hsm, pin) = (SoftHsm::new()?, new_pin()?);
        hsm.init_token(module, &new_pin()?, &pin)?;
        Ok(Token {
            hsm,
            pin: Mutex::new(pin),
        })
    })
}

/// The Secret in the cluster resource namespace with the PIN of a module's token.
pub fn pin_secret(module: &str) -> String {
    format!("{module}-token-pin")
}

/// Nothing else that is written down anywhere is like it by chance.
pub(super) fn new_pin() -> Result<String> {
    let random = KeyKind::P256.generate()?.public_key_raw().to_vec();
    let digits = random.iter().skip(1).take(12);
    let pin: String = digits.map(|byte| format!("{byte:02x}")).collect();
    Ok(secrets::note(pin))
}

/// The flags of an operator that may load all modules, and whose Issuers may name the tests'
/// servers, which are on loopback.
///
/// # Errors
/// SoftHSM2 cannot be installed.
pub fn flags() -> Result<Vec<String>> {
    let flags = [
        "--pkcs11-modules",
        &list()?.display().to_string(),
        "--issuer-local-addresses",
        "true",
    ];
    Ok(flags.map(str::to_owned).to_vec())
}

/// The file that lists the modules.
///
/// # Errors
/// SoftHSM2 cannot be installed.
pub fn list() -> Result<PathBuf> {
    static WRITTEN: Once<PathBuf> = Once::new();
    once(&WRITTEN, write).cloned()
}

fn write() -> Result<PathBuf> {
    let mut modules = Vec::new();
    for module in MODULES {
        let token = json!({
            "name": module.name,
            "label": module.name,
            "pin": { "secret": { "name": pin_secret(module.name) } },
            "namespaces": module.namespaces,
        });
        modules.push(json!({
            "name": module.name,
            "path": softhsm(module.name)?.module(),
            "tokens": [token],
        }));
    }
    // Beside a module, so that it goes with that.
    let beside = softhsm(MODULES[0].name)?.module();
    let path = beside.with_file_name("modules.yaml");
    std::fs::write(&path, json!({ "modules": modules }).to_string())?;
    Ok(path)
}
