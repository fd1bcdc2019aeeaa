//! The objects of a mesh: those of the sample, with lifetimes of seconds, and an issuer above that
//! signs by itself.

use std::time::Duration;

use anyhow::{Context, Result};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use signet_testbed::controlplane::manifests::parse;

use super::{MeshScenario, MeshSizes};

/// The sample that users start with.
const SAMPLE: &str = include_str!("../../../../docs/samples/istio-mesh-ca.yaml");
/// The trust domain of the sample.
pub(super) const TRUST_DOMAIN: &str = "cluster.local";
/// The name of its MeshCA.
pub(super) const MESH_CA: &str = "istio";

/// The lifetime of the CA certificate of the mesh, which no run outlasts: none is renewed by the clock,
/// and a person asks for another lifetime.
const DURATION: &str = "2h";
pub(super) const NEXT_DURATION: &str = "3h";

/// What the objects of a run are called.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The namespace of istiod.
    pub(super) namespace: String,
    /// The namespace of the workloads.
    pub(super) workloads: String,
    /// The ClusterIssuer above.
    pub(super) above: String,
}

impl Names {
    pub(super) fn of(scenario: MeshScenario) -> Self {
        let name = scenario.name();
        Self {
            namespace: name.to_owned(),
            workloads: format!("{name}-workloads"),
            above: format!("{name}-above"),
        }
    }

    /// Returns the Secret with a key of the issuer above.
    pub(super) fn key(&self, number: usize) -> Value {
        json!({ "software": { "secretName": format!("{}-{number}", self.above) } })
    }
}

/// Returns the objects as YAML, with these ServiceAccounts of workloads.
pub(super) fn manifest(names: &Names, sizes: &MeshSizes, accounts: &[String]) -> Result<String> {
    let text = SAMPLE.replace("istio-system", &names.namespace);
    let mut objects = parse(&text.replace("corp-istio", &names.above))?;
    objects
        .iter_mut()
        .try_for_each(|object| adapt(object, names, sizes))?;
    let mut documents = vec![json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": names.workloads },
    })];
    documents.extend(accounts.iter().map(|account| {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": account, "namespace": names.workloads },
        })
    }));
    for object in &objects {
        documents.push(serde_json::to_value(object)?);
    }
    let documents: Vec<_> = documents.iter().map(Value::to_string).collect();
    Ok(documents.join("\n---\n"))
}

fn adapt(object: &mut DynamicObject, names: &Names, sizes: &MeshSizes) -> Result<()> {
    let types = object.types.as_ref().context("an object has a kind")?;
    match types.kind.as_str() {
        "ClusterIssuer" => {
            let spec = &mut object.data["spec"];
            spec["key"] = names.key(1);
            spec["certificate"] = json!({ "selfSigned": {} });
            // The soak says when the next root signs: at once.
            spec["rotation"] = json!({ "activation": "Manual" });
            spec["profile"]["minDuration"] = json!("10s");
        }
        "MeshCA" => {
            let spec = &mut object.data["spec"];
            spec["certificate"]["issuerRef"]["duration"] = json!(DURATION);
            spec["maxLeafLifetime"] = seconds(sizes.pace.leaf);
            spec["propagation"] = seconds(sizes.propagation);
        }
        _ => {}
    }
    Ok(())
}

fn seconds(duration: Duration) -> Value {
    json!(format!("{}s", duration.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_adapted() {
        let names = Names::of(MeshScenario::Control);
        let sizes = MeshSizes::short();
        let yaml = manifest(&names, &sizes, &["orders".to_owned()]).unwrap();
        for text in ["istio-system", "corp-istio", "manual"] {
            assert!(!yaml.contains(text), "{text}: {yaml}");
        }
        let objects = parse(&yaml).unwrap();
        let of = |kind: &str| {
            let is_it = |object: &&DynamicObject| {
                object
                    .types
                    .as_ref()
                    .is_some_and(|types| types.kind == kind)
            };
            objects.iter().find(is_it).unwrap().data["spec"].clone()
        };
        assert_eq!(of("MeshCA")["maxLeafLifetime"], "20s");
        assert_eq!(of("MeshCA")["certificate"]["issuerRef"]["duration"], "2h");
        assert_eq!(of("ClusterIssuer")["rotation"]["activation"], "Manual");
    }
}
