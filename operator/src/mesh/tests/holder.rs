//! Whose an object is, and whether Signet may write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use signet_api::IssuerKind;

use crate::issuer_name::IssuerName;
use crate::mesh::holder::Holder;
use crate::plan::issuer_annotations;

fn mesh_ca(name: &str) -> IssuerName {
    IssuerName {
        kind: IssuerKind::MeshCA,
        namespace: "istio-system".to_owned(),
        name: name.to_owned(),
    }
}

fn annotated(annotations: &[(&str, &str)]) -> ObjectMeta {
    let owned = annotations.iter();
    let owned = owned.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ObjectMeta {
        annotations: Some(owned.collect()),
        ..ObjectMeta::default()
    }
}

fn labeled(key: &str) -> ObjectMeta {
    ObjectMeta {
        labels: Some([(key.to_owned(), "x".to_owned())].into()),
        ..ObjectMeta::default()
    }
}

fn owned() -> ObjectMeta {
    let owner = OwnerReference {
        kind: "Certificate".to_owned(),
        name: "istiod".to_owned(),
        ..OwnerReference::default()
    };
    ObjectMeta {
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    }
}

fn own(name: &str) -> ObjectMeta {
    ObjectMeta {
        annotations: Some(issuer_annotations(&mesh_ca(name), "1")),
        ..ObjectMeta::default()
    }
}

#[test]
fn an_object_of_a_tool_is_refused_and_one_of_a_person_is_adopted() {
    let helm = ("meta.helm.sh/release-name", "istiod");
    let argo = ("argocd.argoproj.io/tracking-id", "mesh");
    let cert_manager = ("cert-manager.io/certificate-name", "istiod");
    // What it is, whether it is empty, and whether Signet writes it without and with `adopt`.
    for (meta, is_empty, without, with) in [
        (own("istio"), false, true, true),
        // Of a MeshCA of another name, which may write it in turn.
        (own("other"), false, false, false),
        (own("other"), true, false, false),
        (ObjectMeta::default(), false, false, true),
        (ObjectMeta::default(), true, false, true),
        (annotated(&[helm]), false, false, false),
        (annotated(&[argo]), false, false, false),
        (
            labeled("kustomize.toolkit.fluxcd.io/name"),
            false,
            false,
            false,
        ),
        // An empty object in Git.
        (annotated(&[argo]), true, false, true),
        (
            labeled("kustomize.toolkit.fluxcd.io/name"),
            true,
            false,
            true,
        ),
        // They write it, whatever it has now.
        (annotated(&[cert_manager]), false, false, false),
        (annotated(&[cert_manager]), true, false, false),
        (owned(), true, false, false),
    ] {
        let holder = Holder::of(&meta, is_empty, &mesh_ca("istio"));
        let may = |adopts| holder.refusal(adopts).is_none();
        assert_eq!((may(false), may(true)), (without, with), "{holder:?}");
    }
}

#[test]
fn an_object_that_was_empty_in_git_stays_signets() {
    let mut meta = own("istio");
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(
        "argocd.argoproj.io/tracking-id".to_owned(),
        "mesh".to_owned(),
    );
    let holder = Holder::of(&meta, false, &mesh_ca("istio"));
    assert_eq!(holder, Holder::Own);
}

#[test]
fn a_refusal_names_who_has_the_object() {
    let holder = Holder::of(&owned(), false, &mesh_ca("istio"));
    let refusal = holder.refusal(true).unwrap();
    assert!(refusal.contains("Certificate istiod"), "{refusal}");
    let holder = Holder::of(&ObjectMeta::default(), false, &mesh_ca("istio"));
    let refusal = holder.refusal(false).unwrap();
    assert!(refusal.contains("spec.adopt"), "{refusal}");
}
