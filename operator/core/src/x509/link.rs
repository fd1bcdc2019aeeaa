//! How one certificate is signed by the CA above it.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    DSA_WITH_SHA_1, ID_MGF_1, ID_RSASSA_PSS, ID_SHA_256, ID_SHA_384, ID_SHA_512,
    MD_2_WITH_RSA_ENCRYPTION, MD_5_WITH_RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION,
};
use der::Encode;
use der::asn1::AnyRef;
use spki::AlgorithmIdentifierRef;

use super::algorithm::SignatureAlgorithm;
use super::public_key::PublicKey;
use super::strict::tlv;
use crate::quote;

/// ecdsa-with-SHA1 (RFC 3279 section 2.2.3).
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// The signature algorithm of a certificate, whether Signet itself signs with it or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkAlgorithm {
    /// One that Signet signs with.
    Own(SignatureAlgorithm),
    /// RSA-PSS, with the hash in its mask and as long a salt (RFC 4055 section 3.1).
    Pss(PssHash),
    /// One over a broken hash, by the name of the hash.
    Weak(&'static str),
    /// Another, for messages.
    Unknown(String),
}

/// The hash of an RSA-PSS signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PssHash {
    Sha256,
    Sha384,
    Sha512,
}

impl LinkAlgorithm {
    /// Reads an AlgorithmIdentifier.
    pub(crate) fn read(identifier: &AlgorithmIdentifierRef<'_>) -> Self {
        if let Some(hash) = weak_hash(identifier.oid) {
            return Self::Weak(hash);
        }
        if identifier.oid == ID_RSASSA_PSS {
            return identifier.parameters.and_then(pss).map_or_else(
                || Self::Unknown("RSA-PSS with unusual parameters".to_owned()),
                Self::Pss,
            );
        }
        SignatureAlgorithm::from_identifier(identifier)
            .map_or_else(|| Self::Unknown(quote::oid(&identifier.oid)), Self::Own)
    }

    /// Checks a signature; none if Signet does not check signatures of this algorithm.
    pub(crate) fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<bool> {
        match self {
            Self::Own(algorithm) => Some(key.verify(*algorithm, message, signature).is_ok()),
            Self::Pss(hash) => Some(key.verify_pss(*hash, message, signature).is_ok()),
            Self::Weak(_) | Self::Unknown(_) => None,
        }
    }

    /// Returns the name of an algorithm that Signet does not check.
    pub(crate) fn unchecked(&self) -> Option<&str> {
        match self {
            Self::Own(_) | Self::Pss(_) => None,
            Self::Weak(hash) => Some(hash),
            Self::Unknown(name) => Some(name),
        }
    }
}

/// Returns the name of the hash of a signature algorithm, if that hash is broken.
pub(crate) fn weak_hash(algorithm: ObjectIdentifier) -> Option<&'static str> {
    match algorithm {
        MD_2_WITH_RSA_ENCRYPTION => Some("MD2"),
        MD_5_WITH_RSA_ENCRYPTION => Some("MD5"),
        SHA_1_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_1 | DSA_WITH_SHA_1 => Some("SHA-1"),
        _ => None,
    }
}

impl PssHash {
    const ALL: [(Self, ObjectIdentifier, u8); 3] = [
        (Self::Sha256, ID_SHA_256, 32),
        (Self::Sha384, ID_SHA_384, 48),
        (Self::Sha512, ID_SHA_512, 64),
    ];
}

/// Returns the hash if the parameters are those of RFC 4055 with one hash throughout. Verifiers
/// know no others: `openssl x509 -sigopt rsa_padding_mode:pss` writes a longer salt by default,
/// which neither Go nor rustls-webpki accepts.
fn pss(parameters: AnyRef<'_>) -> Option<PssHash> {
    let parameters = parameters.to_der().ok()?;
    let mut all = PssHash::ALL.into_iter();
    all.find(|(_, oid, salt)| pss_parameters(*oid, *salt) == parameters)
        .map(|(hash, ..)| hash)
}

/// RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0], maskGenAlgorithm [1], saltLength [2] }
fn pss_parameters(hash: ObjectIdentifier, salt: u8) -> Vec<u8> {
    let oid = |oid: ObjectIdentifier| tlv(0x06, oid.as_bytes());
    let hash = tlv(0x30, &[&oid(hash)[..], &[0x05, 0x00]].concat());
    let mask = tlv(0x30, &[oid(ID_MGF_1), hash.clone()].concat());
    let salt = tlv(0x02, &[salt]);
    let fields = [tlv(0xa0, &hash), tlv(0xa1, &mask), tlv(0xa2, &salt)];
    tlv(0x30, &fields.concat())
}

#[cfg(test)]
mod tests {
    use der::Decode;
    use spki::AlgorithmIdentifierRef;

    use super::{LinkAlgorithm, PssHash};

    fn read(hex: &str) -> LinkAlgorithm {
        let der = hex::decode(hex.replace(' ', "")).unwrap();
        LinkAlgorithm::read(&AlgorithmIdentifierRef::from_der(&der).unwrap())
    }

    #[test]
    fn recognizes_pss_by_its_parameters() {
        // RFC 4055 section 3.1, written out by hand.
        let sha256 = "304106092a864886f70d01010a3034a00f300d06096086480165030402010500\
                      a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120";
        assert_eq!(read(sha256), LinkAlgorithm::Pss(PssHash::Sha256));
        for (from, to) in [("a203020120", "a203020114"), ("a203020120", "a203020140")] {
            let other = read(&sha256.replace(from, to));
            assert!(
                other.unchecked().unwrap().starts_with("RSA-PSS"),
                "{other:?}"
            );
        }
        // SHA-1 throughout is the default of every field.
        let default = read("300d06092a864886f70d01010a3000");
        assert!(default.unchecked().unwrap().starts_with("RSA-PSS"));
    }

    #[test]
    fn names_broken_hashes() {
        for (hex, hash) in [
            ("300d06092a864886f70d0101050500", "SHA-1"),
            ("300906072a8648ce3d0401", "SHA-1"),
            ("300d06092a864886f70d0101040500", "MD5"),
        ] {
            assert_eq!(read(hex), LinkAlgorithm::Weak(hash));
        }
    }
}
