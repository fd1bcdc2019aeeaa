//! Tokens of SoftHSM2 under test, and issuers of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{
    Access, Checked, Connected, KeyBackend, KeyConfig, KeyError, KeyPin, ModuleProgram, Modules,
    ModulesConfig, Pkcs11Error, Pkcs11Fault, Signer,
};
use signet_testbed::SoftHsm;
use signet_testbed::wait::MAX_TEST;

use crate::memory::{Memory, access};
use crate::rig::Subject;
use crate::root::to_be_signed;

pub(super) const SO_PIN: &str = "so-pin-5521-9034";
pub(super) const PIN: &str = "user-pin-7319-0042";
pub(super) const OTHER_PIN: &str = "other-pin-2846-1175";

/// A module with a token labeled `ca`, and the cluster resource namespace with its PIN in the
/// Secret `pin`.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) hsm: Arc<SoftHsm>,
    pub(super) memory: Arc<Memory>,
    /// The CKA_ID of the next key.
    id: Arc<AtomicU8>,
}

impl Token {
    pub(super) fn new() -> Self {
        let hsm = SoftHsm::new().unwrap();
        hsm.init_token("ca", SO_PIN, PIN).unwrap();
        Self {
            hsm: Arc::new(hsm),
            memory: Memory::with("pin", "pin", PIN.as_bytes()),
            id: Arc::default(),
        }
    }

    /// A token with a key on P-256 labeled `key`.
    pub(super) fn with_key() -> (Self, Subject) {
        Self::with(KeyAlgorithm::EcP256)
    }

    /// A token with a key of this algorithm labeled `key`.
    pub(super) fn with(algorithm: KeyAlgorithm) -> (Self, Subject) {
        let token = Self::new();
        let subject = token.subject(algorithm, "key");
        (token, subject)
    }

    /// Makes a key.
    pub(super) fn make(&self, algorithm: KeyAlgorithm, label: &str) {
        let id = self.id.fetch_add(1, Ordering::Relaxed);
        let (kind, id) = (kind(algorithm), format!("{id:02x}"));
        self.hsm.make_key("ca", PIN, &kind, label, &id).unwrap();
    }

    /// Makes a key, and the subject over it.
    pub(super) fn subject(&self, algorithm: KeyAlgorithm, label: &str) -> Subject {
        self.make(algorithm, label);
        Subject {
            name: format!("pkcs11 {algorithm}"),
            config: config(json!({ "keyLabel": label })),
            access: self.access_with(json!({})),
            algorithm,
            spki_der: self.hsm.public_key("ca", PIN, label).unwrap(),
            secrets: [PIN, OTHER_PIN, SO_PIN].map(str::to_owned).to_vec(),
            keep: Some(self.hsm.clone()),
        }
    }

    /// What a ClusterIssuer may access if the operator lists the token as `ca` of the module `hsm`,
    /// with more or other fields.
    pub(super) fn access_with(&self, more: serde_json::Value) -> Access {
        self.listing(json!([listed(more)]), json!({}))
    }

    /// What a ClusterIssuer may access if the operator lists these tokens of the module `hsm`, which
    /// has more or other fields.
    pub(super) fn listing(&self, tokens: serde_json::Value, more: serde_json::Value) -> Access {
        let mut module = json!({ "name": "hsm", "path": self.hsm.module(), "tokens": tokens });
        merge(&mut module, more);
        self.running(json!([module]), program(MAX_TEST))
    }

    /// What a ClusterIssuer may access if the operator lists the token as `ca` of the module `hsm`,
    /// which runs in processes of this program.
    pub(super) fn run_by(&self, program: ModuleProgram) -> Access {
        let token = listed(json!({ "namespaces": ["team"] }));
        let module = json!({ "name": "hsm", "path": self.hsm.module(), "tokens": [token] });
        self.running(json!([module]), program)
    }

    /// What a ClusterIssuer may access if the operator lists these modules.
    pub(super) fn running(&self, modules: serde_json::Value, program: ModuleProgram) -> Access {
        let list: ModulesConfig = serde_json::from_value(json!({ "modules": modules })).unwrap();
        let modules = Modules::from_config(list, self.memory.clone(), program).unwrap();
        Access {
            modules: Arc::new(modules),
            ..access(Arc::default())
        }
    }
}

/// This program, as the process of a module in which a call may take so long. In most tests, no call
/// takes too long: they look at a module that hangs for as long as they like.
pub(super) fn program(max_call: Duration) -> ModuleProgram {
    ModuleProgram {
        arguments: vec![super::MODULE.into()],
        max_call,
        max_start: max_call,
        ..ModuleProgram::default()
    }
}

/// The entry of the token `ca`, with more or other fields.
pub(super) fn listed(more: serde_json::Value) -> serde_json::Value {
    let mut token = json!({ "name": "ca", "label": "ca", "pin": { "secret": { "name": "pin" } } });
    merge(&mut token, more);
    token
}

/// The same as an Issuer in the namespace `team` has it.
pub(super) fn of_tenant(access: Access) -> Access {
    Access {
        tenant: Some("team".to_owned()),
        ..access
    }
}

/// A key in the token `ca`, with more or other fields.
pub(super) fn config(more: serde_json::Value) -> KeyConfig {
    let mut config = json!({ "module": "hsm", "token": "ca" });
    merge(&mut config, more);
    serde_json::from_value(json!({ "pkcs11": config })).unwrap()
}

fn merge(into: &mut serde_json::Value, more: serde_json::Value) {
    let serde_json::Value::Object(more) = more else {
        panic!("no object")
    };
    into.as_object_mut().unwrap().extend(more);
}

fn kind(algorithm: KeyAlgorithm) -> String {
    match algorithm {
        KeyAlgorithm::EcP256 => "EC:prime256v1".to_owned(),
        KeyAlgorithm::EcP384 => "EC:secp384r1".to_owned(),
        KeyAlgorithm::EcP521 => "EC:secp521r1".to_owned(),
        KeyAlgorithm::Rsa { bits } => format!("rsa:{bits}"),
        KeyAlgorithm::Ed25519 => "EC:edwards25519".to_owned(),
    }
}

/// Connects an issuer.
pub(super) async fn connect(config: &KeyConfig, access: &Access) -> Result<Connected, KeyError> {
    let known = KeyPin::default();
    config.connect(access, &known).await
}

/// Connects an issuer that must get its key.
pub(super) async fn connected(config: &KeyConfig, access: &Access) -> Arc<dyn Signer> {
    let connected = connect(config, access).await;
    connected.unwrap_or_else(|error| panic!("{error}")).signer
}

/// Fails to connect.
pub(super) async fn refusal(config: &KeyConfig, access: &Access) -> KeyError {
    connect(config, access).await.unwrap_err()
}

/// Signs once.
pub(super) async fn sign(signer: &dyn Signer) -> Result<(), KeyError> {
    let tbs = to_be_signed(signer, "a");
    let signature = signer.sign(&tbs).await?;
    let key = signer.public_key();
    key.verify(tbs.algorithm(), tbs.der(), signature.as_bytes())
        .unwrap();
    Ok(())
}

/// A signer that is as it was.
pub(super) async fn is_same(signer: &dyn Signer) {
    let notices = Vec::new();
    assert_eq!(signer.check().await, Ok(Checked::Unchanged { notices }));
}

/// The error is about this key, and this is wrong with it.
#[track_caller]
pub(super) fn expect(error: &KeyError, config: &KeyConfig, fault: Pkcs11Fault) {
    let KeyBackend::Pkcs11(key) = &config.backend else {
        panic!("{config:?}")
    };
    let key = key.clone();
    assert_eq!(*error, KeyError::from(Pkcs11Error { key, fault }));
}
