//! Why a CSR is refused.

use thiserror::Error;

use super::MAX_SIZE;
use crate::reason::Reason;
use crate::x509::names::NamesError;
use crate::x509::public_key::{PublicKeyError, SignatureMismatch};

/// Why a CSR was refused, and what to change. No message repeats more than a line of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CsrError {
    /// More than [`MAX_SIZE`] bytes.
    #[error("the CSR has {0} bytes, more than the maximum of {MAX_SIZE}; request fewer names")]
    TooLarge(usize),
    /// Not one PEM block of the right kind.
    #[error("the CSR is not valid PEM (RFC 7468): {0}")]
    Pem(#[from] PemError),
    /// Not DER, or not of the expected type.
    #[error(
        "the CSR is not strict DER, in its {what}: {source}; recreate it, for example with openssl req"
    )]
    Malformed {
        /// The part of the CSR.
        what: &'static str,
        /// Where the reader stopped.
        source: der::Error,
    },
    /// The only version of PKCS#10 is 1, which is encoded as 0.
    #[error("the CSR's version is not 0, the only version of PKCS#10; recreate it")]
    Version,
    /// The public key cannot be certified.
    #[error("{0}")]
    Key(#[from] PublicKeyError),
    /// MD2, MD5 or SHA-1.
    #[error("the CSR is signed with {0}, which is broken; sign it with SHA-256 or better")]
    WeakHash(&'static str),
    /// RSA-PSS.
    #[error(
        "the CSR is signed with RSA-PSS, which is not accepted; sign it with PKCS#1 v1.5 (sha256WithRSAEncryption)"
    )]
    RsaPss,
    /// Another signature algorithm, or a known one with parameters that its RFC forbids.
    #[error(
        "the CSR's signature algorithm {0} is unknown or has wrong parameters; sign it with ECDSA or RSA PKCS#1 v1.5 and SHA-256, SHA-384 or SHA-512, or with Ed25519"
    )]
    SignatureAlgorithm(String),
    /// No proof of possession.
    #[error(
        "the CSR's signature does not verify under its own public key; sign it with the key that it requests a certificate for"
    )]
    Signature(#[from] SignatureMismatch),
    /// No proof of possession of a key without a CSR.
    #[error(
        "spec.proofOfPossession is not a signature of spec.pkixPublicKey over spec.podUID; sign the UID with the private key of the pod's certificate"
    )]
    BareKeyProof,
    /// A stub CSR that is more than a key.
    #[error(
        "the CSR has {0}, and that of a PodCertificateRequest must be empty: Signet decides on the names; remove it"
    )]
    NotStub(&'static str),
    /// A malformed subject or subjectAltName.
    #[error("{0}")]
    Name(#[from] NamesError),
    /// An attribute that we do not know.
    #[error("the CSR has the attribute {0}, which Signet does not know; remove it")]
    UnknownAttribute(String),
    /// An attribute twice, or with other than one value.
    #[error(
        "the CSR has the attribute {0} more than once, or not with exactly one value; list it once"
    )]
    RepeatedAttribute(String),
    /// Extensions is SIZE (1..MAX).
    #[error("the CSR's extension request is empty; put an extension in or leave the attribute out")]
    NoExtensions,
    /// An extension that we do not know.
    #[error("the CSR requests the extension {0}, which Signet does not issue; remove it")]
    UnknownExtension(String),
    /// An extension twice (RFC 5280 4.2).
    #[error("the CSR requests the extension {0} twice; list it once")]
    RepeatedExtension(String),
    /// A known extension whose value its RFC does not allow.
    #[error("the CSR's extension {extension} {fault}")]
    InvalidExtension {
        /// The name of the extension.
        extension: &'static str,
        /// What is wrong and what to change.
        fault: String,
    },
}

impl CsrError {
    /// Returns the reason that status, event, metric and audit record carry.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Key(key) => key.reason(),
            Self::RsaPss | Self::SignatureAlgorithm(_) => Reason::UnsupportedKey,
            Self::WeakHash(_) => Reason::WeakKey,
            Self::Signature(_) | Self::BareKeyProof => Reason::InvalidSignature,
            Self::Name(_) => Reason::InvalidName,
            Self::UnknownAttribute(_) | Self::UnknownExtension(_) => Reason::UnsupportedExtension,
            Self::TooLarge(_)
            | Self::Pem(_)
            | Self::Malformed { .. }
            | Self::Version
            | Self::NotStub(_)
            | Self::RepeatedAttribute(_)
            | Self::NoExtensions
            | Self::RepeatedExtension(_)
            | Self::InvalidExtension { .. } => Reason::InvalidCsr,
        }
    }

    /// For `map_err`: what is not DER.
    pub(in crate::request) fn malformed(what: &'static str) -> impl Fn(der::Error) -> Self + Copy {
        move |source| Self::Malformed { what, source }
    }

    /// For `map_err`: a known extension whose value is not strict DER of its type.
    pub(super) fn not_der(extension: &'static str) -> impl Fn(der::Error) -> Self + Copy {
        move |source| {
            Self::invalid(
                extension,
                format!("is not strict DER ({source}); encode it as RFC 5280 requires"),
            )
        }
    }

    pub(super) fn invalid(extension: &'static str, fault: impl Into<String>) -> Self {
        Self::InvalidExtension {
            extension,
            fault: fault.into(),
        }
    }
}

/// What is wrong with the PEM around a CSR.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// Not text, or no block at all.
    #[error("there is no PEM block; start with -----BEGIN CERTIFICATE REQUEST-----")]
    Missing,
    /// Something in front of the block or behind it.
    #[error("there is text around the PEM block; send only the block")]
    TextAround,
    /// A second block.
    #[error("there is more than one PEM block; send one CSR")]
    SeveralBlocks,
    /// A block of another kind.
    #[error("the PEM block is a {0}; send a CERTIFICATE REQUEST")]
    Label(String),
    /// The lines between the boundaries.
    #[error("the block is damaged ({0}); write base64 in lines of one length, without headers")]
    Damaged(String),
}
