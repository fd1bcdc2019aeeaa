//! The configuration as the API has it, and the classes of errors.

use std::time::Duration;

use serde_json::json;
use signet_keys::{ErrorClass, KeyBackend, KeyConfig, KeyError, KeyType, RsaHash, Software};

use crate::software::KEY_TYPES;

own!["types":
    key_types_are_named_as_kubernetes_names_them,
    a_key_is_named_by_one_backend,
    what_may_pass_by_itself_is_transient_and_the_rest_is_not,
];

async fn key_types_are_named_as_kubernetes_names_them() {
    let names = KEY_TYPES.map(|(key_type, _)| json!(key_type));
    let expected = [
        "ECDSAP256",
        "ECDSAP384",
        "ECDSAP521",
        "RSA2048",
        "RSA3072",
        "RSA4096",
        "ED25519",
    ];
    assert_eq!(names, expected.map(|name| json!(name)));
    for (key_type, name) in KEY_TYPES
        .map(|(key_type, _)| key_type)
        .into_iter()
        .zip(names)
    {
        assert_eq!(serde_json::from_value::<KeyType>(name).unwrap(), key_type);
    }
}

async fn a_key_is_named_by_one_backend() {
    let read = |value| serde_json::from_value::<KeyConfig>(value);
    let config = read(json!({ "software": { "secretName": "ca" } })).unwrap();
    assert_eq!(
        config,
        KeyConfig {
            rsa_hash: RsaHash::Sha256,
            backend: KeyBackend::Software(Software {
                secret_name: "ca".to_owned(),
                key_type: KeyType::EcdsaP256,
                entry: None,
            }),
        }
    );
    let written =
        json!({ "rsaHash": "SHA256", "software": { "secretName": "ca", "keyType": "ECDSAP256" } });
    assert_eq!(json!(config), written);
    assert_eq!(
        (config.backend().name(), config.backend().reference()),
        ("software", "software/ca".to_owned())
    );
    let other = json!({
        "rsaHash": "SHA256",
        "software": { "secretName": "ca", "keyType": "ECDSAP256", "entry": "a1b2" },
    });
    assert_eq!(json!(read(other.clone()).unwrap()), other);
    for wrong in [
        json!({}),
        json!({ "rsaHash": "SHA256" }),
        json!({ "rsaHash": "MD5", "software": { "secretName": "ca" } }),
        json!({ "awsKms": {} }),
        json!({ "software": {} }),
        json!({ "software": { "secretName": "ca", "keyType": "DSA" } }),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

async fn what_may_pass_by_itself_is_transient_and_the_rest_is_not() {
    for (class, name, transient) in [
        (ErrorClass::Throttled(None), "KeyThrottled", true),
        (
            ErrorClass::Throttled(Some(Duration::from_secs(3))),
            "KeyThrottled",
            true,
        ),
        (ErrorClass::Unreachable, "KeyUnreachable", true),
        (ErrorClass::InvalidResponse, "KeyInvalidResponse", true),
        (
            ErrorClass::CredentialsRefused,
            "KeyCredentialsRefused",
            false,
        ),
        (ErrorClass::KeyUnusable, "KeyUnusable", false),
        (ErrorClass::KeyNotFound, "KeyNotFound", false),
    ] {
        assert_eq!(class.is_transient(), transient, "{class:?}");
        assert_eq!(class.as_str(), name);
    }
    let error = KeyError::new(ErrorClass::Unreachable, "the HSM does not respond");
    assert_eq!(error.to_string(), "the HSM does not respond");
}
