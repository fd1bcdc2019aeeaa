//! What an issuer reports about its lifecycle. Pure.

use std::time::Duration;

use jiff::Timestamp;
use signet_api::IssuerKind;
use signet_core::ca::lifecycle::{Ignored, MAX_BUNDLE, MAX_ROOTS, NotSigning, Stuck, Wait};
use signet_keys::ErrorClass;

use super::facts::Facts;
use super::generation::Stored;
use super::parents;
use super::reason::{IssuerReason, NotReady};

pub(super) fn preparing() -> NotReady {
    IssuerReason::Progressing.waits("the CA is being prepared")
}

/// Returns what requests learn while the key is created, which may take seconds: no one has to put it
/// there.
pub(super) fn creating_key(found: NotReady, facts: &Facts) -> NotReady {
    let key = facts.spec.key.backend().reference();
    match found.reason {
        IssuerReason::Key(ErrorClass::KeyNotFound) => {
            IssuerReason::Progressing.waits(format!("its key {key} is being created"))
        }
        _ => found,
    }
}

/// Returns that an issuer is suspended, whatever else it waits for.
pub(super) fn suspended(besides: Option<&NotReady>) -> NotReady {
    let message = "the issuer is suspended; remove spec.suspend to resume";
    IssuerReason::Suspended.waits(match besides {
        Some(not_ready) => format!("{message}. It could not sign: {}", not_ready.message),
        None => message.to_owned(),
    })
}

pub(super) fn not_signing(why: &NotSigning, facts: &Facts) -> NotReady {
    match why {
        NotSigning::Suspended => suspended(None),
        NotSigning::NotActive => preparing(),
        NotSigning::Expired(at) => {
            let expired = format!("the CA certificate or one above it expired at {at}");
            match (facts.rotation.follows_existing, facts.offer.as_ref()) {
                (_, Some(Err(refused))) => refused.clone(),
                (true, _) => IssuerReason::CaExpired
                    .stalls(expired + "; replace it with a valid certificate"),
                (false, _) => IssuerReason::CaExpired.waits(expired + "; its renewal is under way"),
            }
        }
        NotSigning::NotYetValid(at) => not_yet_valid(&at.to_string()),
    }
}

fn not_yet_valid(at: &str) -> NotReady {
    IssuerReason::CaNotYetValid.waits(format!(
        "the CA certificate or one above it is not valid before {at}"
    ))
}

/// Returns what the spec asks for and cannot get.
pub(super) fn stuck(stuck: &Stuck) -> String {
    match stuck {
        Stuck::KeyRevoked(key) => format!(
            "spec.key leads to the key {key}, which spec.rotation.revoked lists; set spec.key to \
             another key"
        ),
    }
}

/// Adds where the objects of a ClusterIssuer are: the operator's flag decides, and nothing in the spec.
pub(super) fn with_namespace(not_ready: NotReady, facts: &Facts) -> NotReady {
    let is_missing = not_ready.is_missing || not_ready.reason == IssuerReason::CaLost;
    match facts.name.kind {
        IssuerKind::ClusterIssuer if is_missing => NotReady {
            message: format!(
                "{}; the objects of a ClusterIssuer belong in the namespace {} \
                 (--cluster-resource-namespace)",
                not_ready.message, facts.namespace
            ),
            ..not_ready
        },
        _ => not_ready,
    }
}
/// Continues the message of a key that does not exist and that Signet would create, but for its flag.
pub(super) const NOT_CREATED: &str = "; Signet does not create keys of Issuers here, which the \
                                      chart value namespacedIssuers.createKeys allows";

/// Continues the message of a key that does not exist.
pub(super) fn not_replaced(stored: &Stored) -> String {
    format!(
        "; CAGeneration {} was issued over it, and Signet does not replace it",
        stored.name()
    )
}

pub(super) fn key_mismatch(facts: &Facts, signing: &Stored) -> NotReady {
    IssuerReason::KeyMismatch.stalls(format!(
        "{} does not match the key of CAGeneration {}; restore that key, or set \
         spec.rotation.requestID to rotate to the new one",
        facts.spec.key.backend().reference(),
        signing.name()
    ))
}

/// Returns what an issuer without an active generation waits for.
pub(super) fn waits(wait: &Wait, facts: &Facts) -> NotReady {
    match wait {
        Wait::NotYetValid(at) => not_yet_valid(&at.to_string()),
        Wait::Certificate if parents::pending_csr(facts).is_some() => {
            IssuerReason::WaitingForCertificate.waits_for_object(wait_text(wait, facts))
        }
        Wait::Certificate if facts.pending.is_some() => {
            IssuerReason::WaitingForParent.waits(wait_text(wait, facts))
        }
        other => IssuerReason::Progressing.waits(wait_text(other, facts)),
    }
}

/// Returns what the next generation waits for.
pub(super) fn wait_text(wait: &Wait, facts: &Facts) -> String {
    match wait {
        Wait::Certificate => match parents::pending_csr(facts) {
            Some((_, csr, place)) => format!(
                "waits for its certificate: get the CSR in status.csr signed (SHA-256 {}), and put \
                 the chain into {place}",
                csr.fingerprint()
            ),
            None => match &facts.pending {
                Some(pending) => format!("waits for its certificate: {pending}"),
                None => "waits for its certificate".to_owned(),
            },
        },
        Wait::Useless { not_after } => format!(
            "its certificate ends at {not_after}, no later than the current one; its parent has to \
             be renewed"
        ),
        Wait::TooManyRoots => format!(
            "its root would be the bundle's root number {}; it is published when an older one has \
             left",
            MAX_ROOTS + 1
        ),
        Wait::BundleTooLarge(bytes) => format!(
            "the trust bundle would have {bytes} bytes, and at most {MAX_BUNDLE} are allowed; remove \
             roots"
        ),
        Wait::Publication => "waits until its root is published".to_owned(),
        Wait::NotYetValid(at) => format!("its certificate is not valid before {at}"),
        Wait::Suspended => "waits until spec.suspend is removed".to_owned(),
        Wait::Command => {
            let next = next_fingerprint(facts).unwrap_or_default();
            match facts.mesh.as_ref().and_then(|_| end_of_active(facts)) {
                Some(end) => format!(
                    "waits for spec.rotation.activate: {next}; the CA certificate that signs now \
                     expires at {end}"
                ),
                None => format!("waits for spec.rotation.activate: {next}"),
            }
        }
        Wait::Delay(at) if facts.mesh.is_some() => format!(
            "is activated at {at}, when no certificate is left that was issued before the mesh loaded \
             its root"
        ),
        Wait::Delay(at) => format!("is activated at {at}, after spec.rotation.activationDelay"),
        Wait::Leaves {
            until,
            under,
            lifetime,
        } => format!(
            "is activated at {until}, when leaves of up to {} under generation {under}, which came \
             without its root, have expired",
            hours(*lifetime)
        ),
    }
}

pub(super) fn wait_reason(wait: &Wait) -> &'static str {
    match wait {
        Wait::Certificate => "WaitingForCertificate",
        Wait::Useless { .. } => "NotLonger",
        Wait::TooManyRoots => "TooManyRoots",
        Wait::BundleTooLarge(_) => "BundleTooLarge",
        Wait::Publication => "WaitingForPublication",
        Wait::NotYetValid(_) => "CaNotYetValid",
        Wait::Suspended => "Suspended",
        Wait::Command => "WaitingForCommand",
        Wait::Delay(_) => "WaitingForDelay",
        Wait::Leaves { .. } => "WaitingForLeaves",
    }
}

fn next_fingerprint(facts: &Facts) -> Option<String> {
    let next = facts.next()?;
    Some(next.facts.certified.as_ref()?.fingerprint.clone())
}

/// Returns until when a person can wait.
fn end_of_active(facts: &Facts) -> Option<Timestamp> {
    Some(facts.active()?.facts.certified.as_ref()?.not_after)
}

fn hours(lifetime: Duration) -> String {
    match lifetime.as_secs() {
        seconds if seconds >= 3600 => format!("{} h", seconds.div_ceil(3600)),
        seconds => format!("{seconds} s"),
    }
}

/// Returns that a command applies to nothing.
pub(super) fn ignored(command: &Ignored) -> String {
    match command {
        Ignored::Activate(named) => format!(
            "spec.rotation.activate is ignored, because {named} is not the certificate of the next \
             generation"
        ),
        Ignored::RollbackTo(named) => format!(
            "spec.rotation.rollbackTo is ignored, because {named} is not the certificate of a \
             generation that is valid and not revoked"
        ),
    }
}
