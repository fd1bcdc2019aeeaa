//! Whether a CA certificate is issued, and with which path length.

use super::case::Case;
use super::rule::{CaRight, Requesters, Rule};
use super::{Denial, IssuerPolicy, Kind};
use crate::reason::Reason;
use crate::request::Request;
use crate::spiffe::TrustDomain;

/// What the profile allows in CA certificates. Rules decide who may request one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaProfile {
    /// The path length of a CA certificate that is issued: never more, and exactly this unless
    /// the rule or the CSR requests less or the issuing CA itself allows less.
    pub path_length: u8,
}

/// Checks what rules cannot change: the CSR's basicConstraints, where it has them, agree with the
/// spec (rule A3-23), and the issuer has CA certificates at all.
pub(super) fn check(request: &Request, policy: &IssuerPolicy) -> Result<(), Denial> {
    let constraints = request.csr.extensions.basic_constraints;
    if let Some(constraints) = constraints
        && constraints.ca != request.raw.ca
    {
        return Err(Reason::InvalidCsr.denial(format!(
            "the CSR's basicConstraints say CA:{}, but the request says {}; make them agree",
            constraints.ca, request.raw.ca
        )));
    }
    if !request.raw.ca {
        return check_leaf(request);
    }
    if policy.ca.is_none() {
        return Err(Reason::CaNotAllowed.denial(
            "a CA certificate was requested, and the issuer has no spec.profile.ca; set it, or request \
             a certificate that is not a CA's",
        ));
    }
    check_confined(policy)
}

/// The holder of a CA certificate can give any identity of the trust domain to anyone, so a CA
/// cannot be confined to a namespace.
fn check_confined(policy: &IssuerPolicy) -> Result<(), Denial> {
    if policy.namespace.is_none() || policy.trust_domain.is_none() {
        return Ok(());
    }
    Err(Reason::CaNotAllowed.denial(
        "an Issuer in a namespace with a trust domain issues no CA certificates, because they \
         cannot be confined to the namespace; use a ClusterIssuer",
    ))
}

/// Decides what a rule allows in a CA certificate. Its path length is that of the rule and the
/// profile, never above the issuing CA's less one (PKI-7), and less if the CSR requests less.
pub(super) fn decide(case: &Case<'_>, rule: &Rule) -> Result<Kind, Denial> {
    // The holder of a CA certificate needs no delegation: it can give any identity to anyone.
    let right = match rule.requesters {
        Requesters::Delegates(_) => None,
        _ => rule.allow.ca,
    };
    let (Some(right), Some(profile)) = (right, case.policy.ca) else {
        return Err(not_allowed(case));
    };
    check_annotation(case.request, case.policy)?;
    let path_length = choose_path_length(case.request, case.policy, profile, right)?;
    if let Some(trust_domain) = &case.policy.trust_domain {
        check_id(case, trust_domain)?;
    }
    Ok(Kind::Ca { path_length })
}

/// Refuses a requester that no rule allows a CA certificate.
pub(super) fn not_allowed(case: &Case<'_>) -> Denial {
    match &case.applicant {
        Ok(applicant) => Reason::CaNotAllowed.denial(format!(
            "no rule of the issuer allows CA certificates to {applicant}; add allow.ca to a rule \
             for it in the issuer's spec.policy.rules, or request a certificate that is not a CA's"
        )),
        Err(error) => Reason::CaNotAllowed.denial(format!(
            "{error}; only the ServiceAccounts and Certificates of rules with allow.ca in the \
             issuer's spec.policy.rules can get a CA certificate"
        )),
    }
}

/// X5-7: the ID of a signing certificate has no path. Signet adds none.
fn check_id(case: &Case<'_>, trust_domain: &TrustDomain) -> Result<(), Denial> {
    let expected = trust_domain.id();
    match &case.listed {
        Some(id) if *id != expected => Err(Reason::IdentityNotAllowed.denial(format!(
            "a CA certificate of this issuer may carry the URI {expected} or none, not {id}"
        ))),
        _ => Ok(()),
    }
}

/// An annotation may change after the approval, and the CSR cannot. So in a trust domain the CSR
/// itself must request a CA certificate.
fn check_annotation(request: &Request, policy: &IssuerPolicy) -> Result<(), Denial> {
    if policy.trust_domain.is_none()
        || !request.raw.annotated.ca
        || request.csr.extensions.basic_constraints.is_some()
    {
        return Ok(());
    }
    Err(Reason::InvalidCsr.denial(
        "an annotation requests a CA certificate, and the CSR does not; in a trust domain, add \
         basicConstraints with CA:TRUE to the CSR",
    ))
}

fn choose_path_length(
    request: &Request,
    policy: &IssuerPolicy,
    profile: CaProfile,
    right: CaRight,
) -> Result<u8, Denial> {
    let allowed = profile.path_length.min(right.path_length);
    let limit = match policy.limits.path_length() {
        Some(0) => {
            return Err(Reason::PathLengthExceeded.denial(
                "the issuing CA has path length 0 and cannot issue a CA certificate; \
                 use an issuer whose CA allows a longer path",
            ));
        }
        Some(parent) => allowed.min(parent - 1),
        None => allowed,
    };
    let constraints = request.csr.extensions.basic_constraints;
    match constraints.and_then(|constraints| constraints.path_length) {
        Some(requested) if requested > limit => Err(Reason::PathLengthExceeded.denial(format!(
            "the CSR requests path length {requested}, and the issuer and its rule allow {limit}; \
             request at most {limit}"
        ))),
        requested => Ok(requested.unwrap_or(limit)),
    }
}

fn check_leaf(request: &Request) -> Result<(), Denial> {
    if request.csr.extensions.name_constraints.is_some() {
        // RFC 5280 4.2.1.10: nameConstraints MUST be used only in a CA certificate.
        return Err(Reason::InvalidCsr.denial(
            "the CSR has nameConstraints, which only a CA certificate may carry; \
             set isCA or remove them",
        ));
    }
    Ok(())
}
