//! Key and signature algorithms that Signet certifies and signs with.

use std::fmt;

use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::AnyRef;
use spki::AlgorithmIdentifierRef;

/// What a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of so many bits.
    Rsa {
        /// The length of the modulus in bits.
        bits: u32,
    },
    /// ECDSA on NIST P-256 (secp256r1).
    EcP256,
    /// ECDSA on NIST P-384 (secp384r1).
    EcP384,
    /// ECDSA on NIST P-521 (secp521r1).
    EcP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl KeyAlgorithm {
    /// Returns the security strength in bits (NIST SP 800-57 part 1, table 2).
    pub fn security_bits(self) -> u16 {
        match self {
            Self::Rsa { bits: ..3072 } => 112,
            Self::Rsa { bits: ..7680 } | Self::EcP256 | Self::Ed25519 => 128,
            Self::Rsa { .. } | Self::EcP384 => 192,
            Self::EcP521 => 256,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::EcP256 => f.write_str("P-256"),
            Self::EcP384 => f.write_str("P-384"),
            Self::EcP521 => f.write_str("P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// How a certificate or a CSR is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758).
    EcdsaSha256,
    /// ecdsa-with-SHA384 (RFC 5758).
    EcdsaSha384,
    /// ecdsa-with-SHA512 (RFC 5758).
    EcdsaSha512,
    /// sha256WithRSAEncryption, PKCS#1 v1.5 (RFC 4055).
    RsaPkcs1Sha256,
    /// sha384WithRSAEncryption, PKCS#1 v1.5 (RFC 4055).
    RsaPkcs1Sha384,
    /// sha512WithRSAEncryption, PKCS#1 v1.5 (RFC 4055).
    RsaPkcs1Sha512,
    /// Pure Ed25519 (RFC 8410).
    Ed25519,
}

impl SignatureAlgorithm {
    /// Every signature algorithm.
    pub const ALL: [Self; 7] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::Ed25519,
    ];

    /// Returns the AlgorithmIdentifier: RSA carries NULL (RFC 4055 section 5), ECDSA (RFC 5758
    /// section 3.2) and Ed25519 (RFC 8410 section 3) carry no parameters.
    pub fn identifier(self) -> AlgorithmIdentifierRef<'static> {
        let (oid, parameters) = match self {
            Self::EcdsaSha256 => (ECDSA_WITH_SHA_256, None),
            Self::EcdsaSha384 => (ECDSA_WITH_SHA_384, None),
            Self::EcdsaSha512 => (ECDSA_WITH_SHA_512, None),
            Self::RsaPkcs1Sha256 => (SHA_256_WITH_RSA_ENCRYPTION, Some(AnyRef::NULL)),
            Self::RsaPkcs1Sha384 => (SHA_384_WITH_RSA_ENCRYPTION, Some(AnyRef::NULL)),
            Self::RsaPkcs1Sha512 => (SHA_512_WITH_RSA_ENCRYPTION, Some(AnyRef::NULL)),
            Self::Ed25519 => (ID_ED_25519, None),
        };
        AlgorithmIdentifierRef { oid, parameters }
    }

    /// Reads an AlgorithmIdentifier. `None` if it is not one that [`Self::identifier`] makes: RSA
    /// without NULL is refused as well, since RFC 4055 requires it.
    pub fn from_identifier(identifier: &AlgorithmIdentifierRef<'_>) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.identifier() == *identifier)
    }

    /// Returns what a key signs with by default: SHA-256 for P-256 and RSA, SHA-384 for P-384,
    /// SHA-512 for P-521.
    pub fn for_key(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::Rsa { .. } => Self::RsaPkcs1Sha256,
            KeyAlgorithm::EcP256 => Self::EcdsaSha256,
            KeyAlgorithm::EcP384 => Self::EcdsaSha384,
            KeyAlgorithm::EcP521 => Self::EcdsaSha512,
            KeyAlgorithm::Ed25519 => Self::Ed25519,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaSha256 => "ECDSA with SHA-256",
            Self::EcdsaSha384 => "ECDSA with SHA-384",
            Self::EcdsaSha512 => "ECDSA with SHA-512",
            Self::RsaPkcs1Sha256 => "RSA PKCS#1 v1.5 with SHA-256",
            Self::RsaPkcs1Sha384 => "RSA PKCS#1 v1.5 with SHA-384",
            Self::RsaPkcs1Sha512 => "RSA PKCS#1 v1.5 with SHA-512",
            Self::Ed25519 => "Ed25519",
        })
    }
}

#[cfg(test)]
mod tests {
    use der::{Decode, Encode};
    use hex::decode;
    use spki::AlgorithmIdentifierRef;

    use super::{KeyAlgorithm, SignatureAlgorithm};

    fn read(hex: &str) -> Option<SignatureAlgorithm> {
        let der = decode(hex).unwrap();
        let identifier = AlgorithmIdentifierRef::from_der(&der).unwrap();
        SignatureAlgorithm::from_identifier(&identifier)
    }

    #[test]
    fn identifiers_match_the_rfcs() {
        // From RFC 5758, RFC 4055 and RFC 8410, written out by hand.
        let table = [
            (SignatureAlgorithm::EcdsaSha256, "300a06082a8648ce3d040302"),
            (SignatureAlgorithm::EcdsaSha384, "300a06082a8648ce3d040303"),
            (SignatureAlgorithm::EcdsaSha512, "300a06082a8648ce3d040304"),
            (
                SignatureAlgorithm::RsaPkcs1Sha256,
                "300d06092a864886f70d01010b0500",
            ),
            (
                SignatureAlgorithm::RsaPkcs1Sha384,
                "300d06092a864886f70d01010c0500",
            ),
            (
                SignatureAlgorithm::RsaPkcs1Sha512,
                "300d06092a864886f70d01010d0500",
            ),
            (SignatureAlgorithm::Ed25519, "300506032b6570"),
        ];
        assert_eq!(
            table.map(|(algorithm, _)| algorithm),
            SignatureAlgorithm::ALL
        );
        for (algorithm, der) in table {
            assert_eq!(
                hex::encode(algorithm.identifier().to_der().unwrap()),
                der,
                "{algorithm}"
            );
            assert_eq!(read(der), Some(algorithm), "{algorithm}");
        }
    }

    #[test]
    fn rejects_other_parameters() {
        // RSA without NULL, RSA with an OID, ECDSA with NULL, Ed25519 with NULL.
        for der in [
            "300b06092a864886f70d01010b",
            "301006092a864886f70d01010b06032b6570",
            "300c06082a8648ce3d0403020500",
            "300706032b65700500",
        ] {
            assert_eq!(read(der), None, "{der}");
        }
        // SHA-1 and RSA-PSS are not ours at all.
        for der in [
            "300d06092a864886f70d0101050500",
            "300b06092a864886f70d01010a",
        ] {
            assert_eq!(read(der), None, "{der}");
        }
    }

    #[test]
    fn names_keys_and_their_default_signature() {
        let table = [
            (
                KeyAlgorithm::Rsa { bits: 3072 },
                "RSA-3072",
                SignatureAlgorithm::RsaPkcs1Sha256,
            ),
            (
                KeyAlgorithm::EcP256,
                "P-256",
                SignatureAlgorithm::EcdsaSha256,
            ),
            (
                KeyAlgorithm::EcP384,
                "P-384",
                SignatureAlgorithm::EcdsaSha384,
            ),
            (
                KeyAlgorithm::EcP521,
                "P-521",
                SignatureAlgorithm::EcdsaSha512,
            ),
            (
                KeyAlgorithm::Ed25519,
                "Ed25519",
                SignatureAlgorithm::Ed25519,
            ),
        ];
        for (key, name, signature) in table {
            assert_eq!(key.to_string(), name);
            assert_eq!(SignatureAlgorithm::for_key(key), signature);
        }
    }
}
