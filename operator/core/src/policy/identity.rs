//! Which SPIFFE ID a requester may have.
//!
//! This is the room of the policy language to come. Until then the rule is fixed, and neither
//! annotations nor labels count: only the requester that the API server stamped, and the
//! controlling owner.

use super::{Denial, Kind, Rules, SpiffeRules};
use crate::quote;
use crate::reason::Reason;
use crate::request::{Request, ServiceAccount};
use crate::spiffe::SpiffeId;

/// Decides the SPIFFE ID of a leaf, or that there is none because the issuer is a plain CA.
///
/// A CA certificate carries the ID of the trust domain or none (X5-7), and no ID is written by
/// Signet. Who may have no identity may have no CA certificate either: under one, he could give
/// himself any.
pub(super) fn rule(
    request: &Request,
    rules: &Rules,
    kind: Kind,
) -> Result<Option<SpiffeId>, Denial> {
    let Some(spiffe) = &rules.spiffe else {
        return Ok(None);
    };
    let listed = listed(request)?;
    let claim = claim(request, spiffe)?;
    inside_issuer(claim.namespace(), rules)?;
    match kind {
        Kind::Leaf => claim.id(listed, spiffe).map(Some),
        Kind::Ca { .. } => signing_certificate(listed.as_ref(), spiffe).map(|()| None),
    }
}

/// The one URI that the CSR lists, read as a SPIFFE ID (X5-2: exactly one URI SAN).
fn listed(request: &Request) -> Result<Option<SpiffeId>, Denial> {
    let uris = request
        .csr
        .subject_alt_names()
        .map(|names| names.uris())
        .unwrap_or_default();
    match uris {
        [] => Ok(None),
        [uri] => canonical(uri).map(Some),
        _ => Err(denial(format!(
            "the CSR lists {} URIs, and an X509-SVID has exactly one (X509-SVID 2)",
            uris.len()
        ))),
    }
}

/// A listed ID goes into the certificate as it stands, so it must stand in lower case (SID-7).
fn canonical(uri: &str) -> Result<SpiffeId, Denial> {
    let shown = quote::text(uri);
    let id = SpiffeId::parse(uri)
        .map_err(|error| denial(format!("the URI {shown} is not a SPIFFE ID: {error}")))?;
    if id.to_string() == uri {
        return Ok(id);
    }
    Err(denial(format!(
        "write the SPIFFE ID {shown} in its canonical form, {id}"
    )))
}

/// X5-7: the ID of a signing certificate has no path.
fn signing_certificate(listed: Option<&SpiffeId>, spiffe: &SpiffeRules) -> Result<(), Denial> {
    let expected = spiffe.trust_domain.id();
    match listed {
        Some(id) if *id != expected => Err(denial(format!(
            "a CA certificate of this issuer may carry the URI {expected} or none, not {id}"
        ))),
        _ => Ok(()),
    }
}

/// On whose behalf a leaf is asked for.
enum Claim<'a> {
    /// A ServiceAccount asks for itself.
    Itself(ServiceAccount),
    /// cert-manager asks for a Certificate.
    Certificate { namespace: &'a str, name: &'a str },
}

fn claim<'a>(request: &'a Request, spiffe: &SpiffeRules) -> Result<Claim<'a>, Denial> {
    let account = request.requester.service_account().map_err(|error| {
        denial(format!(
            "{error}; only ServiceAccounts and Certificates can have a SPIFFE ID from this issuer"
        ))
    })?;
    if account != spiffe.cert_manager {
        at_home(&account, request)?;
        return Ok(Claim::Itself(account));
    }
    match (&request.namespace, &request.certificate) {
        (Some(namespace), Some(name)) => Ok(Claim::Certificate { namespace, name }),
        _ => Err(denial(
            "cert-manager made this request for something other than a Certificate, \
             so there is no identity to give"
                .to_owned(),
        )),
    }
}

/// An account speaks for itself in its own namespace alone.
///
/// A program that makes requests in the namespaces of others makes them for keys that it does
/// not keep, as cert-manager's csi-driver does for pods, and must not lend them its identity. A
/// CertificateSigningRequest stands in no namespace.
fn at_home(account: &ServiceAccount, request: &Request) -> Result<(), Denial> {
    let ServiceAccount { namespace, name } = account;
    match &request.namespace {
        Some(elsewhere) if elsewhere != namespace => Err(denial(format!(
            "the ServiceAccount {namespace}/{name} made this request in namespace {elsewhere}, \
             and a ServiceAccount has an identity in its own namespace alone; make the request \
             in namespace {namespace}, or use a cert-manager Certificate"
        ))),
        _ => Ok(()),
    }
}

impl Claim<'_> {
    fn namespace(&self) -> &str {
        match self {
            Self::Itself(account) => &account.namespace,
            Self::Certificate { namespace, .. } => namespace,
        }
    }

    fn id(&self, listed: Option<SpiffeId>, spiffe: &SpiffeRules) -> Result<SpiffeId, Denial> {
        match self {
            Self::Itself(ServiceAccount { namespace, name }) => {
                let own = made(spiffe, ["ns", namespace, "sa", name])?;
                match listed {
                    Some(id) if id != own => Err(denial(format!(
                        "the ServiceAccount {namespace}/{name} may have {own} alone, not {id}"
                    ))),
                    _ => Ok(own),
                }
            }
            Self::Certificate { namespace, name } => match listed {
                None => made(spiffe, ["ns", namespace, "certificate", name]),
                Some(id) if under_namespace(&id, namespace, spiffe) => Ok(id),
                Some(id) => Err(denial(format!(
                    "a Certificate in namespace {namespace} may have a SPIFFE ID under \
                     {}/ns/{namespace}/ alone, not {id}",
                    spiffe.trust_domain.id()
                ))),
            },
        }
    }
}

fn made<const N: usize>(spiffe: &SpiffeRules, segments: [&str; N]) -> Result<SpiffeId, Denial> {
    SpiffeId::from_segments(&spiffe.trust_domain, segments).map_err(|error| {
        denial(format!(
            "no SPIFFE ID can be made for the requester: {error}"
        ))
    })
}

/// Whether the ID lies strictly below `/ns/<namespace>/` of the trust domain.
fn under_namespace(id: &SpiffeId, namespace: &str, spiffe: &SpiffeRules) -> bool {
    let mut segments = id.segments();
    *id.trust_domain() == spiffe.trust_domain
        && segments.next() == Some("ns")
        && segments.next() == Some(namespace)
        && segments.next().is_some()
}

/// A namespaced issuer speaks only for its own namespace (SECURITY.md).
fn inside_issuer(namespace: &str, rules: &Rules) -> Result<(), Denial> {
    match &rules.namespace {
        Some(own) if own != namespace => Err(denial(format!(
            "the Issuer in namespace {own} gives identities of that namespace alone, \
             and the requester lives in {namespace}; use a ClusterIssuer"
        ))),
        _ => Ok(()),
    }
}

fn denial(message: String) -> Denial {
    Denial::new(Reason::IdentityNotAllowed, message)
}
