//! The CRDs of the chart.

use serde_json::Value;

use crate::render::Rendered;

const KIND: &str = "CustomResourceDefinition";

#[test]
fn the_crds_are_those_of_the_types() {
    let rendered = Rendered::with(&[]);
    let types = signet_api::crds::all();
    assert_eq!(rendered.of_kind(KIND).count(), types.len());
    for crd in types {
        let name = crd.metadata.name.clone().unwrap();
        let spec: Value = serde_json::to_value(&crd.spec).unwrap();
        let rendered = serde_json::from_value(rendered.get(KIND, &name)["spec"].clone()).unwrap();
        assert_eq!(crd.spec, rendered, "{name}: {spec}");
    }
}

#[test]
fn crds_stay_on_uninstall_by_default() {
    const POLICY: &str = "helm.sh/resource-policy";
    let kept = Rendered::with(&[]);
    assert!(
        kept.of_kind(KIND)
            .all(|crd| crd["metadata"]["annotations"][POLICY] == "keep")
    );
    let removed = Rendered::with(&["crds.keep=false"]);
    assert!(
        removed
            .of_kind(KIND)
            .all(|crd| crd["metadata"].get("annotations").is_none())
    );
    assert_eq!(removed.of_kind(KIND).count(), kept.of_kind(KIND).count());
}

#[test]
fn crds_are_left_out_when_they_come_by_other_means() {
    assert_eq!(
        Rendered::with(&["crds.enabled=false"])
            .of_kind(KIND)
            .count(),
        0
    );
}
