//! A key as Vault describes it, and the one version of it that signs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use signet_core::x509::public_key::PublicKey;

use super::answer::KeyData;
use super::failure::wrong_answer;
use super::place::Place;
use crate::error::{ErrorClass, KeyError};

/// The kinds of keys that sign certificates.
const KINDS: [&str; 7] = [
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "ed25519",
];

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410,
/// section 4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// One version of a key.
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) public_key: PublicKey,
    /// What a reader of the issuer's status should know.
    pub(super) notices: Vec<String>,
}

impl KeyData {
    /// This version of the key, or the newest: that it is there and can sign.
    pub(super) fn version(&self, number: Option<u64>, place: &Place) -> Result<Version, KeyError> {
        let key = place.key();
        let unusable = |why: String| KeyError::new(ErrorClass::KeyUnusable, format!("{key} {why}"));
        if !KINDS.contains(&self.kind.as_str()) {
            let kind: String = self
                .kind
                .chars()
                .filter(|c| c.is_ascii_graphic())
                .take(40)
                .collect();
            return Err(unusable(format!(
                "is of type {kind}, which signs no certificates; make one of {}",
                KINDS.join(", ")
            )));
        }
        if self.derived {
            return Err(unusable(
                "is a derived key; make one with derived=false".to_owned(),
            ));
        }
        if self.soft_deleted {
            return Err(unusable(
                "is deleted (soft_deleted); restore it in Vault".to_owned(),
            ));
        }
        if !self.supports_signing {
            return Err(unusable(
                "does not sign; see its configuration in Vault".to_owned(),
            ));
        }
        let number = number.unwrap_or(self.latest_version);
        self.can_sign(number).map_err(unusable)?;
        Ok(Version {
            number,
            public_key: self.public_key(number, place)?,
            notices: self.notices(number),
        })
    }

    /// Why this version does not sign.
    fn can_sign(&self, number: u64) -> Result<(), String> {
        if number > self.latest_version {
            return Err(format!(
                "has no version {number}, its newest is {}; restore the key that this CA is over, \
                 or begin a new CA",
                self.latest_version
            ));
        }
        let least = [
            ("min_available_version", self.min_available_version),
            ("min_decryption_version", self.min_decryption_version),
            ("min_encryption_version", self.min_encryption_version),
        ];
        for (field, least) in least {
            if number < least {
                return Err(format!(
                    "has {field} {least}, so its version {number} can no longer sign, which is the \
                     one of this CA; lower that in Vault, or begin a new CA"
                ));
            }
        }
        if !self.keys.contains_key(&number.to_string()) {
            return Err(format!(
                "no longer has version {number}, which is the one of this CA; restore it in Vault, \
                 or begin a new CA"
            ));
        }
        Ok(())
    }

    fn public_key(&self, number: u64, place: &Place) -> Result<PublicKey, KeyError> {
        let text = self
            .keys
            .get(&number.to_string())
            .and_then(|key| key["public_key"].as_str());
        let spki = text.and_then(|text| match self.kind.as_str() {
            "ed25519" => {
                let raw = STANDARD
                    .decode(text.trim())
                    .ok()
                    .filter(|raw| raw.len() == 32)?;
                Some([&ED25519_SPKI[..], &raw].concat())
            }
            _ => {
                let spki = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
                Some(spki.to_vec())
            }
        });
        let spki = spki.ok_or_else(|| wrong_answer(place))?;
        PublicKey::from_spki_der(&spki).map_err(|error| {
            let sentence = format!("{} is a key that Signet does not use: {error}", place.key());
            KeyError::new(ErrorClass::KeyUnusable, sentence)
        })
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
    use serde_json::{Value, json};

    use super::*;

    const SPKI: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEP89Ak/Dq5aXvHBH8tAtQkxuRApim\n\
        B/YA1wNsYqc+9jckLWudMrdH93M3cZWtv/xSvIrf/JLwUaFfRy+tHdTMDA==\n\
        -----END PUBLIC KEY-----\n";

    fn place() -> Place {
        Place {
            address: "https://vault".to_owned(),
            namespace: None,
            mount: "transit".to_owned(),
            name: "ca".to_owned(),
        }
    }

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
    fn the_newest_version_counts_at_first_and_then_the_pinned_one() {
        let key = key(&json!({}));
        let newest = key.version(None, &place()).unwrap();
        assert_eq!((newest.number, newest.notices), (3, vec![]));
        let pinned = key.version(Some(2), &place()).unwrap();
        let notice = "Vault has version 3 of the key; this CA keeps signing with version 2";
        assert_eq!(
            (pinned.number, pinned.notices),
            (2, vec![notice.to_owned()])
        );
    }

    #[test]
    fn a_version_that_cannot_sign_is_refused_with_the_reason() {
        for (changes, number, expected) in [
            (json!({}), 1, "no longer has version 1"),
            (json!({}), 4, "has no version 4, its newest is 3"),
            (
                json!({ "min_available_version": 3 }),
                2,
                "min_available_version 3",
            ),
            (
                json!({ "min_decryption_version": 3 }),
                2,
                "min_decryption_version 3",
            ),
            (
                json!({ "min_encryption_version": 3 }),
                2,
                "min_encryption_version 3",
            ),
            (
                json!({ "type": "aes256-gcm96" }),
                2,
                "is of type aes256-gcm96",
            ),
            (json!({ "type": "ml-dsa" }), 2, "is of type ml-dsa"),
            (json!({ "derived": true }), 2, "derived"),
            (json!({ "soft_deleted": true }), 2, "soft_deleted"),
            (json!({ "supports_signing": false }), 2, "does not sign"),
        ] {
            let error = key(&changes).version(Some(number), &place()).err().unwrap();
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{changes}");
            assert!(error.message.contains(expected), "{changes}: {error}");
        }
    }

    #[test]
    fn an_exportable_key_is_told() {
        let key = key(&json!({ "exportable": true }));
        assert_eq!(key.version(None, &place()).unwrap().notices.len(), 1);
    }

    #[test]
    fn a_public_key_that_is_none_is_a_wrong_answer() {
        for public_key in [json!(""), json!("AAAA"), json!(7), Value::Null] {
            let versions = json!({ "3": { "public_key": public_key } });
            for kind in ["ecdsa-p256", "ed25519"] {
                let key = key(&json!({ "keys": versions, "type": kind }));
                let error = key.version(None, &place()).err().unwrap();
                assert_eq!(
                    error.class,
                    ErrorClass::InvalidResponse,
                    "{kind} {public_key}"
                );
            }
        }
    }
}
