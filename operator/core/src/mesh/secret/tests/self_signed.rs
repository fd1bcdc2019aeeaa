//! The CA that istiod created itself, and its copy in `cacerts`.

use super::*;

#[test]
fn copies_the_ca_of_istiod_with_its_root_byte_for_byte() {
    let root = Parts::root("istiod", &Key::p256(5));
    let with_text = format!("# istiod\n{}", root.pem());
    let entries = secret(&[
        ("ca-cert.pem", &with_text),
        ("ca-key.pem", &root.key.private_pem()),
        ("cert-chain.pem", ""),
        ("key.pem", ""),
        ("root-cert.pem", ""),
    ]);
    let own = istio::read_self_signed(&entries.secret, NOW);
    let own = own.unwrap().unwrap();
    assert_eq!(own.ca.certificate(), &certificate(&root));
    assert!(own.ca.above().is_empty());
    let mesh = Mesh::Istio(IstioLayout::Plugin);
    let copy = mesh.write(&own);
    let entry = |name| copy.secret.get(name).unwrap_or_default();
    assert_eq!(entry("root-cert.pem"), with_text.as_bytes());
    assert_eq!(entry("ca-cert.pem"), root.pem().as_bytes());
    assert_eq!(entry("ca-key.pem"), root.key.private_pem().as_bytes());
    // The root is not in the chain, and istiod requires the file.
    assert!(copy.secret.has("cert-chain.pem"));
    assert_eq!(entry("cert-chain.pem"), b"");
    let existing = mesh.read(&copy, NOW);
    assert_eq!(existing, Ok(Some(Existing::complete(own))));
}

#[test]
fn reads_no_ca_from_a_secret_without_one() {
    let empty = secret(&[("ca-cert.pem", ""), ("ca-key.pem", "")]);
    assert_eq!(istio::read_self_signed(&empty.secret, NOW), Ok(None));
}
