//! The PKCS#11 backend, on tokens of SoftHSM2 behind a shim that injects faults.

mod pin;
mod process;
mod sessions;
mod tenants;
mod token;

use std::process::ExitCode;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::Trial;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::ErrorClass;
use signet_testbed::SoftHsm;
use signet_testbed::keyservers::softhsm;

use crate::backends::ALGORITHMS;
use crate::rig::{Act, Case, Fault, Look, Moment, Offered, Outcome, Rig, Subject, act};
use token::{PIN, Token, connected};

const KEY_FUNCTION_NOT_PERMITTED: u64 = 0x68;
const SESSION_COUNT: u64 = 0xb1;
const FUNCTION_REJECTED: u64 = 0x200;
/// Not a value of the standard.
const UNKNOWN_VALUE: u64 = 0xdead;

const DOES_NOT_SIGN: &str = "pkcs11: a check looks for the key and reads it, and does not sign";

/// The argument with which the suite runs as the process of a module.
pub(crate) const MODULE: &str = "pkcs11-module";

/// Runs the process of a module.
pub(crate) fn run_module() -> ExitCode {
    let Err(error) = signet_keys::run_pkcs11_module();
    panic!("{error}");
}

/// All tests that are not checks or faults.
pub(crate) fn tests() -> Vec<Trial> {
    let all = [
        pin::tests(),
        process::tests(),
        sessions::tests(),
        tenants::tests(),
    ];
    all.into_iter().flatten().collect()
}

/// One token with a key of each algorithm. A fault has a token of its own.
pub(crate) struct Pkcs11Rig(Vec<Subject>);

impl Pkcs11Rig {
    /// All keys are made before the first is connected to: SoftHSM2 may return CKR_GENERAL_ERROR
    /// while another process logs in to the same token.
    pub(crate) fn start() -> Self {
        let token = Token::new();
        let make = |algorithm: KeyAlgorithm| token.subject(algorithm, &algorithm.to_string());
        Self(ALGORITHMS.into_iter().map(make).collect())
    }
}

impl Rig for Pkcs11Rig {
    fn key(&self, algorithm: KeyAlgorithm) -> BoxFuture<'_, Offered<Subject>> {
        let subject = self.0.iter().find(|made| made.algorithm == algorithm);
        async move { Ok(subject.unwrap().clone()) }.boxed()
    }

    fn fault(
        &self,
        algorithm: KeyAlgorithm,
        fault: Fault,
        moment: Moment,
    ) -> BoxFuture<'_, Offered<Case>> {
        async move {
            Ok(match (fault, moment) {
                (Fault::WrongKey | Fault::DeletedKey | Fault::OversizedBytes, _) => {
                    of_the_key(algorithm, fault)
                }
                (_, Moment::BeforeConnect) => before_connect(algorithm, fault).await,
                (_, Moment::Connected) => once_connected(algorithm, fault),
            })
        }
        .boxed()
    }
}

async fn before_connect(algorithm: KeyAlgorithm, fault: Fault) -> Case {
    let faulty = |faults: &'static [softhsm::Fault], class, message| {
        let (token, subject) = Token::with(algorithm);
        let outcome = Outcome::Fails(class, message);
        Case::new(subject, outcome, set(&token, faults)).cured_by(set(&token, &[]))
    };
    match fault {
        Fault::MissingPermission => faulty(
            &[softhsm::Fault::Fail("C_FindObjectsInit", FUNCTION_REJECTED)],
            ErrorClass::CredentialsRefused,
            "returned CKR_FUNCTION_REJECTED from C_FindObjectsInit",
        ),
        Fault::DisabledKey => faulty(
            &[softhsm::Fault::NoSign],
            ErrorClass::KeyUnusable,
            "cannot sign (CKA_SIGN is false)",
        ),
        Fault::Throttling => faulty(
            &[softhsm::Fault::Fail("C_OpenSession", SESSION_COUNT)],
            ErrorClass::Throttled(None),
            "the token allows no further session",
        ),
        Fault::Timeout => faulty(
            &[softhsm::Fault::Hang("C_FindObjectsInit")],
            ErrorClass::Unreachable,
            "the PKCS#11 module hsm does not respond",
        ),
        Fault::ConnectionReset => faulty(
            &[softhsm::Fault::Remove],
            ErrorClass::KeyNotFound,
            "the token ca of the PKCS#11 module hsm is not in any slot",
        ),
        Fault::InvalidResponse => faulty(
            &[softhsm::Fault::Fail("C_GetAttributeValue", UNKNOWN_VALUE)],
            ErrorClass::InvalidResponse,
            "returned CKR 0x0000dead from C_GetAttributeValue",
        ),
        Fault::ServerRestart => {
            let (token, subject) = Token::with(algorithm);
            // It lives on: a module must not be finalized while a session is being closed.
            let before = connected(&subject.config, &subject.access).await;
            let subject = Subject {
                keep: Some(Arc::new((token.hsm.clone(), before))),
                ..subject
            };
            let finalize = on(&token, |hsm| hsm.finalize().unwrap());
            Case::new(subject, Outcome::Works, finalize)
        }
        other => unreachable!("{other:?} is prepared elsewhere"),
    }
}

fn once_connected(algorithm: KeyAlgorithm, fault: Fault) -> Case {
    let (token, subject) = Token::with(algorithm);
    let faulty = |faults: &'static [softhsm::Fault], class, message| {
        let outcome = Outcome::Fails(class, message);
        Case::new(subject.clone(), outcome, set(&token, faults)).cured_by(set(&token, &[]))
    };
    let unseen = |case| Case {
        check: Look::Overlooks(DOES_NOT_SIGN),
        ..case
    };
    match fault {
        Fault::MissingPermission => unseen(faulty(
            &[softhsm::Fault::Fail("C_SignInit", FUNCTION_REJECTED)],
            ErrorClass::CredentialsRefused,
            "returned CKR_FUNCTION_REJECTED from C_SignInit",
        )),
        Fault::DisabledKey => unseen(faulty(
            &[softhsm::Fault::Fail(
                "C_SignInit",
                KEY_FUNCTION_NOT_PERMITTED,
            )],
            ErrorClass::KeyUnusable,
            "use a key that the token allows to sign",
        )),
        Fault::Throttling => {
            let case = faulty(
                &[softhsm::Fault::Fail("C_OpenSession", SESSION_COUNT)],
                ErrorClass::Throttled(None),
                "lower the module's maxSessions",
            );
            let cause = on(&token, |hsm| {
                let full = softhsm::Fault::Fail("C_OpenSession", SESSION_COUNT);
                hsm.set_faults(&[full]).unwrap();
                hsm.close_sessions().unwrap();
            });
            Case { cause, ..case }
        }
        Fault::Timeout => Case {
            check: Look::Overlooks(DOES_NOT_SIGN),
            ..faulty(
                &[softhsm::Fault::Hang("C_Sign")],
                ErrorClass::Unreachable,
                "the PKCS#11 module hsm does not respond",
            )
        },
        Fault::ConnectionReset => faulty(
            &[softhsm::Fault::Remove],
            ErrorClass::Unreachable,
            "the token ca of the PKCS#11 module hsm was removed",
        ),
        Fault::InvalidResponse => unseen(faulty(
            &[softhsm::Fault::Garbage],
            ErrorClass::InvalidResponse,
            "returned a signature that does not verify",
        )),
        Fault::ServerRestart => {
            let finalize = on(&token, |hsm| hsm.finalize().unwrap());
            Case::new(subject, Outcome::Works, finalize)
        }
        other => unreachable!("{other:?} is prepared elsewhere"),
    }
}

/// What happens to the key itself, by the tools of an administrator.
fn of_the_key(algorithm: KeyAlgorithm, fault: Fault) -> Case {
    let (token, subject) = Token::with(algorithm);
    match fault {
        Fault::WrongKey => {
            token.make(algorithm, "another");
            let swap = |first: &'static str, second: &'static str| {
                on(&token, move |hsm| {
                    hsm.relabel("ca", PIN, "key", first).unwrap();
                    hsm.relabel("ca", PIN, second, "key").unwrap();
                })
            };
            let case = Case::new(subject, Outcome::AnotherKey, swap("before", "another"));
            case.cured_by(swap("another", "before"))
        }
        Fault::DeletedKey => {
            let message = "the private key with the label \"key\" is not in the token";
            let outcome = Outcome::Fails(ErrorClass::KeyNotFound, message);
            let delete = on(&token, |hsm| hsm.delete_key("ca", PIN, "key").unwrap());
            Case::new(subject, outcome, delete)
        }
        // An Ed25519 key signs the bytes themselves, all others a digest.
        Fault::OversizedBytes => {
            let case = Case::new(subject, Outcome::Works, act(|| async {}));
            Case {
                bytes: 128 * 1024,
                ..case
            }
        }
        other => unreachable!("{other:?} is prepared elsewhere"),
    }
}

fn set(token: &Token, faults: &'static [softhsm::Fault]) -> Act {
    on(token, move |hsm| hsm.set_faults(faults).unwrap())
}

fn on(token: &Token, what: impl Fn(&SoftHsm) + Send + Sync + 'static) -> Act {
    let (hsm, what) = (token.hsm.clone(), Arc::new(what));
    act(move || {
        what(&hsm);
        async {}
    })
}
