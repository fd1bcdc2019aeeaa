//! An issuer of Signet above: circles, and its trust bundle.

use signet_api::{ClusterIssuer, ClusterIssuerSpec, IssuerRef, IssuerResource};

use super::issuer_ref::{sign, step};
use super::*;
use crate::fixtures::ca::Ca;
use crate::fixtures::corp;
use crate::issuer_name::IssuerName;
use crate::issuers::parents::Family;

/// An issuer of Signet, as the watch has it.
pub(super) fn signet(name: &str, parent: &str, bundle: Option<&str>) -> ClusterIssuer {
    let mut spec = World::issuer_ref(of_signet(parent)).spec;
    spec.suspend = false;
    let mut issuer = ClusterIssuer::new(name, ClusterIssuerSpec(spec));
    issuer.set_issuer_status(signet_api::IssuerStatus {
        bundle: bundle.map(str::to_owned),
        ..Default::default()
    });
    issuer
}

fn of_signet(name: &str) -> IssuerRef {
    IssuerRef {
        kind: "ClusterIssuer".to_owned(),
        group: "signet.dev".to_owned(),
        ..serde_json::from_value(serde_json::json!({ "name": name })).unwrap()
    }
}

pub(super) fn below(above: Vec<ClusterIssuer>) -> World {
    let mut world = World::issuer_ref(of_signet("above"));
    let (store, mut writer) = kube::runtime::reflector::store();
    for issuer in above {
        writer.apply_watcher_event(&kube::runtime::watcher::Event::Apply(issuer));
    }
    world.issuers.cluster_issuers = store;
    world
}

#[tokio::test]
async fn a_circle_of_issuers_is_stalled_and_names_its_members() {
    let above = signet("above", "higher", None);
    let mut world = below(vec![above, signet("higher", "corp", None)]);
    let message = stalls(&step(&mut world, 0).await, IssuerReason::InvalidSpec);
    for member in ["corp", "above", "higher"] {
        assert!(
            message.contains(&format!("ClusterIssuer {member}")),
            "{message}"
        );
    }
    assert_eq!(world.requests.created().len(), 0);
}

#[tokio::test]
async fn a_line_of_too_many_issuers_is_stalled() {
    let name = |number: usize| match number {
        0 => "above".to_owned(),
        _ => format!("above-{number}"),
    };
    let above = |number| signet(&name(number), &name(number + 1), None);
    let mut world = below((0..17).map(above).collect());
    let message = stalls(&step(&mut world, 0).await, IssuerReason::InvalidSpec);
    assert!(message.contains("more than 16 issuers"), "{message}");
    assert_eq!(world.requests.created().len(), 0);
    let mut world = below((0..15).map(above).collect());
    waits(&step(&mut world, 0).await, IssuerReason::WaitingForParent);
}

#[tokio::test]
async fn an_issuer_above_that_does_not_exist_is_waited_for() {
    let mut world = below(vec![]);
    let message = waits(&step(&mut world, 0).await, IssuerReason::WaitingForParent);
    assert!(
        message.contains("the ClusterIssuer above does not exist"),
        "{message}"
    );
    assert_eq!(world.requests.created().len(), 0);
}

/// Every root in the bundle of the issuer above is trusted, and no other.
#[tokio::test]
async fn the_bundle_of_an_issuer_of_signet_is_trusted_and_published() {
    let (old, new) = (Ca::offline("Old"), Ca::offline("New"));
    let bundle = format!("{}{}", old.pem, new.pem);
    for (signer, is_trusted) in [(&old, true), (&new, true), (&Ca::offline("Evil"), false)] {
        let mut world = below(vec![signet("above", "elsewhere", Some(&bundle))]);
        step(&mut world, 0).await;
        assert_eq!(roots(&world), 2, "published before anything is signed");
        sign(&world, signer, 2031);
        let round = step(&mut world, 1).await;
        assert_eq!(round.decision.outcome.is_ok(), is_trusted, "{round:?}");
        if is_trusted {
            assert_eq!(
                world.specs()[0].certificate.as_ref().unwrap().trust,
                signet_api::RootTrust::Listed
            );
        }
    }
}

/// They learn of another bundle without a resync.
#[test]
fn an_issuer_of_signet_finds_those_below_it() {
    let [corp, above] = [corp(), issuer_named("above")];
    let of_cert_manager = {
        let mut other = signet("other", "corp", None);
        let parent = other.spec.0.certificate.issuer_ref.as_mut().unwrap();
        parent.group = "cert-manager.io".to_owned();
        other
    };
    let all = vec![
        signet("above", "corp", None),
        signet("low", "above", None),
        of_cert_manager,
    ];
    let world = below(all);
    let family = Family {
        issuers: &world.issuers,
        cluster_resource_namespace: "signet-system",
    };
    assert_eq!(family.below(&corp), std::slice::from_ref(&above));
    assert_eq!(family.below(&above), [issuer_named("low")]);
    assert_eq!(family.below(&issuer_named("low")), []);
}

pub(super) fn issuer_named(name: &str) -> IssuerName {
    IssuerName {
        name: name.to_owned(),
        ..corp()
    }
}
