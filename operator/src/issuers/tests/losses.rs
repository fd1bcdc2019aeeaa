//! Every loss of what an issuer's CA consists of: it is found again, or nothing takes its place.

mod listed;
mod published;

use signet_core::ca::CaCertificate;
use signet_keys::ErrorClass;

use super::world::LOSS_DELAY;
use super::*;

/// What an issuer's CA consists of, and what is lost of it.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    status: bool,
    generations: bool,
    key: bool,
    object: bool,
}

impl Lost {
    /// Deletes that. The issuer without its status is another object.
    fn of(self, world: &mut World) {
        if self.status {
            world.status = IssuerStatus::default();
            world.uid = "uid-2";
        }
        if self.generations {
            world.objects.clear();
        }
        if self.key {
            world.secrets.delete("ca");
        }
        if self.object {
            world.bundles.object = None;
        }
    }
}

fn root(world: &World) -> CaCertificate {
    let bundle = world.status.bundle.as_deref().unwrap();
    let mut roots = CaCertificate::all_from_pem(bundle.as_bytes()).unwrap();
    roots.remove(0)
}

fn fingerprint(world: &World) -> String {
    hex::encode(root(world).fingerprint())
}

fn delay() -> i64 {
    LOSS_DELAY.as_secs().cast_signed()
}

/// The CA is lost: nothing is created before and after the delay. Returns the message.
async fn is_lost(world: &mut World) -> String {
    let before = (world.objects.len(), world.secrets.is_empty());
    let first = world.reconcile().await;
    let not_ready = first.decision.outcome.as_ref().unwrap_err();
    assert!(!not_ready.stalled, "{not_ready:?}");
    assert!(
        not_ready.message.contains("a restore may be under way"),
        "{not_ready:?}"
    );
    world.pass(delay() - 1);
    assert!(
        !world
            .reconcile()
            .await
            .decision
            .outcome
            .unwrap_err()
            .stalled
    );
    world.pass(1);
    let message = stalls(&world.reconcile().await, IssuerReason::CaLost);
    assert_eq!(before, (world.objects.len(), world.secrets.is_empty()));
    message
}

/// The delay counts from the first decision on the loss, and ends with it.
#[tokio::test]
async fn observing_a_loss_remembers_nothing() {
    let mut world = signing(1000).await;
    let restored = (world.objects.clone(), world.secrets.text("ca", "tls.key"));
    world.objects.clear();
    world.secrets.delete("ca");
    world.observe().await;
    let since = async |world: &World| world.observe().await.remembered.lost_since;
    assert_eq!(since(&world).await, None);
    world.pass(100);
    world.reconcile().await;
    assert_eq!(since(&world).await, Some(world.now));
    let (objects, key) = restored;
    world.objects = objects;
    world.secrets.put("ca", &[("tls.key", &key)]);
    assert!(since(&world).await.is_some());
    ready(&world.reconcile().await);
    assert_eq!(since(&world).await, None);
}

#[tokio::test]
async fn the_ca_is_found_again_by_its_key_in_any_trace() {
    for lost in [
        Lost {
            generations: true,
            ..Lost::default()
        },
        Lost {
            generations: true,
            object: true,
            ..Lost::default()
        },
        Lost {
            generations: true,
            status: true,
            ..Lost::default()
        },
    ] {
        let mut world = signing(1000).await;
        let before = root(&world);
        lost.of(&mut world);
        let round = world.reconcile().await;
        assert_eq!(ready(&round).chain.issuing(), &before, "{lost:?}");
        assert_eq!((world.objects.len(), root(&world)), (1, before), "{lost:?}");
        world.pass(60);
        let specs = world.specs();
        ready(&world.reconcile().await);
        assert_eq!(world.specs(), specs, "and it settles");
    }
}

/// Without the records, anything may have been granted under it.
#[tokio::test]
async fn an_adopted_ca_counts_as_one_that_granted_the_longest_lifetimes() {
    let mut world = signing(1000).await;
    world.objects.clear();
    world.reconcile().await;
    let spec = &world.specs()[0];
    assert_eq!(spec.generation, 2, "the number of the lost one stays taken");
    let whole = Some(1000 * DAY);
    assert_eq!(
        (spec.longest_leaf_seconds, spec.longest_ca_seconds),
        (whole, whole)
    );
}

#[tokio::test]
async fn a_status_that_is_restored_from_git_is_filled_from_the_generations() {
    for lost in [
        Lost {
            status: true,
            ..Lost::default()
        },
        Lost {
            status: true,
            object: true,
            ..Lost::default()
        },
    ] {
        let mut world = signing(1000).await;
        let before = (root(&world), world.specs());
        lost.of(&mut world);
        ready(&world.reconcile().await);
        assert_eq!((root(&world), world.specs()), before, "{lost:?}");
    }
}

#[tokio::test]
async fn whatever_is_left_without_the_certificate_or_the_key_holds_another_ca() {
    for (lost, trace) in [
        (
            Lost {
                generations: true,
                key: true,
                ..Lost::default()
            },
            "status.ca names the CA",
        ),
        (
            Lost {
                generations: true,
                key: true,
                status: true,
                ..Lost::default()
            },
            "the object with the trust bundle has the root",
        ),
        (
            Lost {
                generations: true,
                status: true,
                object: true,
                ..Lost::default()
            },
            "was created for an earlier issuer of this name",
        ),
    ] {
        let mut world = signing(1000).await;
        let ca = root(&world);
        lost.of(&mut world);
        let message = is_lost(&mut world).await;
        let named = match lost.key {
            true => hex::encode(ca.fingerprint()),
            false => ca.public_key().fingerprint(),
        };
        assert!(message.contains(trace), "{lost:?}: {message}");
        let acknowledge = format!("set spec.certificate.acknowledgedLoss to {named} to start over");
        assert!(message.contains(&acknowledge), "{lost:?}: {message}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_ca_that_a_new_issuer_could_find() {
    let mut world = signing(1000).await;
    let before = root(&world);
    Lost {
        status: true,
        generations: true,
        key: true,
        object: true,
    }
    .of(&mut world);
    ready(&world.reconcile().await);
    assert_ne!(root(&world), before, "only the spec can pin a root");
}

/// A crash comes between the two writes.
#[tokio::test]
async fn a_key_without_a_generation_is_not_a_loss_for_the_issuer_that_created_it() {
    let mut world = World::self_signed(1000 * DAY);
    world.secrets.put_new_key("ca");
    world.made.insert("ca".to_owned(), world.uid.to_owned());
    ready(&world.reconcile().await);
}

#[tokio::test]
async fn a_key_that_signet_did_not_create_is_no_trace() {
    let mut world = World::self_signed(1000 * DAY);
    world.secrets.put_new_key("ca");
    ready(&world.reconcile().await);
}

#[tokio::test]
async fn an_acknowledged_loss_starts_over_and_the_old_root_stays_trusted() {
    let mut world = signing(1000).await;
    let old = fingerprint(&world);
    Lost {
        generations: true,
        key: true,
        ..Lost::default()
    }
    .of(&mut world);
    is_lost(&mut world).await;
    world.spec.certificate.acknowledged_loss = Some("0".repeat(64));
    stalls(&world.reconcile().await, IssuerReason::CaLost);
    world.spec.certificate.acknowledged_loss = Some(old.clone());
    let round = world.reconcile().await;
    let new = hex::encode(ready(&round).chain.issuing().fingerprint());
    assert_ne!(new, old);
    let published = |world: &World| {
        let bundle = world.status.bundle.clone().unwrap();
        let roots = CaCertificate::all_from_pem(bundle.as_bytes()).unwrap();
        let roots = roots.iter().map(|root| hex::encode(root.fingerprint()));
        roots.collect::<Vec<_>>()
    };
    assert_eq!(published(&world), [new.clone(), old.clone()]);
    // Also when the acknowledgement has left Git, and another generation has followed.
    world.spec.certificate.acknowledged_loss = None;
    world.pass(700 * DAY);
    ready(&world.reconcile().await);
    world.pass(DAY);
    let round = world.reconcile().await;
    assert_eq!(ready(&round).number, 3);
    assert!(published(&world).contains(&old));
    world.pass(400 * DAY);
    world.reconcile().await;
    assert!(!published(&world).contains(&old), "it has expired");
}

/// No record of a root that was revoked is worth keeping.
#[tokio::test]
async fn an_inherited_root_leaves_when_its_key_is_revoked() {
    let mut world = signing(1000).await;
    let (old, key) = (fingerprint(&world), root(&world).public_key().fingerprint());
    Lost {
        generations: true,
        key: true,
        ..Lost::default()
    }
    .of(&mut world);
    world.spec.certificate.acknowledged_loss = Some(old);
    world.reconcile().await;
    world.pass(delay());
    ready(&world.reconcile().await);
    assert_eq!(roots(&world), 2);
    world = world.with(rotation(|rotation| rotation.revoked = vec![key]));
    ready(&world.reconcile().await);
    assert_eq!(roots(&world), 1);
}

/// A restore brings back the bundle first, and Git has the acknowledgement of an earlier loss.
#[tokio::test]
async fn a_restore_within_the_delay_is_followed() {
    let mut world = signing(1000).await;
    let before = (world.objects.clone(), root(&world));
    world.spec.certificate.acknowledged_loss = Some(fingerprint(&world));
    let pem = world.secrets.text("ca", "tls.key");
    Lost {
        generations: true,
        key: true,
        status: true,
        ..Lost::default()
    }
    .of(&mut world);
    waits(&world.reconcile().await, IssuerReason::Progressing);
    world.pass(delay() - 1);
    waits(&world.reconcile().await, IssuerReason::Progressing);
    world.objects = before.0;
    world.secrets.put("ca", &[("tls.key", &pem)]);
    world.pass(9);
    ready(&world.reconcile().await);
    assert_eq!((world.objects.len(), root(&world)), (1, before.1));
}

#[tokio::test]
async fn a_lost_key_is_replaced_only_when_the_loss_is_acknowledged() {
    let mut world = signing(1000).await;
    let old = fingerprint(&world);
    world.secrets.delete("ca");
    let message = waits(
        &world.reconcile().await,
        IssuerReason::Key(ErrorClass::KeyNotFound),
    );
    assert!(message.contains("Signet does not replace it"), "{message}");
    world.pass(delay());
    let message = stalls(&world.reconcile().await, IssuerReason::CaLost);
    let expected = format!(
        "the key of the CA {old} is gone; restore software/ca, over which clusterissuer-corp-1 was \
         issued, or set spec.certificate.acknowledgedLoss to {old} to start over with another CA; the \
         objects of a ClusterIssuer belong in the namespace signet-system \
         (--cluster-resource-namespace)"
    );
    assert_eq!(message, expected);
    world.spec.certificate.acknowledged_loss = Some(old);
    let round = world.reconcile().await;
    assert_eq!((ready(&round).number, roots(&world)), (2, 2));
    // By the records of the generation that is still there.
    world.pass(200 * DAY);
    world.reconcile().await;
    assert_eq!(roots(&world), 1);
}

/// An acknowledgement that stays in Git does not excuse the next loss.
#[tokio::test]
async fn a_second_loss_needs_its_own_acknowledgement() {
    let mut world = signing(1000).await;
    world.spec.certificate.acknowledged_loss = Some(fingerprint(&world));
    world.secrets.delete("ca");
    world.reconcile().await;
    world.pass(delay());
    ready(&world.reconcile().await);
    world.secrets.delete("ca");
    world.reconcile().await;
    world.pass(delay());
    stalls(&world.reconcile().await, IssuerReason::CaLost);
}

/// A user who may write ConfigMaps in the namespace of an Issuer must not become its CA: a
/// certificate over the key of the issuer has to be signed by that key.
#[tokio::test]
async fn a_forged_root_in_the_object_is_not_adopted() {
    let mut world = signing(1000).await;
    Lost {
        generations: true,
        status: true,
        ..Lost::default()
    }
    .of(&mut world);
    let other = signing(1000).await;
    let object = world.bundles.object.as_mut().unwrap();
    let planted = other.status.bundle.unwrap();
    object.data = Some([("ca.crt".to_owned(), planted)].into());
    let message = is_lost(&mut world).await;
    // An acknowledged root is trusted.
    assert!(
        message.contains("check first that it is yours"),
        "{message}"
    );
}
