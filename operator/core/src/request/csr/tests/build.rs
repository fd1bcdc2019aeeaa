//! A CSR from its parts, signed with P-256 by a library that the product does not use, so that
//! each test breaks one thing alone.

use const_oid::ObjectIdentifier;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey;

use crate::x509::strict::tlv;

pub(super) const SAN: &str = "2.5.29.17";
pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const EXT_KEY_USAGE: &str = "2.5.29.37";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";

pub(super) const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
pub(super) const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";
pub(super) const UNSTRUCTURED_NAME: &str = "1.2.840.113549.1.9.2";

/// AlgorithmIdentifier of ecdsa-with-SHA256.
const ECDSA_SHA256: &str = "300a06082a8648ce3d040302";

pub(super) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A SET in the order that is given.
pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

pub(super) fn oid(oid: &str) -> Vec<u8> {
    tlv(0x06, ObjectIdentifier::new_unwrap(oid).as_bytes())
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

/// One attribute of a Name.
pub(super) fn name_attribute(attribute: &str, tag: u8, value: &[u8]) -> Vec<u8> {
    seq(&[oid(attribute), tlv(tag, value)])
}

/// An extension that is not critical.
pub(super) fn extension(id: &str, value: &[u8]) -> Vec<u8> {
    seq(&[oid(id), tlv(0x04, value)])
}

pub(super) fn critical(id: &str, value: &[u8]) -> Vec<u8> {
    seq(&[oid(id), hex("0101ff"), tlv(0x04, value)])
}

pub(super) fn attribute(id: &str, values: &[Vec<u8>]) -> Vec<u8> {
    seq(&[oid(id), set(values)])
}

/// What a CSR is made of; each part can be replaced.
pub(super) struct Parts {
    pub(super) version: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) attributes: Vec<u8>,
    pub(super) signature_algorithm: Vec<u8>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            version: hex("020100"),
            subject: hex("3000"),
            public_key: signing_key()
                .verifying_key()
                .to_public_key_der()
                .unwrap()
                .into_vec(),
            attributes: hex("a000"),
            signature_algorithm: hex(ECDSA_SHA256),
        }
    }
}

impl Parts {
    /// With these attributes, in this order.
    pub(super) fn attributes(attributes: &[Vec<u8>]) -> Self {
        Self {
            attributes: tlv(0xa0, &attributes.concat()),
            ..Self::default()
        }
    }

    /// With one extensionRequest of these extensions.
    pub(super) fn extensions(extensions: &[Vec<u8>]) -> Self {
        Self::attributes(&[attribute(EXTENSION_REQUEST, &[seq(extensions)])])
    }

    pub(super) fn subject(subject: Vec<u8>) -> Self {
        Self {
            subject,
            ..Self::default()
        }
    }

    pub(super) fn info(&self) -> Vec<u8> {
        let Self {
            version,
            subject,
            public_key,
            attributes,
            ..
        } = self;
        tlv(
            0x30,
            &[&version[..], subject, public_key, attributes].concat(),
        )
    }

    /// The CSR with a signature that is right.
    pub(super) fn sign(&self) -> Vec<u8> {
        self.sign_info(&self.info())
    }

    /// The CSR of any bytes as CertificationRequestInfo, with a signature that is right.
    pub(super) fn sign_info(&self, info: &[u8]) -> Vec<u8> {
        let signature: DerSignature = signing_key().sign(info);
        let signature = tlv(0x03, &[&[0], signature.as_bytes()].concat());
        tlv(
            0x30,
            &[info, &self.signature_algorithm, &signature].concat(),
        )
    }
}

/// A CSR with everything that is known: every extension and every attribute.
pub(super) fn full() -> Vec<u8> {
    let san = [
        tlv(0x86, b"spiffe://example.org/ns/a/sa/b"),
        tlv(0x82, b"*.example.org"),
        tlv(0x87, &[10, 0, 0, 1]),
        tlv(0x81, b"a@example.org"),
        tlv(0xa0, &[oid("1.2.3"), tlv(0xa0, &tlv(0x0c, b"x"))].concat()),
    ];
    let extensions = [
        extension(SAN, &seq(&san)),
        critical(BASIC_CONSTRAINTS, &hex("30060101ff020101")),
        critical(KEY_USAGE, &hex("03020106")),
        extension(
            EXT_KEY_USAGE,
            &seq(&[oid("1.3.6.1.5.5.7.3.2"), oid("1.3.6.1.5.5.7.3.1")]),
        ),
        critical(
            NAME_CONSTRAINTS,
            &seq(&[tlv(0xa0, &seq(&[tlv(0x82, b"example.org")]))]),
        ),
        extension(SUBJECT_KEY_IDENTIFIER, &hex("040101")),
    ];
    let attributes = [
        attribute(CHALLENGE_PASSWORD, &[tlv(0x0c, b"secret")]),
        attribute(UNSTRUCTURED_NAME, &[tlv(0x0c, b"Example, Inc.")]),
        attribute(EXTENSION_REQUEST, &[seq(&extensions)]),
    ];
    let subject = seq(&[set(&[name_attribute("2.5.4.3", 0x0c, b"name")])]);
    Parts {
        subject,
        ..Parts::attributes(&attributes)
    }
    .sign()
}

fn signing_key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}
