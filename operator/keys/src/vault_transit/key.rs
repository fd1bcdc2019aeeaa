//! Where a key is in Vault, and the one version of it that signs.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::VaultTransit;
use super::error::VaultTransitError;
use crate::access::Addresses;
use crate::encoding::spki::Curve;
use crate::error::KeyError;
use crate::vault::{Consumer, Server, mount_path, segment};

/// The types of keys that sign certificates.
const KINDS: [(&str, KeyAlgorithm); 7] = [
    ("ecdsa-p256", KeyAlgorithm::EcP256),
    ("ecdsa-p384", KeyAlgorithm::EcP384),
    ("ecdsa-p521", KeyAlgorithm::EcP521),
    ("rsa-2048", KeyAlgorithm::Rsa { bits: 2048 }),
    ("rsa-3072", KeyAlgorithm::Rsa { bits: 3072 }),
    ("rsa-4096", KeyAlgorithm::Rsa { bits: 4096 }),
    ("ed25519", KeyAlgorithm::Ed25519),
];

/// The types of keys that sign certificates, as messages list them.
pub(super) fn kinds() -> String {
    KINDS.map(|(kind, _)| kind).join(", ")
}

/// Where a key is, read strictly: it ends up in URLs.
#[derive(Clone, Debug)]
pub(super) struct KeyPath {
    pub(super) server: Server,
    pub(super) mount: String,
    pub(super) name: String,
}

impl KeyPath {
    pub(super) fn of(config: &VaultTransit, addresses: &Addresses) -> Result<Self, KeyError> {
        const TRANSIT: Consumer = Consumer::Transit;
        Ok(Self {
            server: Server::of(&config.connection, TRANSIT, addresses)?,
            mount: mount_path(&config.mount, TRANSIT, "mount")?,
            name: segment(&config.name, TRANSIT, "name")?.to_owned(),
        })
    }

    /// The key, as messages name it.
    pub(super) fn key(&self) -> String {
        format!(
            "the key {} at {} of {}",
            self.name,
            self.mount,
            self.server.name()
        )
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self {
            server: Server::example(Consumer::Transit),
            mount: "transit".to_owned(),
            name: "ca".to_owned(),
        }
    }
}

/// A key of the Transit engine, as the server describes it.
#[derive(Deserialize)]
pub(super) struct KeyData {
    #[serde(rename = "type")]
    kind: String,
    keys: BTreeMap<String, Value>,
    latest_version: u64,
    #[serde(default)]
    min_available_version: u64,
    #[serde(default)]
    min_decryption_version: u64,
    #[serde(default)]
    min_encryption_version: u64,
    #[serde(default)]
    supports_signing: bool,
    #[serde(default)]
    derived: bool,
    #[serde(default)]
    soft_deleted: bool,
    #[serde(default)]
    exportable: bool,
}

pub(super) struct Version {
    pub(super) number: u64,
    pub(super) public_key: PublicKey,
    /// What the issuer's Ready message adds.
    pub(super) notices: Vec<String>,
}

impl KeyData {
    /// This version of the key, or the newest, if it can sign.
    pub(super) fn version(&self, number: Option<u64>, path: &KeyPath) -> Result<Version, KeyError> {
        let key = path.key();
        let Some((_, algorithm)) = KINDS.iter().find(|(kind, _)| *kind == self.kind) else {
            let kind = self.kind.chars().filter(char::is_ascii_graphic);
            let kind_error = VaultTransitError::KeyType {
                key,
                kind: kind.take(40).collect(),
                kinds: kinds(),
            };
            return Err(kind_error.into());
        };
        if self.derived {
            return Err(VaultTransitError::Derived { key }.into());
        }
        if self.soft_deleted {
            return Err(VaultTransitError::SoftDeleted { key }.into());
        }
        if !self.supports_signing {
            return Err(VaultTransitError::SigningNotSupported { key }.into());
        }
        let number = number.unwrap_or(self.latest_version);
        let version = self.signing_version(number, key)?;
        let public_key = self.public_key(version, path)?;
        if public_key.algorithm() != *algorithm {
            let server = path.server.name();
            return Err(VaultTransitError::OtherKeyType { server }.into());
        }
        Ok(Version {
            number,
            public_key,
            notices: self.notices(number),
        })
    }

    /// Returns the version whose public key has this fingerprint.
    pub(super) fn number_of(&self, fingerprint: &str, path: &KeyPath) -> Option<u64> {
        let versions = self.keys.iter();
        let mut numbered = versions.filter_map(|(number, version)| {
            let public_key = self.public_key(version, path).ok()?;
            Some((number.parse().ok()?, public_key.fingerprint()))
        });
        let found = numbered.find(|(_, own)| own == fingerprint);
        found.map(|(number, _)| number)
    }

    fn signing_version(&self, version: u64, key: String) -> Result<&Value, VaultTransitError> {
        if version > self.latest_version {
            let newest = self.latest_version;
            return Err(VaultTransitError::NoVersion {
                key,
                version,
                newest,
            });
        }
        let minimums = [
            ("min_available_version", self.min_available_version),
            ("min_decryption_version", self.min_decryption_version),
            ("min_encryption_version", self.min_encryption_version),
        ];
        if let Some((field, min)) = minimums.into_iter().find(|(_, min)| version < *min) {
            return Err(VaultTransitError::VersionDisabled {
                key,
                field,
                min,
                version,
            });
        }
        let found = self.keys.get(&version.to_string());
        found.ok_or(VaultTransitError::VersionGone { key, version })
    }

    fn public_key(&self, version: &Value, path: &KeyPath) -> Result<PublicKey, KeyError> {
        let text = version["public_key"].as_str();
        let spki = text.and_then(|text| match self.kind.as_str() {
            // Vault has Ed25519 keys as their 32 bytes in base64.
            "ed25519" => Curve::ED25519.spki(&STANDARD.decode(text.trim()).ok()?),
            _ => {
                let spki = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
                Some(spki.to_vec())
            }
        });
        let spki = spki.ok_or_else(|| path.server.invalid_response())?;
        let unsupported = |why: String| VaultTransitError::UnsupportedKey {
            key: path.key(),
            why,
        };
        PublicKey::from_spki_der(&spki).map_err(|error| unsupported(error.to_string()).into())
    }

    fn notices(&self, number: u64) -> Vec<String> {
        let mut notices = Vec::new();
        if self.latest_version > number {
            notices.push(format!(
                "Vault has version {} of the key; this CA keeps signing with version {number}",
                self.latest_version
            ));
        }
        if self.exportable {
            notices.push("the key in Vault is exportable: it can leave Vault".to_owned());
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorClass;

    const SPKI: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEP89Ak/Dq5aXvHBH8tAtQkxuRApim\n\
        B/YA1wNsYqc+9jckLWudMrdH93M3cZWtv/xSvIrf/JLwUaFfRy+tHdTMDA==\n\
        -----END PUBLIC KEY-----\n";

    /// A key with the versions 2 and 3, with changes.
    fn key(changes: &Value) -> KeyData {
        let version = json!({ "name": "P-256", "public_key": SPKI });
        let mut key = json!({
            "type": "ecdsa-p256",
            "keys": { "2": version, "3": version },
            "latest_version": 3,
            "min_available_version": 0,
            "min_decryption_version": 1,
            "min_encryption_version": 0,
            "supports_signing": true,
            "soft_deleted": false,
        });
        let fields = changes.as_object().unwrap().clone();
        key.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(key).unwrap()
    }

    #[test]
    fn uses_the_newest_version_until_one_is_pinned() {
        let key = key(&json!({}));
        let newest = key.version(None, &KeyPath::example()).unwrap();
        assert_eq!((newest.number, newest.notices), (3, vec![]));
        let pinned = key.version(Some(2), &KeyPath::example()).unwrap();
        let notice = "Vault has version 3 of the key; this CA keeps signing with version 2";
        assert_eq!(
            (pinned.number, pinned.notices),
            (2, vec![notice.to_owned()])
        );
    }

    /// An edit that names the key by another mount or namespace has no pin under the new name.
    #[test]
    fn finds_the_version_of_a_fingerprint() {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(SPKI.as_bytes()).unwrap();
        let fingerprint = PublicKey::from_spki_der(&der).unwrap().fingerprint();
        let other = json!({ "public_key": "none" });
        let version = json!({ "public_key": SPKI });
        let key = key(&json!({ "keys": { "1": other, "2": version, "3": other } }));
        let number_of = |fingerprint: &str| key.number_of(fingerprint, &KeyPath::example());
        assert_eq!(number_of(&fingerprint), Some(2));
        assert_eq!(number_of(&"0".repeat(64)), None);
    }

    #[test]
    fn refuses_a_version_that_cannot_sign() {
        for (changes, number, expected) in [
            (json!({}), 1, "VersionGone"),
            (json!({}), 4, "NoVersion"),
            (json!({ "min_available_version": 3 }), 2, "VersionDisabled"),
            (json!({ "min_decryption_version": 3 }), 2, "VersionDisabled"),
            (json!({ "min_encryption_version": 3 }), 2, "VersionDisabled"),
            (json!({ "type": "aes256-gcm96" }), 2, "KeyType"),
            (json!({ "type": "ml-dsa" }), 2, "KeyType"),
            (json!({ "derived": true }), 2, "Derived"),
            (json!({ "soft_deleted": true }), 2, "SoftDeleted"),
            (
                json!({ "supports_signing": false }),
                2,
                "SigningNotSupported",
            ),
        ] {
            let error = key(&changes)
                .version(Some(number), &KeyPath::example())
                .err()
                .unwrap();
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{changes}");
            assert_eq!(error.code, expected, "{changes}: {error}");
        }
    }

    /// A server that a tenant runs describes a key as it likes.
    #[test]
    fn a_server_cannot_describe_a_key_as_another_type() {
        for kind in ["rsa-2048", "rsa-4096", "ecdsa-p384"] {
            let key = key(&json!({ "type": kind }));
            let error = key.version(None, &KeyPath::example()).err().unwrap();
            assert_eq!(error.code, "OtherKeyType", "{kind}: {error}");
            assert_eq!(error.class, ErrorClass::InvalidResponse, "{kind}");
        }
    }

    #[test]
    fn notices_an_exportable_key() {
        let key = key(&json!({ "exportable": true }));
        assert_eq!(
            key.version(None, &KeyPath::example())
                .unwrap()
                .notices
                .len(),
            1
        );
    }

    #[test]
    fn rejects_an_invalid_public_key() {
        for public_key in [json!(""), json!("AAAA"), json!(7), Value::Null] {
            let versions = json!({ "3": { "public_key": public_key } });
            for kind in ["ecdsa-p256", "ed25519"] {
                let key = key(&json!({ "keys": versions, "type": kind }));
                let error = key.version(None, &KeyPath::example()).err().unwrap();
                assert_eq!(
                    error,
                    KeyPath::example().server.invalid_response().into(),
                    "{kind} {public_key}"
                );
            }
        }
    }
}
