//! Which private keys are passed on, and that they are not shown.

use super::*;

fn block(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

#[test]
fn takes_the_forms_that_meshes_read() {
    for (label, is_taken) in [
        ("PRIVATE KEY", true),
        ("EC PRIVATE KEY", true),
        ("RSA PRIVATE KEY", true),
        ("ENCRYPTED PRIVATE KEY", false),
        ("PUBLIC KEY", false),
        // `openssl ecparam -genkey` writes it in front of the key, and meshes read the first block.
        ("EC PARAMETERS", false),
    ] {
        let pem = block(label, "AAAA");
        let key = PrivateKeyPem::read(pem.as_bytes());
        assert_eq!(key.is_some(), is_taken, "{label}");
        assert!(key.is_none_or(|key| key.expose() == pem.as_bytes()));
    }
    let encrypted = block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA");
    assert!(PrivateKeyPem::read(encrypted.as_bytes()).is_none());
    let cut = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
    assert!(PrivateKeyPem::read(cut.as_bytes()).is_none());
}

#[test]
fn debug_output_has_nothing_of_a_key() {
    let objects = Mesh::Istio(IstioLayout::Plugin).write(&contents());
    let key = String::from_utf8(contents().ca.key().expose().to_vec()).unwrap();
    let shown = format!("{objects:?} {:?}", contents());
    assert!(shown.contains("ca-key.pem"), "{shown}");
    // The key is the number 3 in every byte: in Base64, as bytes of that, and as bytes.
    assert!(key.contains("AwMDAwMD"));
    for secret in [
        "AwMDAwMD",
        "65, 119, 77, 68, 65, 119, 77, 68",
        "3, 3, 3, 3, 3, 3",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn names_a_key_by_its_identifier() {
    let ca = contents().ca;
    let public = Three::new().issuing.key.public().clone();
    assert_eq!(ca.key_identifier(), hex::encode(public.key_identifier()));
    assert_eq!(ca.key_identifier().len(), 40);
    assert_eq!(ca.key_fingerprint(), public.fingerprint());
}
