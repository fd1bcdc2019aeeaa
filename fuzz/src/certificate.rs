//! What holds for every certificate that a grant allows, as independent readers see it.

use std::collections::BTreeSet;
use std::time::Duration;

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use signet_core::ca::CaChain;
use signet_core::issue::{CertificateToSign, Issued, Signature};
use signet_core::policy::{Grant, Kind};
use signet_core::spiffe::SpiffeId;
use signet_core::x509::algorithm::KeyAlgorithm;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage as Purpose, anchor_from_trusted_cert};
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::{TbsCertificate, Version};

use crate::ca::Ca;
use crate::request::TRUST_DOMAIN;

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// A certificate before it is signed, with what it was made from.
pub struct Unsigned<'a> {
    pub tbs: &'a CertificateToSign,
    pub grant: &'a Grant,
    pub chain: &'a CaChain,
    pub now: Timestamp,
    /// Whether the issuer has a trust domain.
    pub spiffe: bool,
    /// The namespace of the issuer, if it has one.
    pub namespace: Option<&'a str>,
}

impl Unsigned<'_> {
    /// Reads the bytes back with x509-cert and rustls-webpki, and asserts what must hold.
    pub fn check(&self) {
        let tbs = TbsCertificate::from_der(self.tbs.der()).expect("x509-cert reads it");
        assert_eq!(
            tbs.to_der().expect("and writes it"),
            self.tbs.der(),
            "one encoding"
        );
        self.fields(&tbs);
        self.validity(&tbs);
        self.extensions(&tbs);
        if self.grant.kind == Kind::Leaf {
            let der = with_any_signature(self.tbs.der());
            EndEntityCert::try_from(&CertificateDer::from(&der[..])).expect("webpki reads it");
        }
    }

    /// PKI-1, PKI-2, A3-26.
    fn fields(&self, tbs: &TbsCertificate) {
        assert_eq!(tbs.version(), Version::V3);
        let serial = tbs.serial_number().as_bytes();
        assert!(serial.len() <= 20 && serial[0] & 0x80 == 0, "{serial:?}");
        assert!(serial.iter().any(|byte| *byte != 0));
        let der = |value: &dyn Fn() -> der::Result<Vec<u8>>| value().expect("it is written");
        assert_eq!(
            der(&|| tbs.issuer().to_der()),
            self.chain.issuing().subject_der()
        );
        assert_eq!(der(&|| tbs.subject().to_der()), self.grant.subject_der);
        let key = der(&|| tbs.subject_public_key_info().to_der());
        assert_eq!(key, self.grant.public_key.spki_der());
    }

    /// PKI-6.
    fn validity(&self, tbs: &TbsCertificate) {
        let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let begin = seconds(tbs.validity().not_before);
        let end = seconds(tbs.validity().not_after);
        let now = self.now.as_second().unsigned_abs();
        assert!(begin <= now && now < end, "{begin} {now} {end}");
        assert!(begin >= self.chain.not_before().as_second().unsigned_abs());
        assert!(end <= self.chain.not_after().as_second().unsigned_abs());
        assert!(end - begin <= self.grant.duration.as_secs());
    }

    fn extensions(&self, tbs: &TbsCertificate) {
        let extensions = tbs.extensions().expect("it has extensions");
        let ids: BTreeSet<_> = extensions.iter().map(|it| it.extn_id).collect();
        assert_eq!(ids.len(), extensions.len(), "each once");
        let (critical, constraints) = get::<BasicConstraints>(tbs).expect("basicConstraints");
        let (usage_critical, usage) = get::<KeyUsage>(tbs).expect("keyUsage");
        assert!(critical && usage_critical, "PKI-4, PKI-5");
        let purposes = get::<ExtendedKeyUsage>(tbs)
            .map(|(_, it)| it.0)
            .unwrap_or_default();
        let purposes: Vec<_> = purposes.iter().map(ToString::to_string).collect();
        assert!(
            !purposes.iter().any(|it| it == OCSP_SIGNING),
            "a responder of its CA"
        );
        match self.grant.kind {
            Kind::Leaf => {
                assert!(!constraints.ca);
                assert!(usage.0.contains(KeyUsages::DigitalSignature), "X5-14");
                let signing = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
                assert!((usage.0 & signing).is_empty(), "X5-14");
                self.fits_the_key(usage.0);
            }
            Kind::Ca { path_length } => {
                assert!(constraints.ca && constraints.path_len_constraint == Some(path_length));
                assert!(
                    self.chain
                        .path_length()
                        .is_none_or(|limit| path_length < limit),
                    "PKI-7"
                );
                assert!(
                    usage
                        .0
                        .contains(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
                    "X5-13"
                );
                assert!(!tbs.subject().is_empty(), "PKI-2");
            }
        }
        self.names(tbs);
        if self.spiffe {
            self.svid(tbs, &purposes);
        }
    }

    /// PKI-8.
    fn fits_the_key(&self, usage: FlagSet<KeyUsages>) {
        let encipherment = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
        let unfit = match self.grant.public_key.algorithm() {
            KeyAlgorithm::Rsa { .. } => KeyUsages::KeyAgreement.into(),
            KeyAlgorithm::Ed25519 => encipherment | KeyUsages::KeyAgreement,
            _ => encipherment,
        };
        assert!((usage & unfit).is_empty(), "PKI-8: {usage:?}");
        let only = KeyUsages::EncipherOnly | KeyUsages::DecipherOnly;
        assert!(usage.contains(KeyUsages::KeyAgreement) || (usage & only).is_empty());
    }

    /// X5-5, and that no certificate has the name of a CA, by which a CRL's issuer is found (RFC
    /// 5280 6.3.3).
    fn names(&self, tbs: &TbsCertificate) {
        let subject = tbs.subject().to_string().to_lowercase();
        let mut above = self.chain.path().iter().chain(self.chain.roots());
        assert!(
            above.all(|ca| ca.subject().to_lowercase() != subject),
            "the subject of a CA: {subject}"
        );
        let names = get::<SubjectAltName>(tbs);
        assert!(
            names.is_some() || !tbs.subject().is_empty(),
            "it has a name"
        );
        if let Some((critical, names)) = names {
            assert_eq!(critical, tbs.subject().is_empty(), "X5-5");
            assert!(!names.0.is_empty());
        }
    }

    /// X5-2, X5-4, X5-7, X5-15.
    fn svid(&self, tbs: &TbsCertificate, purposes: &[String]) {
        let names = get::<SubjectAltName>(tbs)
            .map(|(_, it)| it.0)
            .unwrap_or_default();
        let uris: Vec<_> = names
            .iter()
            .filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
                _ => None,
            })
            .collect();
        let leaf = self.grant.kind == Kind::Leaf;
        assert!(uris.len() == 1 || (!leaf && uris.is_empty()), "{uris:?}");
        for uri in uris {
            let id = SpiffeId::parse(uri).expect("a SPIFFE ID");
            assert_eq!(id.to_string(), uri, "SID-7");
            assert_eq!(id.trust_domain().as_str(), TRUST_DOMAIN);
            assert_eq!(!id.path().is_empty(), leaf);
            let own = format!("/ns/{}/", self.namespace.unwrap_or_default());
            let inside = self.namespace.is_none() || id.path().starts_with(&own);
            assert!(inside || !leaf, "an Issuer speaks only for its namespace");
        }
        let tls = [SERVER_AUTH, CLIENT_AUTH];
        let both = purposes.len() == 2 && tls.iter().all(|id| purposes.iter().any(|it| it == id));
        assert!(
            both || (!leaf && purposes.is_empty()),
            "X5-15: {purposes:?}"
        );
    }

    /// Signs it, and has rustls-webpki verify the path.
    pub fn issue(&self, ca: &Ca) {
        let signature = Signature::new(ca.sign(self.tbs.der()));
        let issued = Issued::assemble(self.tbs, &signature, &ca.chain).expect("it is assembled");
        if self.grant.kind != Kind::Leaf || !self.is_for_tls() {
            return;
        }
        let der = CertificateDer::from(issued.der());
        let leaf = EndEntityCert::try_from(&der).expect("webpki reads it");
        let root = ca.chain.roots().first().expect("there is a root").der();
        let root = CertificateDer::from(root);
        let anchors = [anchor_from_trusted_cert(&root).expect("webpki reads the root")];
        let intermediates: Vec<_> = ca
            .chain
            .intermediates()
            .map(|it| CertificateDer::from(it.der()))
            .collect();
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs(self.now.as_second().unsigned_abs()));
        leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            now,
            Purpose::server_auth(),
            None,
            None,
        )
        .expect("webpki verifies it");
    }

    /// Names no extended usage, or a server's.
    fn is_for_tls(&self) -> bool {
        let extended = &self.grant.usages.extended;
        extended.is_empty() || extended.iter().any(|it| it.to_string() == SERVER_AUTH)
    }
}

fn get<'a, T>(tbs: &'a TbsCertificate) -> Option<(bool, T)>
where
    T: Decode<'a, Error = der::Error> + der::oid::AssociatedOid,
{
    tbs.get_extension::<T>().expect("the extension is read")
}

#[derive(Sequence)]
struct Certificate<'a> {
    tbs_certificate: AnyRef<'a>,
    signature_algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

/// A certificate of these bytes with an invalid signature.
fn with_any_signature(tbs: &[u8]) -> Vec<u8> {
    const ED25519: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    let certificate = Certificate {
        tbs_certificate: AnyRef::from_der(tbs).expect("it is DER"),
        signature_algorithm: AnyRef::from_der(&ED25519).expect("it is DER"),
        signature: BitStringRef::from_bytes(&[0; 64]).expect("64 bytes"),
    };
    certificate.to_der().expect("it is written")
}
