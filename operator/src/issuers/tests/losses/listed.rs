//! Roots that the spec lists are published before there is a CA, and are no trace of an earlier one.

use signet_api::TrustedRootsSpec;
use signet_keys::PROBE;
use tokio::time::advance;

use super::super::issuer_ref::{parent, requested, sign, step};
use super::*;
use crate::fixtures::ca::Ca;

/// An issuer whose key cannot be read, and which has published the roots that its spec lists.
async fn without_a_key(mut world: World, root: &Ca) -> World {
    world.spec.certificate.trusted_roots = Some(TrustedRootsSpec {
        secret_name: Some("roots".to_owned()),
        ..TrustedRootsSpec::default()
    });
    world.secrets.put("roots", &[("ca.crt", &root.pem)]);
    world.secrets.put("ca", &[("tls.key", "no key")]);
    let round = world.reconcile().await;
    assert!(round.decision.outcome.is_err());
    assert_eq!(world.objects.len(), 0, "there is no generation yet");
    assert_eq!(world.status.bundle.as_deref(), Some(&*root.pem));
    assert!(world.bundles.object.is_some(), "its object has them too");
    world
}

/// The key comes, and with it these roots.
async fn with_key(world: &mut World, roots: Option<&str>) -> Round {
    world.secrets.put_new_key("ca");
    match roots {
        Some(roots) => world.secrets.put("roots", &[("ca.crt", roots)]),
        None => world.secrets.delete("roots"),
    }
    advance(PROBE).await;
    step(world, 60).await
}

/// What happens to the list meanwhile: it stays, has another root, or is deleted.
fn lists() -> [Option<String>; 3] {
    let [root, other] = ["Listed", "Other"].map(Ca::offline);
    [Some(root.pem), Some(other.pem), None]
}

#[tokio::test(start_paused = true)]
async fn a_self_signed_ca_is_created_when_its_key_comes() {
    for roots in lists() {
        let world = World::self_signed(1000 * DAY);
        let mut world = without_a_key(world, &Ca::offline("Listed")).await;
        let round = with_key(&mut world, roots.as_deref()).await;
        assert_eq!(ready(&round).number, 1, "{roots:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ca_below_another_issuer_is_requested_when_its_key_comes() {
    for roots in lists() {
        let root = Ca::offline("Listed");
        let mut world = without_a_key(World::issuer_ref(parent()), &root).await;
        let round = with_key(&mut world, roots.as_deref()).await;
        waits(&round, IssuerReason::WaitingForParent);
        assert_eq!(world.requests.names().len(), 1, "{roots:?}");
        world.secrets.put("roots", &[("ca.crt", &root.pem)]);
        sign(&world, &root, 2031);
        assert_eq!(ready(&step(&mut world, 1).await).number, 1, "{roots:?}");
    }
}

/// The difference is that this one has signed.
#[tokio::test(start_paused = true)]
async fn a_ca_that_is_lost_is_not_created_again_because_its_spec_lists_roots() {
    let (mut world, root) = (requested().await, Ca::offline("Listed"));
    sign(&world, &root, 2031);
    ready(&step(&mut world, 1).await);
    world.spec.certificate.trusted_roots = Some(TrustedRootsSpec {
        secret_name: Some("roots".to_owned()),
        ..TrustedRootsSpec::default()
    });
    world.secrets.put("roots", &[("ca.crt", &root.pem)]);
    step(&mut world, 1).await;
    Lost {
        generations: true,
        key: true,
        ..Lost::default()
    }
    .of(&mut world);
    with_key(&mut world, Some(&root.pem)).await;
    world.pass(delay());
    stalls(&step(&mut world, 1).await, IssuerReason::CaLost);
    assert_eq!(world.objects.len(), 0);
}
