//! Which SPIFFE ID a requester may have.
//!
//! The rule is fixed. Neither annotations nor labels count: only the requester that the API server
//! recorded, and the controlling owner.

use super::applicant::Applicant;
use super::{Denial, Kind, Rules, other_names};
use crate::quote;
use crate::reason::Reason;
use crate::request::{Request, ServiceAccount};
use crate::spiffe::{SpiffeId, TrustDomain};
use crate::x509::names::SubjectAltNames;

/// Decides the SPIFFE ID of a leaf, or that there is none because the issuer is a plain CA.
///
/// A CA certificate carries the ID of the trust domain or none (X5-7), and no ID is written by
/// Signet. The profile lists who may request one ([`ca`](super::ca)), from any namespace of a
/// ClusterIssuer.
pub(super) fn decide(
    request: &Request,
    rules: &Rules,
    kind: Kind,
) -> Result<Option<SpiffeId>, Denial> {
    let Some(trust_domain) = &rules.trust_domain else {
        return Ok(None);
    };
    let listed = parse_listed_id(request)?;
    let applicant = Applicant::of(request, rules).map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!(
            "{error}; only ServiceAccounts and Certificates can have a SPIFFE ID from this issuer"
        ))
    })?;
    if kind == Kind::Leaf {
        check_own_namespace(&applicant, request)?;
    }
    check_issuer_namespace(&applicant, rules)?;
    match kind {
        Kind::Leaf => leaf_id(&applicant, listed, request, trust_domain).map(Some),
        Kind::Ca { .. } => check_ca_id(listed.as_ref(), trust_domain).map(|()| None),
    }
}

/// Returns the one URI that the CSR lists, read as a SPIFFE ID (X5-2: exactly one URI SAN).
fn parse_listed_id(request: &Request) -> Result<Option<SpiffeId>, Denial> {
    let names = request.csr.extensions.subject_alt_names.as_ref();
    match names.map(SubjectAltNames::uris).unwrap_or_default() {
        [] => Ok(None),
        [uri] => parse_canonical(uri).map(Some),
        uris => Err(Reason::IdentityNotAllowed.denial(format!(
            "the CSR lists {} URIs, and an X509-SVID has exactly one (X509-SVID 2)",
            uris.len()
        ))),
    }
}

/// A listed ID goes into the certificate as it stands, so it must stand in lower case (SID-7).
fn parse_canonical(uri: &str) -> Result<SpiffeId, Denial> {
    let shown = quote::text(uri);
    let id = SpiffeId::parse(uri).map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!("the URI {shown} is not a SPIFFE ID: {error}"))
    })?;
    if id.to_string() == uri {
        return Ok(id);
    }
    Err(Reason::IdentityNotAllowed.denial(format!(
        "write the SPIFFE ID {shown} in its canonical form, {id}"
    )))
}

/// X5-7: the ID of a signing certificate has no path.
fn check_ca_id(listed: Option<&SpiffeId>, trust_domain: &TrustDomain) -> Result<(), Denial> {
    let expected = trust_domain.id();
    match listed {
        Some(id) if *id != expected => Err(Reason::IdentityNotAllowed.denial(format!(
            "a CA certificate of this issuer may carry the URI {expected} or none, not {id}"
        ))),
        _ => Ok(()),
    }
}

/// A ServiceAccount has an identity in its own namespace only.
///
/// A program that makes requests in the namespaces of others makes them for keys that it does
/// not keep, as cert-manager's csi-driver does for pods, and must not lend them its identity. A
/// CertificateSigningRequest has no namespace.
fn check_own_namespace(applicant: &Applicant<'_>, request: &Request) -> Result<(), Denial> {
    let own = applicant.namespace();
    match &request.raw.namespace {
        Some(elsewhere) if elsewhere != own => Err(Reason::IdentityNotAllowed.denial(format!(
            "{applicant} made this request in namespace {elsewhere}, and can have a SPIFFE ID in its \
             own namespace only; make the request in namespace {own}, or use a cert-manager \
             Certificate"
        ))),
        _ => Ok(()),
    }
}

/// A namespaced issuer speaks only for its own namespace (SECURITY.md).
fn check_issuer_namespace(applicant: &Applicant<'_>, rules: &Rules) -> Result<(), Denial> {
    match &rules.namespace {
        Some(own) if own != applicant.namespace() => {
            Err(Reason::IdentityNotAllowed.denial(format!(
                "the Issuer in namespace {own} issues SPIFFE IDs of that namespace only, and \
             {applicant} is in another; use a ClusterIssuer"
            )))
        }
        _ => Ok(()),
    }
}

fn leaf_id(
    applicant: &Applicant<'_>,
    listed: Option<SpiffeId>,
    request: &Request,
    trust_domain: &TrustDomain,
) -> Result<SpiffeId, Denial> {
    match applicant {
        Applicant::ServiceAccount(account) => {
            service_account_id(account, listed, request, trust_domain)
        }
        Applicant::Certificate { namespace, name } => match listed {
            None => spiffe_id(trust_domain, ["ns", namespace, "certificate", name]),
            Some(id) if is_under_namespace(&id, namespace, trust_domain) => Ok(id),
            Some(id) => Err(Reason::IdentityNotAllowed.denial(format!(
                "a Certificate in namespace {namespace} is allowed a SPIFFE ID under {}/ns/{namespace}/, \
                 not {id}",
                trust_domain.id()
            ))),
        },
    }
}

/// A ServiceAccount's own ID is added only where the request names nothing else. An agent that
/// requests for workloads, each with its own name, must not lend them its identity.
fn service_account_id(
    account: &ServiceAccount,
    listed: Option<SpiffeId>,
    request: &Request,
    trust_domain: &TrustDomain,
) -> Result<SpiffeId, Denial> {
    let ServiceAccount { namespace, name } = account;
    let own = spiffe_id(trust_domain, ["ns", namespace, "sa", name])?;
    match (listed, other_names::describe(&request.csr)) {
        (Some(id), _) if id != own => Err(Reason::IdentityNotAllowed.denial(format!(
            "the ServiceAccount {namespace}/{name} is allowed {own}, not {id}"
        ))),
        (None, Some(others)) => Err(Reason::IdentityNotAllowed.denial(format!(
            "{others}, and Signet adds a SPIFFE ID only to a request that names nothing else; \
             list the URI {own} in the CSR, or remove the other names"
        ))),
        _ => Ok(own),
    }
}

fn spiffe_id(trust_domain: &TrustDomain, segments: [&str; 4]) -> Result<SpiffeId, Denial> {
    SpiffeId::from_segments(trust_domain, segments).map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!(
            "the requester's name cannot be part of a SPIFFE ID: {error}"
        ))
    })
}

/// Returns whether the ID lies strictly below `/ns/<namespace>/` of the trust domain.
fn is_under_namespace(id: &SpiffeId, namespace: &str, trust_domain: &TrustDomain) -> bool {
    let mut segments = id.segments();
    id.trust_domain() == trust_domain
        && segments.next() == Some("ns")
        && segments.next() == Some(namespace)
        && segments.next().is_some()
}
