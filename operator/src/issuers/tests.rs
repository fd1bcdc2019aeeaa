//! Issuers: facts in, step and plan out.

mod existing;
mod generation;
mod profile;
mod rules;
mod self_signed;
mod shell;
mod spec;
mod status;

use std::sync::Arc;

use signet_api::{CAGeneration, CertificateSpec, Existing, IssuerSpec, SelfSigned};
use signet_core::ca::CaChain;
use signet_core::request::ServiceAccount;
use signet_keys::{ErrorClass, KeyError, Signer};

use super::decide::{Step, decide};
use super::facts::Facts;
use super::generation::{object, read};
use super::reason::{IssuerReason, NotReady};
use crate::connections::Key;
use crate::fixtures::{NOW, corp, key};
use crate::keyring::ReadyIssuer;

/// The ClusterIssuer `corp` with a self-signed root over a key that is there, and no CA yet.
fn self_signed(signer: &Arc<dyn Signer>) -> Facts {
    let certificate = CertificateSpec {
        self_signed: Some(SelfSigned::default()),
        existing: None,
    };
    Facts {
        name: corp(),
        uid: "uid-1".to_owned(),
        spec: IssuerSpec {
            key: key::software("ca"),
            key_limits: None,
            certificate,
            spiffe: None,
            profile: None,
        },
        namespace: "signet-system".to_owned(),
        generations: Vec::new(),
        kept: 0,
        key: Ok(key::found(signer)),
        existing: None,
        may_create_key: true,
        cert_manager: ServiceAccount {
            namespace: "cert-manager".to_owned(),
            name: "cert-manager".to_owned(),
        },
        now: NOW,
    }
}

/// The same with a certificate that stands beside the key.
fn existing(signer: &Arc<dyn Signer>, chain: CaChain) -> Facts {
    let mut facts = self_signed(signer);
    facts.spec.certificate.self_signed = None;
    facts.spec.certificate.existing = Some(Existing::default());
    facts.existing = Some(Ok(chain));
    facts
}

fn without_key() -> Result<Key, KeyError> {
    Err(KeyError::new(
        ErrorClass::KeyNotFound,
        "the Secret ca does not exist",
    ))
}

/// The object of a generation of the facts' issuer.
fn written(facts: &Facts, chain: &CaChain, number: u32) -> CAGeneration {
    object(
        &facts.name,
        &facts.namespace,
        (&facts.spec.key, facts.pin()),
        chain,
        number,
    )
}

/// Writes a generation down as the operator does, and reads it back.
fn adopt(facts: &mut Facts, chain: &CaChain, number: u32) {
    let generation = read(&written(facts, chain, number), facts.now);
    facts.generations.push(generation);
}

fn ready(facts: &Facts) -> ReadyIssuer {
    match decide(facts) {
        Ok(Step::Ready(ready)) => Arc::into_inner(ready).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn not_ready(facts: &Facts) -> NotReady {
    decide(facts).unwrap_err()
}

/// Not ready for this reason, and a user has to change something.
fn stalls(facts: &Facts, reason: IssuerReason) -> String {
    let not_ready = not_ready(facts);
    assert_eq!(
        (not_ready.reason, not_ready.stalled),
        (reason, true),
        "{not_ready:?}"
    );
    not_ready.message
}

/// Not ready for this reason, which may pass.
fn waits(facts: &Facts, reason: IssuerReason) -> String {
    let not_ready = not_ready(facts);
    assert_eq!(
        (not_ready.reason, not_ready.stalled),
        (reason, false),
        "{not_ready:?}"
    );
    not_ready.message
}
