//! Keys of a MeshCA are removed once no certificate under them can be valid.

use signet_core::mesh::secret::{IstioLayout, Mesh};
use signet_keys::{GeneratedKey, KeyType};

use super::*;
use crate::fixtures::key;

const FIRST: &str = "aa01";
const SECOND: &str = "bb02";

/// What happens to a MeshCA whose first generation is over the first of two keys.
struct Case {
    what: &'static str,
    /// The entry of the spec, and how many days later the next reconcile is.
    history: &'static [(&'static str, i64)],
    /// Whether the first key is revoked before the last reconcile.
    is_revoked: bool,
    /// The state of the first generation then.
    first: GenerationState,
    /// The entries that are left.
    left: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        what: "the first signs, and no generation is over the second",
        history: &[(FIRST, 0)],
        is_revoked: false,
        first: GenerationState::Active,
        left: &[FIRST, SECOND],
    },
    Case {
        what: "the first ended, and was renewed over the same key",
        history: &[(FIRST, 670), (FIRST, 94)],
        is_revoked: false,
        first: GenerationState::Expired,
        left: &[FIRST, SECOND],
    },
    Case {
        what: "certificates under the first are still valid",
        history: &[(SECOND, 0), (SECOND, 93), (SECOND, 91)],
        is_revoked: false,
        first: GenerationState::Old,
        left: &[FIRST, SECOND],
    },
    Case {
        what: "the last certificate under the first has expired",
        history: &[(SECOND, 0), (SECOND, 93), (SECOND, 94)],
        is_revoked: false,
        first: GenerationState::Expired,
        left: &[SECOND],
    },
    Case {
        what: "the first ended, and the spec is about its key again",
        history: &[(SECOND, 0), (SECOND, 93), (FIRST, 94)],
        is_revoked: false,
        first: GenerationState::Expired,
        left: &[FIRST, SECOND],
    },
    Case {
        what: "the first key is revoked",
        history: &[(SECOND, 0)],
        is_revoked: true,
        first: GenerationState::Revoked,
        left: &[SECOND],
    },
    Case {
        what: "the first key is revoked, and still that of the spec",
        history: &[(FIRST, 0)],
        is_revoked: true,
        first: GenerationState::Revoked,
        left: &[FIRST, SECOND],
    },
];

/// A MeshCA that signs over the first of two keys, with certificates of 1000 days. Another root signs
/// after 93 days.
async fn mesh() -> World {
    let mut world = World::self_signed(1000 * DAY);
    let pems = [FIRST, SECOND].map(|_| GeneratedKey::new(KeyType::EcdsaP256).unwrap());
    let entries = [(FIRST, pems[0].pem()), (SECOND, pems[1].pem())];
    world.secrets.put("ca", &entries);
    world.spec.key = key::software_in("ca", Some(FIRST));
    world.mesh = Some(Mesh::Istio(IstioLayout::Plugin));
    ready(&world.reconcile().await);
    world
}

#[tokio::test]
async fn a_key_is_removed_once_its_generations_have_ended() {
    for case in CASES {
        let mut world = mesh().await;
        for (place, (entry, days)) in case.history.iter().copied().enumerate() {
            world.spec.key = key::software_in("ca", Some(entry));
            world.pass(days * DAY);
            if case.is_revoked && place + 1 == case.history.len() {
                let revoked = vec![world.objects[0].spec.key.fingerprint.clone()];
                world = world.with(rotation(|rotation| rotation.revoked = revoked));
            }
            world.reconcile().await;
        }
        let first = generations(&world.status)
            .into_iter()
            .find(|one| one.0 == 1);
        assert_eq!(first.unwrap().2, case.first, "{}", case.what);
        let keys = world.keys();
        let left: Vec<_> = keys.iter().map(|(name, _)| name).collect();
        assert_eq!(left, case.left, "{}", case.what);
    }
}
