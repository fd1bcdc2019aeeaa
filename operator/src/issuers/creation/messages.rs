//! Why a CA is not created, and what to do. Pure.

use signet_core::ca::Root;
use signet_core::ca::creation::{Creation, Earlier, Trace, Verdict};

use crate::issuers::facts::Facts;
use crate::issuers::reason::{IssuerReason, NotReady};

/// Returns why an issuer without an active CA gets none; none if it may get one.
pub(in crate::issuers) fn not_ready(facts: &Facts, verdict: &Verdict) -> Option<NotReady> {
    Some(match verdict {
        Verdict::Proceed | Verdict::Adopt => return None,
        Verdict::Wait(_) if facts.traces.earlier.is_empty() => IssuerReason::Progressing.waits(
            "the object with the trust bundle cannot be read, and it may be that of an earlier CA; \
             Signet tries again by itself",
        ),
        Verdict::Wait(until) => IssuerReason::Progressing.waits(format!(
            "{}; Signet waits until {until}, because a restore may be under way",
            missing(facts)
        )),
        Verdict::Lost => IssuerReason::CaLost.stalls(lost(facts)),
        Verdict::Forbidden => IssuerReason::CreationForbidden.stalls(forbidden(facts)),
        Verdict::NoExpectedRoot => IssuerReason::CreationForbidden.stalls(no_expected(facts)),
    })
}

/// Returns why a missing key is not created in the place of one under which a CA was issued.
pub(in crate::issuers) fn of_key(facts: &Facts, verdict: &Verdict, missing: NotReady) -> NotReady {
    match (facts.traces.creation, verdict) {
        (Some(Creation::LostKey), Verdict::Wait(until)) => NotReady {
            message: format!(
                "{}; Signet waits until {until}, because a restore may be under way",
                missing.message
            ),
            stalled: false,
            ..missing
        },
        (Some(Creation::LostKey), Verdict::Lost | Verdict::Forbidden | Verdict::NoExpectedRoot) => {
            not_ready(facts, verdict).unwrap_or(missing)
        }
        _ => missing,
    }
}

/// Returns why the root for another key is not created next to the CA that signs.
pub(in crate::issuers) fn refused_new_root(facts: &Facts, verdict: &Verdict) -> Option<String> {
    let is_new_root = facts.traces.creation == Some(Creation::NewRoot);
    match verdict {
        Verdict::Forbidden if is_new_root => Some(
            "no root is created for the key in spec.key, because spec.certificate.creation is \
             Forbidden"
                .to_owned(),
        ),
        Verdict::NoExpectedRoot if is_new_root => Some(
            "no root is created for the key in spec.key, because it would not be that of \
             spec.certificate.expectedRoot"
                .to_owned(),
        ),
        _ => None,
    }
}

pub(in crate::issuers) fn unexpected_root(facts: &Facts, root: &Root) -> NotReady {
    let expected = facts.spec.certificate.expected_root.as_deref();
    IssuerReason::InvalidCa.stalls(format!(
        "the root of the CA certificate has the SHA-256 {}, and spec.certificate.expectedRoot is {}; \
         correct the CA certificate or expectedRoot",
        root.fingerprint,
        expected.unwrap_or_default()
    ))
}

/// Returns which trace names the CA that is missing.
fn missing(facts: &Facts) -> String {
    let Some(Earlier { trace, fingerprint }) = facts.traces.earlier.first() else {
        return String::new();
    };
    match trace {
        Trace::Status => format!("status.ca names the CA {fingerprint}, which has no CAGeneration"),
        Trace::Generation if facts.traces.creation == Some(Creation::LostKey) => {
            format!("the key of the CA {fingerprint} is gone")
        }
        Trace::Generation => {
            format!("the CA {fingerprint} was replaced, and its successor has no CAGeneration")
        }
        Trace::Bundle => {
            format!("status.bundle has the root {fingerprint} of a CA that has no CAGeneration")
        }
        Trace::BundleObject => format!(
            "the object with the trust bundle has the root {fingerprint} of a CA that has no \
             CAGeneration"
        ),
        Trace::Key => format!(
            "the key {fingerprint} was created for an earlier issuer of this name, whose CA has no \
             CAGeneration"
        ),
    }
}

fn lost(facts: &Facts) -> String {
    let key = facts.spec.key.backend().reference();
    let restore = match facts.traces.creation {
        Some(Creation::LostKey) => {
            let generation = facts.made_over_spec_key().map(|one| one.name());
            format!(
                "{key}, over which {} was issued",
                generation.unwrap_or_default()
            )
        }
        _ if facts.missing_spec_key().is_some() => {
            format!("the issuer's CAGenerations and the key {key}")
        }
        _ => "the issuer's CAGenerations, or the key that the CA certificate is for".to_owned(),
    };
    let fingerprint = facts.traces.earlier.first();
    let fingerprint = fingerprint.map_or("", |earlier| earlier.fingerprint.as_str());
    let message = format!(
        "{}; restore {restore}, or set spec.certificate.acknowledgedLoss to {fingerprint} to start \
         over with another CA",
        missing(facts)
    );
    let is_in_object = |first: &Earlier| first.trace == Trace::BundleObject;
    match facts.traces.earlier.first().is_some_and(is_in_object) {
        true => format!("{message}; that root then stays trusted, so check first that it is yours"),
        false => message,
    }
}

fn forbidden(facts: &Facts) -> String {
    match facts.traces.earlier.is_empty() {
        true => "the issuer has no CA, and spec.certificate.creation is Forbidden; restore its \
                 CAGenerations and its key, or set creation to Allowed"
            .to_owned(),
        false => format!(
            "{}, and spec.certificate.creation is Forbidden; set it to Allowed to start over with \
             another CA",
            missing(facts)
        ),
    }
}

fn no_expected(facts: &Facts) -> String {
    let expected = facts.spec.certificate.expected_root.as_deref();
    format!(
        "there is no CA with the root {} of spec.certificate.expectedRoot; restore the issuer's \
         CAGenerations and its key, or remove expectedRoot to create another root",
        expected.unwrap_or_default()
    )
}
