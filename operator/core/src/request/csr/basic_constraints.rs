//! basicConstraints (RFC 5280 4.2.1.9).

use der::{Decode, Encode, Tag};

use super::CsrError;

const EXTENSION: &str = "basicConstraints";

/// Whether a CA certificate is asked for, and how many CAs may follow below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The cA flag.
    pub ca: bool,
    /// The pathLenConstraint, which only a CA has.
    pub path_length: Option<u8>,
}

impl BasicConstraints {
    pub(super) fn read(value: &[u8]) -> Result<Self, CsrError> {
        let not_der = || CsrError::not_der(EXTENSION);
        let typed = x509_cert::ext::pkix::BasicConstraints::from_der(value).map_err(not_der())?;
        // Catches `cA FALSE` written out, which DER leaves out as the default.
        if typed.to_der().map_err(not_der())? != value {
            return Err(not_der()(Tag::Sequence.non_canonical_error().into()));
        }
        if !typed.ca && typed.path_len_constraint.is_some() {
            let fault = "has a path length without cA; set cA or remove the path length";
            return Err(CsrError::invalid(EXTENSION, fault));
        }
        Ok(Self {
            ca: typed.ca,
            path_length: typed.path_len_constraint,
        })
    }
}
