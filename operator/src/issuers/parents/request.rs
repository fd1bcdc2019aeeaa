//! What an issuer requests from the CA above it. Pure.

use signet_api::{self as api, CertificateSource, IssuerKind};
use signet_core::ca::CaChain;
use signet_core::ca::lifecycle::NewGeneration;
use signet_core::issue::{CaName, CaRequest, Name, default_subject, parse_subject};
use signet_core::x509::name_constraints::{NameConstraints, Subtrees};
use signet_core::x509::names::NameSet;

use crate::issuers::decide::trust_domain;
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
    let (spec, field) = match facts.spec.certificate.source() {
        Some(CertificateSource::Manual(manual)) if new.copy_of.is_none() => {
            (&manual.request, "manual")
        }
        _ => return Ok(None),
    };
    Ok(Some(CaRequest {
        subject: subject(spec, field, new, facts)?,
        path_length: spec.path_length,
        trust_domain: trust_domain(facts)?,
        name_constraints: match &spec.name_constraints {
            Some(constraints) => Some(name_constraints(constraints, field)?),
            None => None,
        },
    }))
}

/// A renewal keeps the subject of its key (RFC 5280 4.1.2.6: it must be that of every CRL and
/// certificate that the key signs). Another key has another subject.
fn subject(
    spec: &api::CaRequest,
    field: &str,
    new: &NewGeneration,
    facts: &Facts,
) -> Result<Name, NotReady> {
    let invalid = |message: String| {
        IssuerReason::InvalidSpec.stalls(format!("spec.certificate.{field}.subject {message}"))
    };
    if let Some(subject) = &spec.subject {
        return parse_subject(subject).map_err(|fault| invalid(format!("{subject:?} {fault}")));
    }
    let chains = || facts.generations.stored.iter().rev();
    let same_key = chains().filter(|one| one.key.fingerprint == new.key);
    let kept = same_key.filter_map(|one| one.chain.as_ref()?.issuing().subject_name());
    if let Some(kept) = kept.into_iter().next() {
        return Ok(kept);
    }
    let above = chains().filter_map(|one| one.chain.as_ref());
    let parents: NameSet = above.flat_map(CaChain::subjects).collect();
    let ca = CaName {
        kind: facts.name.kind.as_str(),
        namespace: (facts.name.kind == IssuerKind::Issuer).then_some(&*facts.name.namespace),
        name: &facts.name.name,
        generation: new.number,
    };
    default_subject(&ca, &parents).map_err(|error| invalid(error.to_string()))
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
