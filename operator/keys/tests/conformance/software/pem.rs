//! What the software backend reads, and what it refuses with a message.

use std::sync::Arc;

use signet_core::x509::public_key::PublicKey;
use signet_keys::{Checked, ErrorClass, GeneratedKey, KeyError, KeyPin, KeyType, Signer};

use super::{KEY_TYPES, config, config_of};
use crate::memory::{Memory, access};
use signet_readers::OpenSsl;

own!["software":
    a_key_that_is_not_there_is_not_found,
    what_is_not_a_key_is_unusable,
    keys_that_signet_does_not_use_are_named_by_what_it_does_use,
    an_rsa_key_of_more_than_4096_bits_is_refused,
    an_encrypted_key_is_refused_with_what_to_do,
    every_form_of_pem_that_openssl_writes_is_read,
    the_same_secret_is_the_same_key,
    the_type_in_the_spec_is_for_new_keys_alone,
    openssl_reads_a_key_that_was_made_and_no_two_are_the_same,
    the_entry_in_the_spec_is_the_one_that_is_read,
];

async fn connect(memory: Arc<Memory>) -> Result<Arc<dyn Signer>, KeyError> {
    let (config, known) = (config(), KeyPin::default());
    let connected = config.connect(&access(memory), &known).await?;
    Ok(connected.signer)
}

async fn refusal(memory: Arc<Memory>) -> KeyError {
    connect(memory).await.unwrap_err()
}

async fn refusal_of(tls_key: &[u8]) -> KeyError {
    let error = refusal(Memory::with("ca", "tls.key", tls_key)).await;
    assert!(
        error.message.starts_with("tls.key of the Secret ca "),
        "{error}"
    );
    let content = String::from_utf8_lossy(tls_key);
    for line in content.lines().filter(|line| !line.is_empty()) {
        assert!(!format!("{error} {error:?}").contains(line), "{error}");
    }
    error
}

/// A guard is made for each connection, and a new one wakes all who wait for the issuer.
async fn the_same_secret_is_the_same_key() {
    let pem = OpenSsl::new().run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let memory = Memory::with("ca", "tls.key", &pem);
    let signer = connect(memory.clone()).await.unwrap();
    let same = Checked::Unchanged { notices: vec![] };
    assert_eq!(signer.check().await, Ok(same));
    memory.put("ca", &[("tls.key", &pem), ("tls.crt", b"another")]);
    assert_eq!(signer.check().await, Ok(Checked::Reconnect));
    memory.remove("ca");
    assert_eq!(signer.check().await, Ok(Checked::Reconnect));
}

async fn a_key_that_is_not_there_is_not_found() {
    let error = refusal(Arc::default()).await;
    assert_eq!(error.class, ErrorClass::KeyNotFound);
    assert_eq!(error.code, "NoSecret");
    let error = refusal(Memory::with("ca", "tls.crt", b"")).await;
    assert_eq!(error.class, ErrorClass::KeyNotFound);
    assert_eq!(error.code, "NoKey");
}

async fn what_is_not_a_key_is_unusable() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let not_der = "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----\n";
    let not_base64 = "-----BEGIN PRIVATE KEY-----\n*s3cr3t*\n-----END PRIVATE KEY-----\n";
    let cut = "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n";
    for garbage in [
        "",
        "s3cr3t",
        "\u{0}\u{1}",
        certificate,
        not_der,
        not_base64,
        cut,
    ] {
        let error = refusal_of(garbage.as_bytes()).await;
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{garbage:?}");
    }
    assert_eq!(refusal_of(b"\xff\xfe").await.class, ErrorClass::KeyUnusable);
}

async fn keys_that_signet_does_not_use_are_named_by_what_it_does_use() {
    let openssl = OpenSsl::new();
    for line in [
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "ecparam -genkey -noout -name secp256k1",
        "genpkey -algorithm X25519",
        "genpkey -algorithm ED448",
    ] {
        let error = refusal_of(&openssl.run(line)).await;
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{line}");
        let code = ["UnsupportedKey", "UnsupportedPublicKey", "NotPem"];
        assert!(code.contains(&error.code), "{line}: {error}");
        assert!(error.message.contains("ECDSA P-256"), "{line}: {error}");
    }
}

async fn an_rsa_key_of_more_than_4096_bits_is_refused() {
    let openssl = OpenSsl::new();
    let line = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:";
    for bits in [4104, 4608] {
        let pem = openssl.run(&format!("{line}{bits}"));
        let error = refusal(Memory::with("ca", "tls.key", &pem)).await;
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{bits}");
        assert_eq!(error.code, "TooSlow", "{error}");
    }
    // The longest that is used.
    let pem = openssl.run(&format!("{line}4096"));
    let signer = connect(Memory::with("ca", "tls.key", &pem)).await;
    assert_eq!(
        signer.unwrap().public_key().spki_der(),
        openssl.public_key_der(&pem)
    );
}

async fn an_encrypted_key_is_refused_with_what_to_do() {
    let openssl = OpenSsl::new();
    openssl.write("key.pem", &openssl.run("genpkey -algorithm RSA"));
    for line in [
        "pkcs8 -topk8 -in key.pem -passout pass:secret",
        "rsa -traditional -in key.pem -aes256 -passout pass:secret",
    ] {
        let pem = openssl.run(line);
        let error = connect(Memory::with("ca", "tls.key", &pem)).await;
        let error = error.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{line}");
        assert_eq!(error.code, "Encrypted", "{line}");
    }
}

async fn every_form_of_pem_that_openssl_writes_is_read() {
    for line in [
        // PKCS#8 (RFC 5958).
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "genpkey -algorithm ED25519",
        // PKCS#1 (RFC 8017).
        "genrsa -traditional 2048",
        // SEC1 (RFC 5915), without and after its parameters.
        "ecparam -genkey -noout -name prime256v1",
        "ecparam -genkey -name prime256v1",
        "ecparam -genkey -name secp384r1",
        "ecparam -genkey -name secp521r1",
    ] {
        let openssl = OpenSsl::new();
        let pem = openssl.run(line);
        let signer = connect(Memory::with("ca", "tls.key", &pem)).await;
        let signer = signer.unwrap_or_else(|error| panic!("{line}: {error}"));
        let expected = openssl.public_key_der(&pem);
        assert_eq!(signer.public_key().spki_der(), expected, "{line}");
    }
}

/// A key that is there keeps its own type, whatever the spec names.
async fn the_type_in_the_spec_is_for_new_keys_alone() {
    for (key_type, algorithm) in KEY_TYPES {
        let key = GeneratedKey::new(key_type).unwrap();
        let signer = connect(Memory::with("ca", "tls.key", key.pem().as_bytes())).await;
        assert_eq!(signer.unwrap().public_key().algorithm(), algorithm);
    }
}

async fn openssl_reads_a_key_that_was_made_and_no_two_are_the_same() {
    for (key_type, algorithm) in KEY_TYPES {
        let key = GeneratedKey::new(key_type).unwrap();
        let pem = key.pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let openssl = OpenSsl::new();
        openssl.write("key.pem", pem.as_bytes());
        openssl.run("pkey -in key.pem -check -noout");
        let public_key = PublicKey::from_spki_der(&openssl.public_key_der(pem.as_bytes())).unwrap();
        let identifier = public_key.key_identifier();
        let identifier: String = identifier
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(key.subject_key_id(), identifier);
        let text = String::from_utf8(openssl.run("pkey -in key.pem -noout -text_pub")).unwrap();
        let name = match key_type {
            KeyType::EcdsaP256 => "NIST CURVE: P-256",
            KeyType::EcdsaP384 => "NIST CURVE: P-384",
            KeyType::EcdsaP521 => "NIST CURVE: P-521",
            KeyType::Rsa2048 => "(2048 bit)",
            KeyType::Rsa3072 => "(3072 bit)",
            KeyType::Rsa4096 => "(4096 bit)",
            KeyType::Ed25519 => "ED25519",
        };
        assert!(text.contains(name), "{algorithm}: {text}");
    }
    let [one, other] = [(); 2].map(|()| GeneratedKey::new(KeyType::EcdsaP256).unwrap());
    assert_ne!(one.pem(), other.pem());
    assert_ne!(one.subject_key_id(), other.subject_key_id());
    assert_eq!(format!("{one:?}"), "GeneratedKey(..)");
}

/// The keys of a MeshCA are in one Secret.
async fn the_entry_in_the_spec_is_the_one_that_is_read() {
    let [one, other] = [(); 2].map(|()| GeneratedKey::new(KeyType::EcdsaP256).unwrap());
    let (first, second) = (one.subject_key_id(), other.subject_key_id());
    let memory = Arc::new(Memory::default());
    let entries = [
        (&*first, one.pem().as_bytes()),
        (&*second, other.pem().as_bytes()),
        ("broken", b"garbage".as_slice()),
    ];
    memory.put("ca", &entries);
    let access = access(memory);
    let connect = async |entry: Option<&str>| {
        let connected = config_of(entry).connect(&access, &KeyPin::default()).await;
        connected.map(|connected| connected.signer)
    };
    for (entry, pem) in [(&first, one.pem()), (&second, other.pem())] {
        let signer = connect(Some(entry.as_str())).await.unwrap();
        let expected = OpenSsl::new().public_key_der(pem.as_bytes());
        assert_eq!(signer.public_key().spki_der(), expected);
    }
    for (entry, code, message) in [
        (None, "NoKey", "the Secret ca has no tls.key;"),
        (Some("third"), "NoKey", "the Secret ca has no third;"),
        (Some("broken"), "NotPem", "broken of the Secret ca is not"),
    ] {
        let error = connect(entry).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.starts_with(message), "{error}");
    }
}
