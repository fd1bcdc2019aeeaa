//! What is accepted and should be better.

use super::Remedy;
use crate::ca::CaChain;
use crate::quote;
use crate::spiffe::TrustDomain;

/// What a user should know about a chain that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// RFC 5280 4.2.1.2: every CA certificate has one.
    #[error(
        "the certificate of {0} has no subjectKeyIdentifier, which some verifiers require of a CA"
    )]
    NoKeyIdentifier(String),
    /// RFC 5280 4.2.1.9: it is critical on a CA.
    #[error("the basicConstraints of {0} are not critical, which strict verifiers require of a CA")]
    BasicConstraintsNotCritical(String),
    /// Without cRLSign it cannot revoke what it signs.
    #[error("the certificate of {0} has no key usage cRLSign, so it cannot sign CRLs")]
    NoCrlSign(String),
    /// A SPIFFE ID that is not the issuer's (X5-7).
    #[error(
        "the CA certificate has the SPIFFE ID {found}, and {}",
        expected_id(.expected.as_deref())
    )]
    SpiffeId {
        /// The ID, quoted.
        found: String,
        /// The ID of the issuer's trust domain, if it has one.
        expected: Option<String>,
    },
    /// PKI-11: rustls-webpki does not process policies.
    #[error(
        "the certificate policies of {0} are critical, so that peers which verify with rustls \
         refuse every certificate below it"
    )]
    CriticalPolicies(String),
    /// The root was trusted because it was the first.
    #[error(
        "the root {subject} was pinned on first use; to keep it pinned in a cluster that is \
         rebuilt, {remedy}"
    )]
    Pinned {
        /// Its subject.
        subject: String,
        /// What makes the pin permanent.
        remedy: Remedy,
    },
    /// A further root that nothing vouches for.
    #[error("the offered root {0} is not trusted, and not published")]
    RootLeftOut(String),
}

/// Returns the warnings about the certificates of the path.
pub fn of(chain: &CaChain, trust_domain: Option<&TrustDomain>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for ca in chain.path() {
        let subject = || ca.subject().to_owned();
        let extensions = &ca.extensions;
        if extensions.key_identifier.is_none() {
            warnings.push(Warning::NoKeyIdentifier(subject()));
        }
        if !extensions.has_critical_basic_constraints {
            warnings.push(Warning::BasicConstraintsNotCritical(subject()));
        }
        if extensions.has_critical_policies {
            warnings.push(Warning::CriticalPolicies(subject()));
        }
    }
    let issuing = chain.issuing();
    if !issuing.extensions.may_sign_crls {
        warnings.push(Warning::NoCrlSign(issuing.subject().to_owned()));
    }
    if let Some(id) = other_spiffe_id(chain, trust_domain) {
        warnings.push(Warning::SpiffeId {
            found: quote::text(id),
            expected: trust_domain.map(|own| own.id().to_string()),
        });
    }
    warnings
}

/// Returns a SPIFFE ID of the issuing CA that is not that of the trust domain.
pub(super) fn other_spiffe_id<'a>(
    chain: &'a CaChain,
    trust_domain: Option<&TrustDomain>,
) -> Option<&'a str> {
    let own = trust_domain.map(|own| own.id().to_string());
    let mut ids = chain.issuing().spiffe_ids();
    ids.find(|id| Some(*id) != own.as_deref())
}

/// Returns what a message says of the ID that a CA certificate may have.
pub(super) fn expected_id(expected: Option<&str>) -> String {
    match expected {
        Some(id) => format!("that of the issuer is {id}"),
        None => "the issuer has no trust domain".to_owned(),
    }
}
