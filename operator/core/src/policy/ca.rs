//! Whether a CA certificate is issued, to which requesters, and with which path length.

use super::applicant::Applicant;
use super::{Denial, Kind, Rules};
use crate::reason::Reason;
use crate::request::{Request, ServiceAccount};

/// What the profile allows to requesters of CA certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaProfile {
    /// The path length of a CA certificate that is issued: never more, and exactly this unless
    /// the CSR requests less or the issuing CA itself allows less.
    pub path_length: u8,
    /// Who may request one. Without a list it is every approved request, or in a trust domain
    /// none.
    pub allowed_requesters: Option<AllowedRequesters>,
}

/// A list of requesters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedRequesters {
    /// ServiceAccounts that may request for themselves.
    pub service_accounts: Vec<ServiceAccount>,
    /// The namespaces whose Certificates may request.
    pub certificate_namespaces: Vec<String>,
}

impl AllowedRequesters {
    /// cert-manager's own account is never an applicant, so listing it has no effect.
    fn contains(&self, applicant: &Applicant<'_>) -> bool {
        match applicant {
            Applicant::ServiceAccount(account) => self.service_accounts.contains(account),
            Applicant::Certificate { namespace, .. } => {
                (self.certificate_namespaces.iter()).any(|allowed| allowed == namespace)
            }
        }
    }
}

/// Decides between leaf and CA.
///
/// A CA is refused unless the profile allows it to this requester. Its path length is the
/// profile's, never above the issuing CA's less one (PKI-7), and less if the CSR requests less. The
/// CSR's basicConstraints, where it has them, must agree with the spec (rule A3-23).
pub(super) fn decide(request: &Request, rules: &Rules) -> Result<Kind, Denial> {
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
    let Some(profile) = &rules.ca else {
        return Err(Reason::CaNotAllowed.denial(
            "a CA certificate was requested, and the issuer's spec.profile.ca does not allow any",
        ));
    };
    check_requester(request, rules, profile)?;
    check_annotation(request, rules)?;
    choose_path_length(request, rules, profile).map(|path_length| Kind::Ca { path_length })
}

/// Under a CA certificate of a trust domain its holder can give any identity to anyone, so there
/// the profile lists who may request one.
fn check_requester(request: &Request, rules: &Rules, profile: &CaProfile) -> Result<(), Denial> {
    let Some(allowed) = &profile.allowed_requesters else {
        return match rules.trust_domain {
            None => Ok(()),
            Some(_) => Err(Reason::CaNotAllowed.denial(
                "an issuer with a trust domain issues CA certificates only to those in \
                 spec.profile.ca.allowedRequesters, which it does not have",
            )),
        };
    };
    let applicant = Applicant::of(request, rules).map_err(|error| {
        Reason::CaNotAllowed.denial(format!(
            "{error}; only the ServiceAccounts and Certificates in the issuer's \
             spec.profile.ca.allowedRequesters can get a CA certificate"
        ))
    })?;
    if allowed.contains(&applicant) {
        return Ok(());
    }
    Err(Reason::CaNotAllowed.denial(format!(
        "{applicant} is not in the issuer's spec.profile.ca.allowedRequesters; add it there, or \
         request a certificate that is not a CA's"
    )))
}

/// An annotation may change after the approval, and the CSR cannot. So in a trust domain the CSR
/// itself must request a CA certificate.
fn check_annotation(request: &Request, rules: &Rules) -> Result<(), Denial> {
    if rules.trust_domain.is_none()
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

fn choose_path_length(request: &Request, rules: &Rules, profile: &CaProfile) -> Result<u8, Denial> {
    let limit = match rules.limits.path_length() {
        Some(0) => {
            return Err(Reason::PathLengthExceeded.denial(
                "the issuing CA has path length 0 and cannot issue a CA certificate; \
                 use an issuer whose CA allows a longer path",
            ));
        }
        Some(parent) => profile.path_length.min(parent - 1),
        None => profile.path_length,
    };
    let constraints = request.csr.extensions.basic_constraints;
    match constraints.and_then(|constraints| constraints.path_length) {
        Some(requested) if requested > limit => Err(Reason::PathLengthExceeded.denial(format!(
            "the CSR requests path length {requested}, and this issuer allows {limit}"
        ))),
        requested => Ok(requested.unwrap_or(limit)),
    }
}

fn check_leaf(request: &Request) -> Result<Kind, Denial> {
    if request.csr.extensions.name_constraints.is_some() {
        // RFC 5280 4.2.1.10: nameConstraints MUST be used only in a CA certificate.
        return Err(Reason::InvalidCsr.denial(
            "the CSR has nameConstraints, which only a CA certificate may carry; \
             set isCA or remove them",
        ));
    }
    Ok(Kind::Leaf)
}
