//! An issuer of Signet above the CA of a mesh is checked before a request is made.

use signet_api::conditions::{READY, ROTATING, find};
use signet_api::{ActivationMode, CaProfile, ClusterIssuer, IssuerSpec, Profile};
use signet_core::mesh::secret::{IstioLayout, Mesh};

use super::family::{below, issuer_named, signet};
use super::issuer_ref::{sign, step};
use super::*;
use crate::fixtures::ca::Ca;
use crate::fixtures::key;
use crate::keyring::Version;
use crate::mesh::MeshReason;

const UNFIT: IssuerReason = IssuerReason::Mesh(MeshReason::UnfitCa);
const ISTIO: Mesh = Mesh::Istio(IstioLayout::Plugin);

/// An issuer above that signs CAs of this path length, and whose own CA is not known.
fn above(root: &Ca, path_length: Option<u8>) -> ClusterIssuer {
    let mut above = signet("above", "elsewhere", Some(&root.pem));
    above.spec.0.profile = path_length.map(|path_length| Profile {
        ca: Some(CaProfile {
            path_length,
            max_duration: None,
        }),
        ..Profile::default()
    });
    above
}

fn world(above: ClusterIssuer, mesh: Mesh) -> World {
    let mut world = below(vec![above]);
    world.mesh = Some(mesh);
    observe_above(&world);
    world
}

fn observe_above(world: &World) {
    let version = Version {
        uid: String::new(),
        generation: 0,
    };
    let locked = Err("the key is locked".to_owned());
    world.keyring.put(&issuer_named("above"), version, locked);
}

fn activate(spec: &mut IssuerSpec, mode: ActivationMode) {
    spec.rotation.get_or_insert_default().activation = Some(mode);
}

#[tokio::test]
async fn nothing_is_requested_that_the_mesh_could_not_use() {
    let root = Ca::offline("Root");
    for (mesh, path_length, part) in [
        (Mesh::Spire, None, Some("signs no CA certificates")),
        (Mesh::Spire, Some(0), Some("pathLength to at least 1")),
        (Mesh::Spire, Some(1), None),
        (ISTIO, None, Some("signs no CA certificates")),
        (ISTIO, Some(0), None),
    ] {
        let mut world = world(above(&root, path_length), mesh);
        let round = step(&mut world, 0).await;
        let requests = world.requests.created().len();
        let Some(part) = part else {
            waits(&round, IssuerReason::WaitingForParent);
            assert_eq!(requests, 1);
            continue;
        };
        let message = waits(&round, UNFIT);
        assert!(message.contains("the ClusterIssuer above"), "{message}");
        assert!(message.contains(part), "{message}");
        assert_eq!(requests, 0);
        let poll = round.facts.poll_at.unwrap().duration_since(world.now);
        assert!(poll <= jiff::SignedDuration::from_secs(5), "{poll}");
    }
}

/// A CA that signs stays ready, whatever is wrong with the next one.
#[tokio::test]
async fn a_renewal_that_the_mesh_could_not_use_is_a_warning() {
    let root = Ca::offline("Root");
    let mut world = world(above(&root, Some(0)), ISTIO);
    step(&mut world, 0).await;
    sign(&world, &root, 2031);
    ready(&step(&mut world, 1).await);
    world.issuers = below(vec![above(&root, None)]).issuers;
    ready(&step(&mut world, 1500 * DAY).await);
    let message = &find(&world.status.conditions, READY).unwrap().message;
    let part = "no next CA certificate: the ClusterIssuer above signs no CA certificates";
    assert!(message.contains(part), "{message}");
    assert_eq!(world.requests.created().len(), 1);
}

/// After a start of the operator, its CA is not known for a moment.
#[tokio::test]
async fn an_issuer_above_that_is_yet_to_be_observed_is_waited_for() {
    let mut world = below(vec![above(&Ca::offline("Root"), Some(1))]);
    world.mesh = Some(Mesh::Spire);
    let message = waits(&step(&mut world, 0).await, IssuerReason::WaitingForParent);
    assert!(message.contains("is yet to be observed"), "{message}");
    assert_eq!(world.requests.created().len(), 0);
    observe_above(&world);
    step(&mut world, 1).await;
    assert_eq!(world.requests.created().len(), 1);
}

#[tokio::test]
async fn reports_that_the_issuer_above_does_not_wait_for_the_mesh() {
    use ActivationMode::{Automatic, Manual};
    let root = Ca::offline("Root");
    for (own, others, is_reported) in [
        (Manual, Automatic, true),
        (Manual, Manual, false),
        (Automatic, Automatic, false),
    ] {
        let mut above = above(&root, Some(0));
        activate(&mut above.spec.0, others);
        let mut world = world(above, Mesh::Linkerd);
        activate(&mut world.spec, own);
        step(&mut world, 0).await;
        sign(&world, &root, 2031);
        ready(&step(&mut world, 1).await);
        let message = &find(&world.status.conditions, READY).unwrap().message;
        let part = "the ClusterIssuer above activates another root by itself";
        assert_eq!(message.contains(part), is_reported, "{message}");
    }
}

#[tokio::test]
async fn the_wait_for_a_person_states_when_the_ca_of_a_mesh_expires() {
    let mut world = signing(1000).await;
    activate(&mut world.spec, ActivationMode::Manual);
    world.spec.key = key::software("other");
    world.reconcile().await;
    let message = |world: &World| {
        let rotating = find(&world.status.conditions, ROTATING).unwrap();
        rotating.message.clone()
    };
    let part = "the CA certificate that signs now expires at";
    assert!(message(&world).contains("waits for spec.rotation.activate"));
    assert!(!message(&world).contains(part), "{}", message(&world));
    world.mesh = Some(Mesh::Linkerd);
    let round = world.reconcile().await;
    let active = round.facts.active().unwrap().facts.certified.as_ref();
    let part = format!("{part} {}", active.unwrap().not_after);
    assert!(message(&world).contains(&part), "{}", message(&world));
}
