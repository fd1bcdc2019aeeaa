//! The software backend: keys that OpenSSL made, in Secrets of a namespace in memory.

mod pem;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{ErrorClass, KeyBackend, KeyConfig, KeyError, KeyType, RsaHash, Software};

use crate::memory::{Memory, access};
use crate::rig::{Act, Case, Fault, Look, Moment, Offered, Outcome, Rig, Subject, act};
use signet_readers::OpenSsl;

pub(crate) use pem::tests;

/// Every type of key that Signet makes, and what it comes to.
pub(crate) const KEY_TYPES: [(KeyType, KeyAlgorithm); 7] = [
    (KeyType::EcdsaP256, KeyAlgorithm::EcP256),
    (KeyType::EcdsaP384, KeyAlgorithm::EcP384),
    (KeyType::EcdsaP521, KeyAlgorithm::EcP521),
    (KeyType::Rsa2048, KeyAlgorithm::Rsa { bits: 2048 }),
    (KeyType::Rsa3072, KeyAlgorithm::Rsa { bits: 3072 }),
    (KeyType::Rsa4096, KeyAlgorithm::Rsa { bits: 4096 }),
    (KeyType::Ed25519, KeyAlgorithm::Ed25519),
];

const NO_SERVER: &str = "software: the key is in a Secret that was read; no server is asked";

fn config() -> KeyConfig {
    config_of(None)
}

/// The key in this entry of the Secret `ca`.
fn config_of(entry: Option<&str>) -> KeyConfig {
    let backend = KeyBackend::Software(Software {
        secret_name: "ca".to_owned(),
        key_type: KeyType::default(),
        entry: entry.map(str::to_owned),
    });
    KeyConfig {
        rsa_hash: RsaHash::default(),
        backend,
    }
}

/// There is nothing to start.
pub(crate) struct SoftwareRig;

impl Rig for SoftwareRig {
    fn key(&self, algorithm: KeyAlgorithm) -> BoxFuture<'_, Offered<Subject>> {
        async move { Ok(subject(algorithm).0) }.boxed()
    }

    fn fault(
        &self,
        algorithm: KeyAlgorithm,
        fault: Fault,
        moment: Moment,
    ) -> BoxFuture<'_, Offered<Case>> {
        async move { case(algorithm, fault, moment) }.boxed()
    }
}

fn subject(algorithm: KeyAlgorithm) -> (Subject, Arc<Memory>, String) {
    let pem = key_pem(algorithm);
    let memory = Memory::with("ca", "tls.key", pem.as_bytes());
    let subject = Subject {
        name: format!("software {algorithm}"),
        config: config(),
        access: access(memory.clone()),
        algorithm,
        spki_der: OpenSsl::new().public_key_der(pem.as_bytes()),
        secrets: vec![pem.clone()],
        keep: None,
    };
    (subject, memory, pem)
}

fn key_pem(algorithm: KeyAlgorithm) -> String {
    let options = match algorithm {
        KeyAlgorithm::EcP256 => "EC -pkeyopt ec_paramgen_curve:P-256".to_owned(),
        KeyAlgorithm::EcP384 => "EC -pkeyopt ec_paramgen_curve:P-384".to_owned(),
        KeyAlgorithm::EcP521 => "EC -pkeyopt ec_paramgen_curve:P-521".to_owned(),
        KeyAlgorithm::Rsa { bits } => format!("RSA -pkeyopt rsa_keygen_bits:{bits}"),
        KeyAlgorithm::Ed25519 => "ED25519".to_owned(),
    };
    let pem = OpenSsl::new().run(&format!("genpkey -algorithm {options}"));
    String::from_utf8(pem).unwrap()
}

fn case(algorithm: KeyAlgorithm, fault: Fault, moment: Moment) -> Offered<Case> {
    match fault {
        Fault::DisabledKey => return Err("software: a Secret cannot be disabled"),
        Fault::Throttling | Fault::Timeout | Fault::ConnectionReset | Fault::ServerRestart => {
            return Err(NO_SERVER);
        }
        _ => {}
    }
    let (subject, memory, pem) = subject(algorithm);
    let (refusal, elsewhere) = (memory.clone(), memory.clone());
    let cure = put(&memory, pem.clone());
    let case = match fault {
        Fault::WrongKey => {
            let another = put(&memory, key_pem(algorithm));
            return Ok(Case::new(subject, Outcome::AnotherKey, another).cured_by(cure));
        }
        Fault::MissingPermission => {
            let (class, message) = (ErrorClass::CredentialsRefused, "may not read Secrets");
            let error = KeyError::new(class, format!("Signet {message} here"));
            let cause = refuse(&refusal, Some(error));
            let fails = Outcome::Fails(class, message);
            Case::new(subject, fails, cause).cured_by(refuse(&refusal, None))
        }
        Fault::DeletedKey => {
            let fails = Outcome::Fails(ErrorClass::KeyNotFound, "NoSecret");
            let cause = act(move || {
                elsewhere.remove("ca");
                async {}
            });
            Case::new(subject, fails, cause).cured_by(cure)
        }
        Fault::InvalidResponse => {
            let fails = Outcome::Fails(ErrorClass::KeyUnusable, "NotPem");
            Case::new(subject, fails, put(&memory, "garbage".to_owned())).cured_by(cure)
        }
        Fault::OversizedBytes => {
            let nothing = act(|| async {});
            let case = Case::new(subject, Outcome::Works, nothing);
            return Ok(Case {
                bytes: 128 * 1024,
                ..case
            });
        }
        other => unreachable!("{other:?} is prepared elsewhere"),
    };
    Ok(match moment {
        Moment::BeforeConnect => case,
        Moment::Connected => in_memory(case),
    })
}

/// A key that was read signs on, whatever becomes of its Secret, until a check looks there.
fn in_memory(case: Case) -> Case {
    let Outcome::Fails(class, message) = case.outcome else {
        return case;
    };
    Case {
        outcome: Outcome::Works,
        check: Look::Finds(class, message),
        ..case
    }
}

fn put(memory: &Arc<Memory>, tls_key: String) -> Act {
    let memory = memory.clone();
    act(move || {
        memory.put("ca", &[("tls.key", tls_key.as_bytes())]);
        async {}
    })
}

fn refuse(memory: &Arc<Memory>, refusal: Option<KeyError>) -> Act {
    let memory = memory.clone();
    act(move || {
        memory.refuse(refusal.clone());
        async {}
    })
}
