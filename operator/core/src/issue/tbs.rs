//! TBSCertificate of RFC 5280 4.1, from fields that are partly raw DER.

use der::asn1::{AnyRef, UintRef};
use der::{Decode, Encode, Sequence};
use x509_cert::ext::Extension;
use x509_cert::time::Validity;

use super::Window;
use crate::x509::algorithm::SignatureAlgorithm;

/// Everything but the serial number.
pub(super) struct Fields<'a> {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) issuer: &'a [u8],
    pub(super) window: Window,
    pub(super) subject: &'a [u8],
    pub(super) spki: &'a [u8],
    pub(super) extensions: Vec<Extension>,
}

/// The ASN.1 type. Issuer, subject and key stay the bytes that they were (PKI-2, rule A3-26).
#[derive(Sequence)]
struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial_number: UintRef<'a>,
    signature: AnyRef<'a>,
    issuer: AnyRef<'a>,
    validity: Validity,
    subject: AnyRef<'a>,
    subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// The value of `version` that means version 3.
const V3: u8 = 2;

impl Fields<'_> {
    pub(super) fn with_serial(&self, serial: &[u8]) -> der::Result<Vec<u8>> {
        let algorithm = self.algorithm.algorithm_identifier_der();
        TbsCertificate {
            version: V3,
            serial_number: UintRef::new(serial)?,
            signature: AnyRef::from_der(&algorithm)?,
            issuer: AnyRef::from_der(self.issuer)?,
            validity: self.window.to_validity()?,
            subject: AnyRef::from_der(self.subject)?,
            subject_public_key_info: AnyRef::from_der(self.spki)?,
            extensions: self.extensions.clone(),
        }
        .to_der()
    }

    /// The same bytes with a serial number of zero: what the serial number is computed over.
    pub(super) fn without_serial(&self) -> der::Result<Vec<u8>> {
        self.with_serial(&[0])
    }
}
