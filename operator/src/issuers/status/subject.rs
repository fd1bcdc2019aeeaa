//! Warns of a subject that two keys share. Pure.

use signet_api::CertificateSource;
use signet_core::ca::lifecycle::State;
use signet_core::x509::names::ComparableName;

use crate::issuers::facts::Facts;
use crate::issuers::generation::Stored;
use crate::issuers::parents;

/// Returns that the subject in the spec is that of two keys: a verifier that selects a CA by its
/// subject, as one does without key identifiers, may try the wrong one.
pub(super) fn reused(facts: &Facts) -> Option<String> {
    let field = explicit(facts)?;
    let mut living = facts.generations.stored.iter().rev();
    let mut living = living
        .by_ref()
        .filter(|one| facts.state(one) != State::Expired);
    let newest = living.find(|one| one.facts.purpose.certificate == facts.rotation.certificate)?;
    let subject = subject(newest)?;
    let other = living.find(|one| {
        one.key.fingerprint != newest.key.fingerprint
            && self::subject(one).as_ref() == Some(&subject)
    })?;
    Some(format!(
        "spec.certificate.{field}.subject is that of {} and of {}, which have different keys, so \
         that verifiers can confuse them; set another subject, or none, for each key",
        other.name(),
        newest.name()
    ))
}

/// Returns the field of the source that has a subject.
fn explicit(facts: &Facts) -> Option<&'static str> {
    let source = facts.spec.certificate.source()?;
    if let CertificateSource::SelfSigned(own) = source {
        return own.subject.as_ref().map(|_| "selfSigned");
    }
    let (requested, field) = parents::requested(source)?;
    requested.subject.as_ref().map(|_| field)
}

/// Returns the subject of a generation, or the one that its CSR requests.
fn subject(one: &Stored) -> Option<ComparableName> {
    let certified = one
        .chain
        .as_ref()
        .map(|chain| chain.issuing().comparable_subject());
    certified.or_else(|| Some(one.csr.as_ref()?.comparable_subject()))
}
