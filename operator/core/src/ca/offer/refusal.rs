//! Why an offer was refused, and what to change.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ca::lifecycle::MAX_BUNDLE;
use crate::ca::{ChainError, Forbidden};
use crate::x509::algorithm::KeyAlgorithm;

/// What makes a root trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// This YAML in `spec.certificate`.
    Spec(String),
    /// To add it to this object, which the spec names.
    Object(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(yaml) => write!(f, "set in spec.certificate: {yaml}"),
            Self::Object(object) => write!(f, "add it to ca.crt of {object}"),
        }
    }
}

/// Why no issuer can sign under what was offered. Each message states what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The certificates cannot be read, or do not form a chain of CAs.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Something other than a certificate.
    #[error(
        "it holds a PEM block {0}, and only blocks CERTIFICATE are allowed; remove it (`openssl \
         pkcs7 -print_certs` converts PKCS7)"
    )]
    OtherBlock(String),
    /// No certificate is for the issuer's key.
    #[error(
        "none of its certificates is for the issuer's key; the first one is of {0}. Use a key and a \
         certificate that belong together"
    )]
    OtherKey(String),
    /// The key is weaker than the profile requires.
    #[error(
        "the key is {found}, whose strength is {} bits, and the profile requires {minimum}; use a \
         stronger key",
        .found.security_bits()
    )]
    WeakKey {
        /// The kind of key.
        found: KeyAlgorithm,
        /// The strength that the profile requires, in bits.
        minimum: u16,
    },
    /// A certificate of the path has expired.
    #[error("the certificate of {subject} expired at {at}; renew it")]
    Expired {
        /// Its subject.
        subject: String,
        /// When it expired.
        at: Timestamp,
    },
    /// The path is valid in a few minutes, as with a parent whose clock is ahead.
    #[error("the certificate of {subject} is not valid before {at}; Signet waits")]
    NotYetValid {
        /// The subject of the certificate that begins last.
        subject: String,
        /// When it begins.
        at: Timestamp,
    },
    /// The path is not valid for a long time yet.
    #[error(
        "the certificate of {subject} is not valid before {at}; use one that is valid now, or \
         correct the clock of the CA above"
    )]
    BeginsLater {
        /// The subject of the certificate that begins last.
        subject: String,
        /// When it begins.
        at: Timestamp,
    },
    /// Less than the minimum lifetime remains.
    #[error(
        "the certificate of {subject} expires at {at}, and at least {:#} must remain; request a \
         longer lifetime, or renew the CA above",
        lifetime(.minimum)
    )]
    EndsSoon {
        /// The subject of the certificate that ends first.
        subject: String,
        /// When it ends.
        at: Timestamp,
        /// The lifetime that must remain.
        minimum: Duration,
    },
    /// Fewer CAs may follow than the issuer is for.
    #[error(
        "it allows {allowed} CAs below it, and the issuer needs {needed}; sign it with path length \
         {needed} or more, also in the CAs above"
    )]
    PathLength {
        /// How many may follow.
        allowed: u8,
        /// How many must be able to.
        needed: u8,
    },
    /// A critical extension that verifiers do not process, so that they refuse the path.
    #[error(
        "the certificate of {subject} has the critical extension {extension}, which verifiers do \
         not know; reissue it without, or not critical"
    )]
    CriticalExtension {
        /// Its subject.
        subject: String,
        /// The object identifier, with its name.
        extension: String,
    },
    /// requireExplicitPolicy: leaves would need a certificate policy, and have none.
    #[error(
        "the certificate of {0} requires certificate policies (requireExplicitPolicy), which \
         Signet does not issue; reissue it without"
    )]
    ExplicitPolicy(String),
    /// A CA of the path is not allowed by one above it.
    #[error("the certificate of {subject} is not valid below its own CAs: {forbidden}")]
    OutsideLimits {
        /// Its subject.
        subject: String,
        /// What is not allowed.
        forbidden: Forbidden,
    },
    /// No X509-SVID would verify.
    #[error("no SPIFFE ID of {trust_domain} would verify: {forbidden}")]
    NoSvid {
        /// The issuer's trust domain.
        trust_domain: String,
        /// What is not allowed.
        forbidden: Forbidden,
    },
    /// A requested CA certificate with a SPIFFE ID that was not requested (X5-7).
    #[error(
        "the certificate has the SPIFFE ID {found}, and {}; have it signed with the names of the \
         CSR",
        super::warning::expected_id(.expected.as_deref())
    )]
    SpiffeId {
        /// The ID, quoted.
        found: String,
        /// The ID of the issuer's trust domain, if it has one.
        expected: Option<String>,
    },
    /// The path ends at an intermediate.
    #[error(
        "the root above {0} is missing; add it, or set spec.certificate.allowMissingRoot to trust \
         that certificate itself"
    )]
    MissingRoot(String),
    /// Roots that a trust bundle has no room for.
    #[error("its roots have {bytes} bytes, and a trust bundle at most {MAX_BUNDLE}; remove roots")]
    RootsTooLarge {
        /// Their size in PEM.
        bytes: usize,
    },
    /// A root that nothing vouches for.
    #[error(
        "the root {subject} with SHA-256 {fingerprint} is not trusted; compare the SHA-256 with the \
         root's owner, and to trust it, {remedy}"
    )]
    UntrustedRoot {
        /// Its subject.
        subject: String,
        /// Its SHA-256, in hex.
        fingerprint: String,
        /// What makes it trusted.
        remedy: Remedy,
    },
}

fn lifetime(minimum: &Duration) -> SignedDuration {
    SignedDuration::try_from(*minimum).unwrap_or(SignedDuration::MAX)
}

impl Refusal {
    /// Returns when the same offer may be accepted, if only time has to pass.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::NotYetValid { at, .. } => Some(*at),
            _ => None,
        }
    }
}
