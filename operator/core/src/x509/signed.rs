//! The ASN.1 types of certificates (RFC 5280 4.1), with names and keys as raw DER.

use der::Sequence;
use der::asn1::{AnyRef, BitStringRef, UintRef};
use spki::AlgorithmIdentifierRef;
use x509_cert::ext::Extensions;
use x509_cert::time::Validity;

/// The value of `version` that means version 3, the first one with extensions.
pub(crate) const V3: u8 = 2;
/// Version 1, which is not written out.
pub(crate) const V1: u8 = 0;

/// What certificates, CSRs and CRLs are: something, and a signature over it.
#[derive(Sequence)]
pub(crate) struct Signed<'a> {
    pub(crate) content: AnyRef<'a>,
    pub(crate) algorithm: AlgorithmIdentifierRef<'a>,
    pub(crate) signature: BitStringRef<'a>,
}

/// TBSCertificate.
#[derive(Sequence)]
pub(crate) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "v1")]
    pub(crate) version: u8,
    pub(crate) serial_number: UintRef<'a>,
    pub(crate) signature: AlgorithmIdentifierRef<'a>,
    pub(crate) issuer: AnyRef<'a>,
    pub(crate) validity: Validity,
    pub(crate) subject: AnyRef<'a>,
    pub(crate) subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) issuer_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) subject_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) extensions: Option<Extensions>,
}

fn v1() -> u8 {
    V1
}
