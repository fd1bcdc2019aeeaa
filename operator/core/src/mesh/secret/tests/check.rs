//! What Linkerd requires of a CA and its roots (`linkerd check`).

use super::*;
use crate::fixtures::key::Kind;
use crate::x509::algorithm::KeyAlgorithm;

fn chain(own: Kind, root: Kind) -> CaChain {
    let root = Parts::root("root", &Key::new(root, 1));
    let own = Parts::intermediate("own", &Key::new(own, 2), &root);
    let (own, root) = (own.pem(), root.pem());
    CaChain::from_pem(own.as_bytes(), Some(root.as_bytes()), NOW).unwrap()
}

#[test]
fn linkerd_accepts_p256_and_sha256_only() {
    let subject = |name: &str| format!("CN={name}");
    let key = |found| Unfit::Key {
        subject: subject("own"),
        found,
    };
    let root_key = |found| Unfit::RootKey {
        subject: subject("root"),
        found,
    };
    for (own, root, outcome) in [
        (Kind::P256, Kind::P256, Ok(())),
        (Kind::P256, Kind::Rsa2048, Ok(())),
        (Kind::P384, Kind::P256, Err(key(KeyAlgorithm::EcP384))),
        (Kind::Ed25519, Kind::P256, Err(key(KeyAlgorithm::Ed25519))),
        (Kind::P256, Kind::P384, Err(root_key(KeyAlgorithm::EcP384))),
        (
            Kind::P256,
            Kind::Ed25519,
            Err(root_key(KeyAlgorithm::Ed25519)),
        ),
    ] {
        assert_eq!(Mesh::Linkerd.check(&chain(own, root)), outcome);
        assert_eq!(Mesh::Spire.check(&chain(own, root)), Ok(()));
    }
}

/// An intermediate on P-384 signs with SHA-384, whatever the key below it.
#[test]
fn linkerd_refuses_the_signature_of_another_hash() {
    let root = Parts::root("root", &Key::p256(1));
    let middle = Parts::intermediate("middle", &Key::new(Kind::P384, 2), &root);
    let own = Parts::intermediate("own", &Key::p256(3), &middle);
    let path = own.pem() + &middle.pem();
    let chain = CaChain::from_pem(path.as_bytes(), Some(root.pem().as_bytes()), NOW).unwrap();
    let unfit = Unfit::Signature("CN=own".to_owned());
    assert_eq!(Mesh::Linkerd.check(&chain), Err(unfit));
    assert_eq!(Mesh::Istio(IstioLayout::Plugin).check(&chain), Ok(()));
}

/// SPIRE signs a CA of its own.
#[test]
fn spire_needs_a_path_below_its_ca() {
    let root = Parts::root("root", &Key::p256(1));
    for (path_length, is_fit) in [(None, true), (Some(1), true), (Some(0), false)] {
        let own = Parts::intermediate("own", &Key::p256(2), &root);
        let own = match path_length {
            Some(limit) => own.path_length(limit),
            None => own,
        };
        let (own, root) = (own.pem(), root.pem());
        let chain = CaChain::from_pem(own.as_bytes(), Some(root.as_bytes()), NOW).unwrap();
        assert_eq!(Mesh::Spire.check(&chain).is_ok(), is_fit, "{path_length:?}");
        assert_eq!(Mesh::Linkerd.check(&chain), Ok(()));
    }
}
