//! Secrets that a mesh does not read, or reads as something else.

use jiff::SignedDuration;

use super::*;

/// The entries of `cacerts`, without these, and with others.
fn cacerts(without: &[&str], with: &[(&str, &str)]) -> Objects {
    let entries = Mesh::Istio(IstioLayout::Plugin).write(&contents()).secret;
    let kept = entries.iter().filter(|(name, _)| !without.contains(name));
    let kept = kept.map(|(name, value)| (name.to_owned(), value.to_vec()));
    let with = with.iter();
    let with = with.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Objects {
        secret: kept.chain(with).collect(),
        ..Objects::default()
    }
}

fn read(objects: &Objects) -> Result<Option<Existing>, SecretError> {
    Mesh::Istio(IstioLayout::of(&objects.secret)).read(objects, NOW)
}

#[test]
fn istio_refuses_a_secret_that_istiod_would_not_read_as_it_is() {
    let chain = Three::new();
    let generated = read(&cacerts(&[], &[("istio-generated", "")]));
    assert_eq!(generated, Err(SecretError::IstioGenerated));
    let crl = read(&cacerts(&[], &[("ca-crl.pem", "")]));
    assert_eq!(crl, Err(SecretError::Crl));
    for entry in ["tls.crt", "tls.key"] {
        let two = read(&cacerts(&[], &[(entry, "")]));
        assert!(
            matches!(&two, Err(SecretError::TwoLayouts { tls, .. }) if tls == entry),
            "{two:?}"
        );
    }
    // Without the others, `ca.crt` makes no difference to istiod.
    assert!(read(&cacerts(&[], &[("ca.crt", "x")])).unwrap().is_some());
    let order = read(&cacerts(
        &["ca-cert.pem"],
        &[("ca-cert.pem", &chain.middle.pem())],
    ));
    assert_eq!(order, Err(SecretError::Order("ca-cert.pem".to_owned())));
}

#[test]
fn names_what_a_partial_set_has_and_lacks() {
    let all = [
        "ca-cert.pem",
        "ca-key.pem",
        "cert-chain.pem",
        "root-cert.pem",
    ];
    for missing in all {
        let partial = read(&cacerts(&[missing], &[]));
        let found = all.into_iter().filter(|name| *name != missing);
        let partial_set = SecretError::Partial {
            found: found.collect::<Vec<_>>().join(", "),
            missing: missing.to_owned(),
        };
        assert_eq!(partial, Err(partial_set));
    }
    let tls = read(&secret(&[("tls.crt", "x"), ("tls.key", "x")]));
    assert!(
        matches!(&tls, Err(SecretError::Partial { missing, .. }) if missing == "ca.crt"),
        "{tls:?}"
    );
}

#[test]
fn names_the_entry_that_cannot_be_used() {
    let other = Parts::root("other", &Key::p256(7));
    for (entry, value, message) in [
        ("ca-cert.pem", "x", "ca-cert.pem of"),
        ("ca-key.pem", "x", "ca-key.pem of"),
        ("root-cert.pem", "x", "root-cert.pem of"),
        ("root-cert.pem", &other.pem(), "none of the roots"),
        ("cert-chain.pem", &other.pem(), "none of the roots"),
    ] {
        let refused = read(&cacerts(&[entry], &[(entry, value)]));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(message), "{entry}: {refused}");
    }
    let key = contents().ca.key().expose().to_vec();
    let key = String::from_utf8(key).unwrap();
    let refused = read(&cacerts(&["root-cert.pem"], &[("root-cert.pem", &key)]));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("PRIVATE KEY"), "{refused}");
    assert!(!refused.contains(&key[40..60]), "{refused}");
}

#[test]
fn accepts_a_chain_that_ends_with_its_root() {
    let chain = Three::new();
    let path = [&chain.issuing, &chain.middle, &chain.root].map(Parts::pem);
    let existing = read(&cacerts(
        &["cert-chain.pem"],
        &[("cert-chain.pem", &path.concat())],
    ));
    assert_eq!(existing, Ok(Some(Existing::complete(contents()))));
}

/// It could sign nothing that is valid.
#[test]
fn a_ca_that_has_expired_is_not_taken_over() {
    let contents = contents();
    let end = contents.chain(NOW).unwrap().not_after();
    contents.chain(end - SignedDuration::from_secs(1)).unwrap();
    let refused = contents.chain(end).unwrap_err().to_string();
    let expected = format!("expired at {end}; renew it");
    assert!(refused.contains(&expected), "{refused}");
}
