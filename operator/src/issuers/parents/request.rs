//! What an issuer requests from the CA above it. Pure.

use signet_api::{self as api, CertificateSource};
use signet_core::ca::CaChain;
use signet_core::ca::lifecycle::NewGeneration;
use signet_core::issue::{CaName, CaRequest, Name, default_subject, parse_subject};
use signet_core::x509::name_constraints::{NameConstraints, Subtrees};
use signet_core::x509::names::NameSet;

use crate::issuer_name::IssuerName;
use crate::issuers::facts::Facts;
use crate::issuers::reason::{IssuerReason, NotReady};

/// Returns what the CSR of a new generation requests; none if its source wants no CSR, or it takes
/// over a certificate.
///
/// # Errors
/// The spec cannot be put into a CSR.
pub(in crate::issuers) fn ca_request(
    new: &NewGeneration,
    facts: &Facts,
) -> Result<Option<CaRequest>, NotReady> {
    let source = facts.spec.certificate.source();
    let wanted = source.filter(|_| new.copy_of.is_none());
    let Some((spec, field)) = wanted.and_then(requested) else {
        return Ok(None);
    };
    Ok(Some(CaRequest {
        subject: subject(spec, field, new, facts)?,
        path_length: spec.path_length,
        trust_domain: facts.trust_domain()?,
        name_constraints: match &spec.name_constraints {
            Some(constraints) => Some(name_constraints(constraints, field)?),
            None => None,
        },
    }))
}

/// Returns what a source requests, and its field in `spec.certificate`; none if it is sent no CSR.
pub(in crate::issuers) fn requested(
    source: CertificateSource<'_>,
) -> Option<(&api::CaRequest, &'static str)> {
    match source {
        CertificateSource::IssuerRef(parent) => Some((&parent.request, "issuerRef")),
        CertificateSource::VaultPki(source) => Some((&source.request, "vaultPki")),
        CertificateSource::Manual(manual) => Some((&manual.request, "manual")),
        CertificateSource::SelfSigned(_) | CertificateSource::Existing(_) => None,
    }
}

/// A renewal keeps the subject of its key (RFC 5280 4.1.2.6: it must be that of every CRL and
/// certificate that the key signs). Another key has another subject.
fn subject(
    spec: &api::CaRequest,
    field: &str,
    new: &NewGeneration,
    facts: &Facts,
) -> Result<Name, NotReady> {
    if let Some(subject) = &spec.subject {
        return parse(subject, field);
    }
    let chains = || facts.generations.stored.iter().rev();
    let mut same_key = chains().filter(|one| one.key.fingerprint == new.key);
    if let Some(kept) = same_key.find_map(|one| one.chain.as_ref()?.issuing().subject_name()) {
        return Ok(kept);
    }
    let above = chains().filter_map(|one| one.chain.as_ref());
    let parents = above.flat_map(CaChain::subjects).collect();
    by_default(&facts.name, new.number, &parents)
}

/// Reads the subject of a source, which is this field of `spec.certificate`.
pub(super) fn parse(subject: &str, field: &str) -> Result<Name, NotReady> {
    parse_subject(subject).map_err(|fault| {
        IssuerReason::InvalidSpec.stalls(format!(
            "spec.certificate.{field}.subject {subject:?} {fault}"
        ))
    })
}

/// Returns the subject of a CA whose spec has none. Another key has another one, so that verifiers
/// can tell the CAs apart.
pub(super) fn by_default(
    issuer: &IssuerName,
    generation: u32,
    parents: &NameSet,
) -> Result<Name, NotReady> {
    let ca = CaName {
        kind: issuer.kind.as_str(),
        namespace: issuer.kind.is_namespaced().then_some(&*issuer.namespace),
        name: &issuer.name,
        generation,
    };
    default_subject(&ca, parents)
        .map_err(|error| IssuerReason::InvalidSpec.stalls(error.to_string()))
}

fn name_constraints(spec: &api::NameConstraints, field: &str) -> Result<NameConstraints, NotReady> {
    let list = |subtrees: &Option<api::Subtrees>| {
        let subtrees = subtrees.clone().unwrap_or_default();
        Subtrees {
            dns_domains: subtrees.dns_domains,
            ip_ranges: subtrees.ip_ranges,
            email_addresses: subtrees.email_addresses,
            uri_domains: subtrees.uri_domains,
        }
    };
    NameConstraints::new(&list(&spec.permitted), &list(&spec.excluded)).map_err(|error| {
        IssuerReason::InvalidSpec.stalls(format!("spec.certificate.{field}.{error}"))
    })
}
