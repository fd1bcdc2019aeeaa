//! Bytes with which a key shows that it signs.

use std::time::Duration;

use jiff::Timestamp;

use super::tbs::Fields;
use super::{TemplateError, ToBeSigned, Window};
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::PublicKey;

/// A Name without attributes (RFC 5280 4.1.2.4): nobody.
const NOBODY: &[u8] = &[0x30, 0x00];

impl ToBeSigned {
    /// A certificate that is good for nothing: of nobody and by nobody, which no verifier takes as
    /// an issuer (RFC 5280 4.1.2.4), over the key's own public half, for no purpose, and ended
    /// since 1970. It fits into no chain, so that no certificate can be made of it here either.
    ///
    /// # Errors
    /// The encoding fails.
    pub fn trial(
        public_key: &PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> Result<Self, TemplateError> {
        let fields = Fields {
            algorithm,
            issuer: NOBODY,
            window: Window::backdated(Timestamp::UNIX_EPOCH, Duration::ZERO),
            subject: NOBODY,
            spki: public_key.spki_der(),
            extensions: Vec::new(),
        };
        Self::new(&fields, "", &[], public_key)
    }
}
