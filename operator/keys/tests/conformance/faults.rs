//! What each backend makes of what goes wrong, before the key is connected and afterwards.

use std::sync::Arc;

use libtest_mimic::Trial;
use signet_core::issue::{CertificateToSign, Signature, ToBeSigned};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Checked, Connected, ErrorClass, KeyError, Signer};

use crate::backends::{ALGORITHMS, Running};
use crate::contract::verifies_over_its_bytes_alone;
use crate::rig::{Case, Fault, Look, Moment, Outcome, Subject, responded};
use crate::root::{to_be_signed, to_be_signed_of};
use crate::runner::trial;
use crate::table::{Cell, Table};
use crate::wiretap;

/// Longer than any message that a person reads to its end.
const MAX_MESSAGE: usize = 700;

/// A trial for each algorithm, fault and moment.
pub(crate) fn trials(running: &Arc<Running>, table: &Arc<Table>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for algorithm in ALGORITHMS {
        for fault in Fault::ALL {
            for moment in Moment::ALL {
                trials.push(of_fault(running, table, (algorithm, fault, moment)));
            }
        }
    }
    trials
}

fn of_fault(
    running: &Arc<Running>,
    table: &Arc<Table>,
    (algorithm, fault, moment): (KeyAlgorithm, Fault, Moment),
) -> Trial {
    let (running, table) = (Arc::clone(running), Arc::clone(table));
    let backend = running.backend.name;
    let name = format!("{backend}::{algorithm}::{fault:?}::{moment:?}");
    trial(name, async move || {
        let cell = (backend, fault, moment, algorithm);
        table.fault(cell, Cell::Failed);
        match running.rig().fault(algorithm, fault, moment).await {
            Ok(case) => {
                let check = case.check;
                match moment {
                    Moment::BeforeConnect => before_connect(&case).await,
                    Moment::Connected => connected(&case).await,
                }
                let note = match (moment, check) {
                    (Moment::Connected, Look::Overlooks(reason)) => Some(reason),
                    _ => None,
                };
                table.fault(cell, Cell::Proven(note));
            }
            Err(reason) => table.fault(cell, Cell::Empty(reason)),
        }
    })
}

async fn before_connect(case: &Case) {
    let subject = &case.subject;
    (case.cause)().await;
    judge_connect(case).await;
    if let Outcome::Fails(..) = case.outcome
        && case.cure.is_none()
    {
        judge_connect(case).await;
    }
    if let Some(cure) = &case.cure {
        cure().await;
        let connected = patiently(async || subject.connect().await).await;
        is_the_key(subject, &connected);
        verifies_over_its_bytes_alone(subject, &*connected.signer).await;
    }
}

async fn connected(case: &Case) {
    let subject = &case.subject;
    let mut signer = subject.connected().await.signer;
    verifies_over_its_bytes_alone(subject, &*signer).await;
    (case.cause)().await;
    judge_sign(case, &*signer).await;
    judge_check(case, &*signer).await;
    let Some(cure) = &case.cure else {
        return judge_sign(case, &*signer).await;
    };
    cure().await;
    let checked = patiently(async || signer.check().await).await;
    if checked == Checked::Reconnect {
        let connected = patiently(async || subject.connect().await).await;
        is_the_key(subject, &connected);
        signer = connected.signer;
    }
    let tbs = to_be_signed(&*signer, "again");
    patiently(async || signer.sign(&tbs).await).await;
    verifies_over_its_bytes_alone(subject, &*signer).await;
}

async fn judge_connect(case: &Case) {
    let subject = &case.subject;
    match case.outcome {
        Outcome::Fails(class, message) => {
            let connected = failing_as(class, async || subject.connect().await).await;
            expect(subject, connected.map(|_| ()), class, message);
        }
        Outcome::AnotherKey => {
            let another = patiently(async || subject.connect().await).await;
            assert_ne!(another.signer.public_key().spki_der(), subject.spki_der);
        }
        Outcome::Works => {
            let connected = patiently(async || subject.connect().await).await;
            is_the_key(subject, &connected);
            let (tbs, signature) = signs(case, &*connected.signer).await;
            is_of_the_key(&*connected.signer, &tbs, &signature);
        }
    }
}

async fn judge_sign(case: &Case, signer: &dyn Signer) {
    match case.outcome {
        Outcome::Fails(class, message) => {
            let tbs = to_be_signed_of(signer, "fault", case.bytes);
            let signed = failing_as(class, async || signer.sign(&tbs).await).await;
            expect(&case.subject, signed.map(|_| ()), class, message);
        }
        Outcome::AnotherKey => {
            let tbs = to_be_signed_of(signer, "fault", case.bytes);
            match responded(async || signer.sign(&tbs).await).await {
                Ok(signature) => is_of_the_key(signer, &tbs, &signature),
                Err(error) => is_of_another_key(&case.subject, &error),
            }
        }
        Outcome::Works => {
            let (tbs, signature) = signs(case, signer).await;
            is_of_the_key(signer, &tbs, &signature);
        }
    }
}

/// What comes of a look at the signer, which may be that the key is connected again.
async fn judge_check(case: &Case, signer: &dyn Signer) {
    let subject = &case.subject;
    let checked = patiently_if(&case.outcome, async || signer.check().await).await;
    wiretap::show(&checked);
    let expected = match (case.check, &case.outcome) {
        (Look::Overlooks(_), _) | (Look::Sees, Outcome::Works) => None,
        (Look::Finds(class, message), _) => Some((class, message)),
        (Look::Sees, Outcome::Fails(class, message)) => Some((*class, *message)),
        (Look::Sees, Outcome::AnotherKey) => {
            return match checked {
                Ok(Checked::Reconnect) => judge_connect(case).await,
                Ok(same) => panic!("{same:?}, and the key is another"),
                Err(error) => is_of_another_key(subject, &error),
            };
        }
    };
    match (checked, expected) {
        (Ok(Checked::Unchanged { .. }), None) => {}
        (Ok(Checked::Reconnect), None) if case.check == Look::Sees => {
            is_the_key(subject, &subject.connected().await);
        }
        (Ok(Checked::Reconnect), Some((class, message))) => {
            let connected = failing_as(class, async || subject.connect().await).await;
            expect(subject, connected.map(|_| ()), class, message);
        }
        (Err(error), Some((class, message))) => expect(subject, Err(error), class, message),
        (other, _) => panic!("a check gave {other:?}"),
    }
}

async fn signs(case: &Case, signer: &dyn Signer) -> (CertificateToSign, Signature) {
    let tbs = to_be_signed_of(signer, "fault", case.bytes);
    assert!(tbs.der().len() >= case.bytes);
    let signature = patiently(async || signer.sign(&tbs).await).await;
    (tbs, signature)
}

/// As a caller who retries what is unreachable.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, KeyError>) -> T {
    let response = responded(call).await;
    response.unwrap_or_else(|error| panic!("{:?}: {error}", error.class))
}

/// A call of which this class of error is expected.
async fn failing_as<T>(
    class: ErrorClass,
    call: impl AsyncFn() -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    match class {
        ErrorClass::Unreachable => call().await,
        _ => responded(call).await,
    }
}

async fn patiently_if<T>(
    outcome: &Outcome,
    call: impl AsyncFn() -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    match outcome {
        Outcome::Fails(ErrorClass::Unreachable, _) => call().await,
        _ => responded(call).await,
    }
}

fn is_the_key(subject: &Subject, connected: &Connected) {
    let found = connected.signer.public_key();
    assert_eq!(found.spki_der(), subject.spki_der, "{}", subject.name);
}

fn is_of_the_key(signer: &dyn Signer, tbs: &ToBeSigned, signature: &Signature) {
    let key = signer.public_key();
    key.verify(tbs.algorithm(), tbs.der(), signature.as_bytes())
        .unwrap();
}

fn is_of_another_key(subject: &Subject, error: &KeyError) {
    let classes = [ErrorClass::KeyUnusable, ErrorClass::InvalidResponse];
    assert!(classes.contains(&error.class), "{:?}: {error}", error.class);
    readable(subject, error);
}

fn expect(subject: &Subject, found: Result<(), KeyError>, class: ErrorClass, message: &str) {
    let error = found.expect_err("the fault was not seen");
    assert_eq!(error.class, class, "{error}");
    let expected = match error.code {
        "" => error.message.contains(message),
        code => code == message,
    };
    assert!(expected, "{}: {error}", error.code);
    readable(subject, &error);
}

/// A message for a condition: neither long nor of several lines, and without a secret.
fn readable(subject: &Subject, error: &KeyError) {
    wiretap::show(error);
    let message = &error.message;
    assert!(message.chars().count() <= MAX_MESSAGE, "{message}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    for secret in &subject.secrets {
        assert!(!wiretap::shows(&format!("{error} {error:?}"), secret));
    }
}
