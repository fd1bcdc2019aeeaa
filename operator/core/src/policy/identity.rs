//! Which SPIFFE ID a requester may have for itself.
//!
//! Neither annotations nor labels count: only the requester that the API server recorded, and the
//! controlling owner.

use super::applicant::Applicant;
use super::case::Case;
use super::pattern::Bindings;
use super::requesters::{self, Pending, Subject};
use super::rule::{Rule, Unlisted};
use super::{Denial, other_names};
use crate::reason::Reason;
use crate::spiffe::{SpiffeId, TrustDomain};

/// The identity that a rule gives to a leaf.
#[derive(Default)]
pub(super) struct Identity<'a> {
    /// None on an issuer without a trust domain.
    pub(super) id: Option<SpiffeId>,
    /// The variables of the names beside it.
    pub(super) bindings: Bindings<'a>,
    /// The namespace whose labels are needed to be sure.
    pub(super) pending: Option<Pending>,
    /// It is an agent's own, and so are all names in the request.
    pub(super) is_agents_own: bool,
}

/// Decides the SPIFFE ID of a leaf that is not requested by a delegate.
pub(super) fn decide<'a>(
    case: &'a Case<'a>,
    rule: &'a Rule,
    subject: &Subject<'a>,
) -> Result<Identity<'a>, Denial> {
    let Subject::Own(applicant) = *subject else {
        return Ok(Identity::default());
    };
    check_own_namespace(applicant, case)?;
    check_scope(case, subject)?;
    let bindings = requesters::bindings(applicant);
    let id = match &case.policy.trust_domain {
        None => None,
        Some(trust_domain) => Some(leaf_id(case, rule, applicant, trust_domain)?),
    };
    Ok(Identity {
        id,
        bindings,
        ..Identity::default()
    })
}

/// A ServiceAccount has certificates in its own namespace only.
///
/// A program that makes requests in the namespaces of others makes them for keys that it does
/// not keep, as cert-manager's csi-driver does for pods, and must not lend them its identity. A
/// CertificateSigningRequest has no namespace.
fn check_own_namespace(applicant: &Applicant<'_>, case: &Case<'_>) -> Result<(), Denial> {
    let own = applicant.namespace();
    let what = match case.policy.trust_domain {
        Some(_) => "SPIFFE ID",
        None => "certificate",
    };
    match &case.request.raw.namespace {
        Some(elsewhere) if elsewhere != own => Err(Reason::IdentityNotAllowed.denial(format!(
            "{applicant} made this request in namespace {elsewhere}, and can have a {what} in its \
             own namespace only; make the request in namespace {own}, or use a cert-manager \
             Certificate"
        ))),
        _ => Ok(()),
    }
}

/// A namespaced issuer speaks only for its own namespace (SECURITY.md).
pub(super) fn check_scope(case: &Case<'_>, subject: &Subject<'_>) -> Result<(), Denial> {
    let (Some(own), Subject::Own(applicant)) = (&case.policy.namespace, subject) else {
        return Ok(());
    };
    if own == applicant.namespace() {
        return Ok(());
    }
    let what = match case.policy.trust_domain {
        Some(_) => "SPIFFE IDs of",
        None => "certificates to requesters in",
    };
    Err(Reason::IdentityNotAllowed.denial(format!(
        "the Issuer in namespace {own} issues {what} that namespace only, and {applicant} is in \
         another; use a ClusterIssuer"
    )))
}

fn leaf_id(
    case: &Case<'_>,
    rule: &Rule,
    applicant: &Applicant<'_>,
    trust_domain: &TrustDomain,
) -> Result<SpiffeId, Denial> {
    let bindings = requesters::bindings(applicant);
    let patterns = &rule.allow.spiffe_ids.patterns;
    let matches = |id: &SpiffeId| {
        let mut patterns = patterns.iter();
        id.trust_domain() == trust_domain
            && patterns.any(|pattern| pattern.matches(id.segments(), &bindings))
            && is_in_scope(id, case)
    };
    if let Some(id) = &case.listed {
        return match matches(id) {
            true => Ok(id.clone()),
            false => Err(Reason::IdentityNotAllowed.denial(format!(
                "{} is allowed {}, not {id}",
                applicant.describe(),
                allowed_ids(rule, &bindings, trust_domain)
            ))),
        };
    }
    if requesters::is_delegate(case) {
        return Err(Reason::IdentityNotAllowed.denial(format!(
            "{applicant} requests for others under another rule, so that its own SPIFFE ID is not \
             added; list it in the CSR"
        )));
    }
    let id = added_id(rule, applicant, &bindings, trust_domain)?;
    let id = id.filter(matches).ok_or_else(|| {
        Reason::IdentityNotAllowed.denial(format!(
            "the CSR lists no SPIFFE ID, and {} has none by default; list one in the CSR: allowed is {}",
            applicant,
            allowed_ids(rule, &bindings, trust_domain)
        ))
    })?;
    check_not_lent(case, rule, applicant, &id).map(|()| id)
}

/// Returns what Signet adds to a request that lists no ID: the default of the rule, or the form of
/// the kind of requester.
fn added_id(
    rule: &Rule,
    applicant: &Applicant<'_>,
    bindings: &Bindings<'_>,
    trust_domain: &TrustDomain,
) -> Result<Option<SpiffeId>, Denial> {
    let segments = match &rule.allow.spiffe_ids.default {
        Some(default) => default.fill(bindings),
        None => Some(applicant.own_segments().to_vec()),
    };
    let id = segments.map(|segments| SpiffeId::from_segments(trust_domain, segments));
    id.transpose().map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!(
            "the requester's name cannot be part of a SPIFFE ID: {error}"
        ))
    })
}

/// An ID is added only where the request names nothing else, or where the rule lists every name in
/// it. An agent that requests for workloads, each with its own name, must not lend them its
/// identity. The ID that names a Certificate belongs to it and nothing else.
fn check_not_lent(
    case: &Case<'_>,
    rule: &Rule,
    applicant: &Applicant<'_>,
    id: &SpiffeId,
) -> Result<(), Denial> {
    let names_certificate = matches!(applicant, Applicant::Certificate { .. })
        && id.segments().eq(applicant.own_segments());
    if rule.allow.unlisted == Unlisted::Refused || names_certificate {
        return Ok(());
    }
    match other_names::describe(&case.request.csr) {
        None => Ok(()),
        Some(others) => Err(Reason::IdentityNotAllowed.denial(format!(
            "{others}, and Signet adds a SPIFFE ID only to a request that names nothing else; \
             list the URI {id} in the CSR, or remove the other names"
        ))),
    }
}

/// A namespaced issuer gives no ID outside of `/ns/<its namespace>/`, whatever its rules list.
pub(super) fn is_in_scope(id: &SpiffeId, case: &Case<'_>) -> bool {
    let Some(own) = &case.policy.namespace else {
        return true;
    };
    let mut segments = id.segments();
    segments.next() == Some("ns")
        && segments.next() == Some(own.as_str())
        && segments.next().is_some()
}

/// How many patterns a message shows.
const MAX_PATTERNS: usize = 4;

/// Returns the IDs of a rule for a message.
pub(super) fn allowed_ids(
    rule: &Rule,
    bindings: &Bindings<'_>,
    trust_domain: &TrustDomain,
) -> String {
    let patterns = &rule.allow.spiffe_ids.patterns;
    let shown = patterns.iter().take(MAX_PATTERNS).map(|pattern| {
        let path = pattern.describe(bindings);
        let id = trust_domain.id();
        match path.strip_suffix("**") {
            Some(prefix) if !prefix.contains('*') => format!("a SPIFFE ID under {id}{prefix}"),
            _ => format!("{id}{path}"),
        }
    });
    let shown: Vec<_> = shown.collect();
    match patterns.len().saturating_sub(shown.len()) {
        _ if patterns.is_empty() => "no SPIFFE ID".to_owned(),
        0 => shown.join(" or "),
        more => format!("{} and {more} more", shown.join(" or ")),
    }
}
