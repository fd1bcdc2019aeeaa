//! The CA that issues, and the self-signed certificate that an issuer makes for itself.

use std::time::Duration;

use der::Encode;
use jiff::Timestamp;
use x509_cert::name::Name;

use super::certificate::{CertificateToSign, Fields};
use super::{CaUrls, IssueError, ValidityPeriod, extensions};
use crate::ca::CaChain;
use crate::spiffe::TrustDomain;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::PublicKey;

/// The CA under which a certificate is built: its chain, and how its key signs.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The chain, issuing CA first.
    pub chain: &'a CaChain,
    /// The signature algorithm of the CA's key.
    pub algorithm: SignatureAlgorithm,
    /// The URLs that its certificates carry.
    pub urls: &'a CaUrls,
}

/// An issuer's own root certificate, from `spec.certificate`.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The issuer's UID; it goes into the serial number as a request's UID does.
    pub uid: String,
    /// Subject and issuer; not empty (RFC 5280 4.1.2.6).
    pub subject: Name,
    /// The lifetime.
    pub duration: Duration,
    /// How many CAs may follow below it; none is without limit.
    pub path_length: Option<u8>,
    /// Makes the root an X509-SVID of the trust domain itself (X5-8, SID-8).
    pub trust_domain: Option<TrustDomain>,
}

impl SelfSigned {
    /// Builds the root over `public_key`, at the time `now`.
    ///
    /// # Errors
    /// The subject cannot be encoded.
    pub fn to_be_signed(
        &self,
        public_key: &PublicKey,
        algorithm: SignatureAlgorithm,
        now: Timestamp,
    ) -> Result<CertificateToSign, IssueError> {
        let subject = self.subject.to_der()?;
        let spki = public_key.spki_der();
        let fields = Fields {
            algorithm,
            signer: public_key,
            uid: &self.uid,
            ca_fingerprint: spki,
            issuer: &subject,
            window: ValidityPeriod::backdated(now, self.duration),
            subject: &subject,
            spki,
            path_length: None,
            extensions: extensions::for_root(self, public_key)?,
        };
        fields.with_serial_number()
    }
}
