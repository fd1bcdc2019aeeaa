//! What users add to the pod: containers, volumes, variables, labels and where it runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::render::{REQUIRED, Rendered, refusal};

#[test]
fn the_pod_has_what_users_add() {
    let rendered = Rendered::with(&[
        "imagePullSecrets[0].name=pull",
        "nodeSelector.disk=ssd",
        "tolerations[0].key=hsm",
        "priorityClassName=system-cluster-critical",
        "deploymentAnnotations.c=d",
        "podAnnotations.a=b",
        "podLabels.team=pki",
        "extraEnv[0].name=RUST_BACKTRACE",
        "extraEnvFrom[0].secretRef.name=cloud",
        "volumes[0].name=module",
        "volumeMounts[0].name=module",
        "volumeMounts[0].mountPath=/module",
        "topologySpreadConstraints[0].maxSkew=1",
        "affinity.nodeAffinity.x=y",
    ]);
    rendered.assert_pod(&[
        ("/spec/imagePullSecrets", json!([{ "name": "pull" }])),
        ("/spec/nodeSelector", json!({ "disk": "ssd" })),
        ("/spec/tolerations", json!([{ "key": "hsm" }])),
        ("/spec/priorityClassName", json!("system-cluster-critical")),
        ("/spec/topologySpreadConstraints", json!([{ "maxSkew": 1 }])),
        ("/spec/affinity", json!({ "nodeAffinity": { "x": "y" } })),
        ("/spec/volumes", json!([{ "name": "module" }])),
        ("/metadata/annotations", json!({ "a": "b" })),
        ("/metadata/labels/team", json!("pki")),
        ("/spec/containers/0/env/2/name", json!("RUST_BACKTRACE")),
        (
            "/spec/containers/0/envFrom",
            json!([{ "secretRef": { "name": "cloud" } }]),
        ),
        (
            "/spec/containers/0/volumeMounts",
            json!([{ "name": "module", "mountPath": "/module" }]),
        ),
    ]);
    let deployment = rendered.get("Deployment", "signet");
    assert_eq!(deployment["metadata"]["annotations"], json!({ "c": "d" }));
}

/// Signet stays the first container, which is the one that kubectl and the probes mean.
#[test]
fn other_containers_are_beside_signet_and_change_nothing_of_it() {
    let container = |name: &str| {
        json!({
            "name": name,
            "image": "registry.example.com/agent:v1",
            "securityContext": { "runAsUser": 100 },
        })
    };
    let [copy, sidecar, agent] = ["copy", "sidecar", "agent"].map(container);
    let values = json!({
        "initContainers": [copy, sidecar],
        "extraContainers": [agent],
        "volumes": [{ "name": "shared", "emptyDir": {} }],
    });
    let rendered = Rendered::with_values(&values);
    let spec = &rendered.pod()["spec"];
    assert_eq!(spec["initContainers"], values["initContainers"]);
    let containers = spec["containers"].as_array().unwrap();
    assert_eq!(&containers[0], Rendered::with(&[]).container());
    assert_eq!(
        containers[1..],
        *values["extraContainers"].as_array().unwrap()
    );
}

#[test]
fn the_schema_rejects_a_container_without_name_or_image() {
    for list in ["initContainers", "extraContainers"] {
        for (field, word) in [("name=agent", "image"), ("image=agent:v1", "name")] {
            let output = refusal(&[REQUIRED, &format!("{list}[0].{field}")]);
            assert!(
                output.contains("schema") && output.contains(word),
                "{list} {field}: {output}"
            );
        }
    }
}

/// The values on the page; those of a parent chart begin with a comment.
#[test]
fn the_examples_of_the_page_render() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/chart.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    let blocks: Vec<_> = blocks.map(|it| it.split_once("```").unwrap().0).collect();
    let (of_parent, values): (Vec<&str>, Vec<&str>) =
        blocks.into_iter().partition(|it| it.starts_with("# "));
    assert!(of_parent[0].contains(&format!("version: {}\n", env!("CARGO_PKG_VERSION"))));
    assert!(values.len() >= 4);
    for example in values {
        let values: Value = serde_saphyr::from_str(example).unwrap();
        Rendered::with_values(&values).get("Deployment", "signet");
    }
}
