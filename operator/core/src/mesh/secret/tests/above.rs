//! What is required of the issuer above, before a request is made.

use super::*;
use crate::fixtures::key::Kind;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

const ISTIO: Mesh = Mesh::Istio(IstioLayout::Plugin);

/// A CA of this path length below a root, and how it signs.
fn ca(own: Kind, path_length: Option<u8>, root: Kind) -> (CaChain, SignatureAlgorithm) {
    let root = Parts::root("root", &Key::new(root, 1));
    let key = Key::new(own, 2);
    let own = Parts::intermediate("own", &key, &root);
    let own = match path_length {
        Some(limit) => own.path_length(limit),
        None => own,
    };
    let (own, root) = (own.pem(), root.pem());
    let chain = CaChain::from_pem(own.as_bytes(), Some(root.as_bytes()), NOW).unwrap();
    (chain, key.algorithm())
}

/// An issuer with this profile.
fn issuer(profile: Option<u8>, ca: Option<&(CaChain, SignatureAlgorithm)>) -> Above<'_> {
    Above {
        profile,
        is_confined: false,
        authority: ca.map(|(chain, algorithm)| (chain, *algorithm)),
    }
}

#[test]
fn the_path_must_be_long_enough_for_what_the_mesh_signs() {
    let no_profile = |needed| Err(UnfitIssuer::NoProfile { needed });
    let profile = |found, needed| Err(UnfitIssuer::Profile { found, needed });
    let own = |found, required| Err(UnfitIssuer::OwnPathLength { found, required });
    // The mesh, the path length that is requested, those of the profile and of the issuer's own CA.
    for (mesh, requested, allowed, path_length, outcome) in [
        (Mesh::Spire, None, None, Some(2), no_profile(1)),
        (Mesh::Spire, None, Some(0), Some(2), profile(0, 1)),
        (Mesh::Spire, None, Some(1), Some(1), own(1, 2)),
        (Mesh::Spire, Some(1), Some(1), Some(2), Ok(())),
        (Mesh::Spire, None, Some(1), None, Ok(())),
        // With another SPIRE server below.
        (Mesh::Spire, Some(2), Some(1), Some(3), profile(1, 2)),
        (Mesh::Spire, Some(2), Some(2), Some(2), own(2, 3)),
        (Mesh::Spire, Some(2), Some(2), Some(3), Ok(())),
        (Mesh::Linkerd, Some(0), None, None, no_profile(0)),
        (ISTIO, Some(0), Some(0), Some(0), own(0, 1)),
        (ISTIO, Some(0), Some(0), Some(1), Ok(())),
        (ISTIO, None, Some(3), Some(1), Ok(())),
    ] {
        let ca = ca(Kind::P256, path_length, Kind::P256);
        let found = mesh.check_above(&issuer(allowed, Some(&ca)), requested);
        assert_eq!(found, outcome, "{mesh:?} {requested:?} {allowed:?}");
    }
}

/// It may be known later, and the spec is known first.
#[test]
fn an_issuer_whose_ca_is_not_known_is_judged_by_its_profile() {
    let check = |profile| Mesh::Spire.check_above(&issuer(profile, None), None);
    assert_eq!(check(Some(1)), Ok(()));
    let unfit = UnfitIssuer::Profile {
        found: 0,
        needed: 1,
    };
    assert_eq!(check(Some(0)), Err(unfit));
}

#[test]
fn an_issuer_of_a_namespace_with_a_trust_domain_signs_no_ca() {
    let confined = Above {
        is_confined: true,
        ..issuer(Some(1), None)
    };
    let found = ISTIO.check_above(&confined, Some(0));
    assert_eq!(found, Err(UnfitIssuer::Confined));
}

/// `linkerd check` reads the certificate of the mesh's CA and the roots, and none between.
#[test]
fn linkerd_needs_sha256_below_a_root_that_it_accepts() {
    let signature = |algorithm| Err(UnfitIssuer::Signature(algorithm));
    let root = |found| {
        let subject = "CN=root".to_owned();
        Err(UnfitIssuer::Root(Unfit::RootKey { subject, found }))
    };
    for (own, above, outcome) in [
        (Kind::P256, Kind::P256, Ok(())),
        (Kind::P256, Kind::Rsa2048, Ok(())),
        (Kind::Rsa2048, Kind::P256, Ok(())),
        (
            Kind::P384,
            Kind::P256,
            signature(SignatureAlgorithm::EcdsaSha384),
        ),
        (
            Kind::Ed25519,
            Kind::P256,
            signature(SignatureAlgorithm::Ed25519),
        ),
        (Kind::P256, Kind::P384, root(KeyAlgorithm::EcP384)),
    ] {
        let ca = ca(own, None, above);
        let issuer = issuer(Some(0), Some(&ca));
        assert_eq!(Mesh::Linkerd.check_above(&issuer, Some(0)), outcome);
        assert_eq!(ISTIO.check_above(&issuer, Some(0)), Ok(()));
    }
}
