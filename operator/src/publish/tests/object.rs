use serde_json::json;
use signet_api::IssuerKind;

use super::super::object::{Found, Location, ObjectKind, name};
use super::{content, current, foreign, found, location};
use crate::fixtures::{corp, issuer, shop_ca};
use crate::issuer_name::IssuerName;

/// istiod, Linkerd and Kubernetes overwrite the objects of these names.
#[test]
fn never_has_a_name_that_another_product_writes() {
    assert_eq!(name(&shop_ca()), "issuer-ca-bundle");
    assert_eq!(name(&corp()), "clusterissuer-corp-bundle");
    for issuer_name in [
        "istio-ca-root-cert",
        "linkerd-identity-trust-roots",
        "kube-root-ca.crt",
        "",
    ] {
        for kind in [
            IssuerKind::Issuer,
            IssuerKind::ClusterIssuer,
            IssuerKind::MeshCA,
        ] {
            let issuer = IssuerName {
                kind,
                ..issuer("shop", issuer_name)
            };
            let name = name(&issuer);
            assert!(name.ends_with("-bundle"), "{name}");
        }
    }
}

/// An Issuer's object in the cluster resource namespace is not the ClusterIssuer's of that name.
#[test]
fn issuers_of_both_kinds_never_share_a_name() {
    for issuer_name in ["corp", "cluster", "cluster-corp"] {
        let own = name(&issuer("signet-system", issuer_name));
        assert_ne!(own, name(&corp()));
        assert!(!own.starts_with("clusterissuer-"), "{own}");
    }
}

#[test]
fn the_longest_name_of_an_issuer_fits() {
    let issuer = IssuerName {
        name: "a".repeat(200),
        ..corp()
    };
    assert!(name(&issuer).len() <= 253);
}

/// What is created stays in the object for as long as it exists: server-side apply does not remove
/// it, and a label of the spec may have to go.
#[test]
fn is_created_without_the_labels_of_the_spec_and_with_the_key() {
    let (content, at) = (content(), location(ObjectKind::ConfigMap, "shop"));
    let created = content.config_map(content.created(&at));
    assert_eq!(created.data.unwrap()["ca.crt"], super::PEM);
    let labels = created.metadata.labels.unwrap();
    assert_eq!(
        labels.keys().collect::<Vec<_>>(),
        ["app.kubernetes.io/managed-by"]
    );
    let annotations = created.metadata.annotations.unwrap();
    assert_eq!(annotations["signet.dev/issuer-kind"], "ClusterIssuer");
    assert_eq!(annotations["signet.dev/issuer-name"], "corp");
    assert_eq!(annotations["signet.dev/issuer-uid"], "uid-1");

    let applied = content.secret(content.applied(&at, &current().version));
    assert_eq!(applied.metadata.uid.as_deref(), Some("map-1"));
    assert_eq!(applied.metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(applied.metadata.labels.unwrap()["team"], "pki");
    assert_eq!(applied.data.unwrap()["ca.crt"].0, super::PEM.as_bytes());
    assert!(
        applied.metadata.owner_references.is_none(),
        "it outlives its issuer"
    );
}

#[test]
fn an_object_as_it_was_written_is_current() {
    assert!(current().is_ours);
    assert!(current().has(&content()));
}

#[test]
fn an_edited_object_is_ours_and_not_current() {
    let managed_by = "/metadata/annotations/signet.dev~1issuer-uid";
    for (pointer, value) in [
        ("/data", json!({})),
        ("/data/ca.crt", json!("")),
        ("/data/ca.crt", json!(format!("{}\n", super::PEM))),
        ("/metadata/labels/team", json!("other")),
        // The issuer was created again.
        (managed_by, json!("uid-0")),
        // A label that was in the spec before, and one that was not applied yet.
        (
            "/metadata/managedFields/1/fieldsV1/f:metadata/f:labels",
            json!({ "f:app.kubernetes.io/managed-by": {}, "f:team": {}, "f:old": {} }),
        ),
        ("/metadata/managedFields", json!([])),
    ] {
        let found = found(pointer, value.clone());
        assert!(found.is_ours, "{pointer} {value}");
        assert!(!found.has(&content()), "{pointer} {value}");
    }
}

#[test]
fn an_object_without_our_label_and_annotations_is_not_ours() {
    assert!(!foreign().is_ours);
    for (pointer, value) in [
        ("/metadata/labels", json!({})),
        (
            "/metadata/labels/app.kubernetes.io~1managed-by",
            json!("Helm"),
        ),
        (
            "/metadata/annotations/signet.dev~1issuer-kind",
            json!("Issuer"),
        ),
        (
            "/metadata/annotations/signet.dev~1issuer-name",
            json!("other"),
        ),
    ] {
        assert!(!found(pointer, value).is_ours, "{pointer}");
    }
}

#[test]
fn a_location_reads_as_in_kubectl() {
    let at: Location = location(ObjectKind::Secret, "shop");
    assert_eq!(at.to_string(), "Secret shop/clusterissuer-corp-bundle");
}

/// A tenant may have a thousand issuers, and write such an object for each.
#[test]
fn a_giant_bundle_object_takes_no_memory_and_is_repaired() {
    let kept = |bytes: usize, annotations: serde_json::Value| {
        let object = json!({
            "metadata": {
                "labels": { "app.kubernetes.io/managed-by": "signet" }, "annotations": annotations,
            },
            "data": { "ca.crt": "x".repeat(bytes) },
        });
        let found = Found::config_map(serde_json::from_value(object).unwrap(), &shop_ca());
        assert!(!found.has(&content()));
        (found.is_ours, found.pem.map(|pem| pem.len()))
    };
    let ours = json!({ "signet.dev/issuer-kind": "Issuer", "signet.dev/issuer-name": "ca" });
    assert_eq!(kept(65_536, ours.clone()), (true, Some(65_536)));
    assert_eq!(kept(1_000_000, ours), (true, None));
    assert_eq!(kept(1_000, json!({})), (false, None));
}
