//! What is required of the issuer above, before a request is made.

use super::*;

const ISTIO: Mesh = Mesh::Istio(IstioLayout::Plugin);

/// A CA of this path length below a root.
fn ca(path_length: Option<u8>) -> CaChain {
    let root = Parts::root("root", &Key::p256(1));
    let own = Parts::intermediate("own", &Key::p256(2), &root);
    let own = match path_length {
        Some(limit) => own.path_length(limit),
        None => own,
    };
    let (own, root) = (own.pem(), root.pem());
    CaChain::from_pem(own.as_bytes(), Some(root.as_bytes()), NOW).unwrap()
}

/// An issuer with this profile.
const fn issuer(profile: Option<u8>, chain: Option<&CaChain>) -> Above<'_> {
    Above {
        profile,
        is_confined: false,
        chain,
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
        let ca = ca(path_length);
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
