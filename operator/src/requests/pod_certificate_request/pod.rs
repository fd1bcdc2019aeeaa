//! The Pod that a request names, compared with what the request states.
//!
//! The object does not record who created it. The NodeRestriction admission plugin checks it only if
//! a kubelet did, and any other user who may create one can name a real pod.

use k8s_openapi::api::core::v1::Pod;
use kube::api::GetParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::Deserialize;
use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request;

use crate::issuer_name::IssuerName;
use crate::signer_name;

/// A Pod as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    uid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
    service_account_name: String,
    volumes: Vec<Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Volume {
    projected: Projected,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Projected {
    sources: Vec<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Source {
    pod_certificate: PodCertificate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodCertificate {
    signer_name: String,
    key_type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

/// Reads the Pod and returns the key types of the certificates that it mounts from this issuer, or
/// the denial if it is not the pod of the request.
pub(super) async fn read(
    client: &Client,
    named: &request::Pod,
    issuer: &IssuerName,
) -> Result<Result<Vec<String>, Denial>, kube::Error> {
    let request = Request::new(Pod::url_path(&(), Some(&named.namespace)));
    let request = request.get(&named.name, &GetParams::default());
    let request = request.map_err(kube::Error::BuildRequest)?;
    let found = match client.request::<Found>(request).await {
        Ok(found) => found,
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            let message = format!("the Pod {} does not exist", named.name);
            return Ok(Err(Reason::PodNotAllowed.denial(message)));
        }
        Err(error) => return Err(error),
    };
    let checked = check(named, &found);
    Ok(checked.map(|()| mounted_key_types(found, &signer_name::of(issuer))))
}

/// A Pod does not contain the UIDs of its ServiceAccount and node.
fn check(named: &request::Pod, found: &Found) -> Result<(), Denial> {
    for (field, named_value, value) in [
        ("podUID", &named.uid, &found.metadata.uid),
        (
            "serviceAccountName",
            &named.service_account,
            &found.spec.service_account_name,
        ),
        ("nodeName", &named.node, &found.spec.node_name),
    ] {
        if named_value != value || value.is_empty() {
            return Err(Reason::PodNotAllowed.denial(format!(
                "spec.{field} is {named_value:?}, and that of the Pod {} is {value:?}",
                named.name
            )));
        }
    }
    match found.status.phase.as_str() {
        phase @ ("Succeeded" | "Failed") => Err(Reason::PodNotAllowed
            .denial(format!("the Pod {} has ended (phase {phase})", named.name))),
        _ => Ok(()),
    }
}

fn mounted_key_types(found: Found, signer_name: &str) -> Vec<String> {
    let volumes = found.spec.volumes.into_iter();
    let sources = volumes.flat_map(|volume| volume.projected.sources);
    let certificates = sources.map(|source| source.pod_certificate);
    let of_signer = certificates.filter(|certificate| certificate.signer_name == signer_name);
    of_signer.map(|certificate| certificate.key_type).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named() -> request::Pod {
        request::Pod {
            namespace: "shop".to_owned(),
            name: "web-0".to_owned(),
            uid: "pod-1".to_owned(),
            service_account: "web".to_owned(),
            node: "node-a".to_owned(),
            ..request::Pod::default()
        }
    }

    fn source(signer: &str, key_type: &str) -> Value {
        json!({ "podCertificate": { "signerName": signer, "keyType": key_type } })
    }

    fn found() -> Value {
        json!({
            "metadata": { "name": "web-0", "uid": "pod-1" },
            "spec": {
                "nodeName": "node-a",
                "serviceAccountName": "web",
                "containers": [{ "name": "web", "image": "web" }],
                "volumes": [
                    { "name": "data", "emptyDir": {} },
                    { "name": "tls", "projected": { "sources": [
                        { "serviceAccountToken": { "path": "token" } },
                        source("clusterissuers.signet.dev/corp", "ED25519"),
                        source("clusterissuers.signet.dev/other", "RSA3072"),
                    ] } },
                    { "name": "more", "projected": { "sources": [
                        source("clusterissuers.signet.dev/corp", "ECDSAP256"),
                        source("issuers.signet.dev/shop.corp", "RSA4096"),
                    ] } },
                ],
            },
            "status": { "phase": "Pending" },
        })
    }

    fn read(found: &Value) -> Found {
        serde_json::from_value(found.clone()).unwrap()
    }

    fn refusal(found: &Value) -> String {
        let denial = check(&named(), &read(found)).unwrap_err();
        assert_eq!(denial.reason, Reason::PodNotAllowed);
        denial.message
    }

    /// PCR-18.
    #[test]
    fn only_sources_of_the_signer_count() {
        assert_eq!(check(&named(), &read(&found())), Ok(()));
        for (signer, types) in [
            (
                "clusterissuers.signet.dev/corp",
                &["ED25519", "ECDSAP256"][..],
            ),
            ("clusterissuers.signet.dev/other", &["RSA3072"]),
            ("issuers.signet.dev/shop.corp", &["RSA4096"]),
            ("clusterissuers.signet.dev/co", &[]),
            ("", &[]),
        ] {
            // An empty name is that of the sources that are not certificates.
            let mounted: Vec<_> = mounted_key_types(read(&found()), signer)
                .into_iter()
                .filter(|key_type| !key_type.is_empty())
                .collect();
            assert_eq!(mounted, types, "{signer}");
        }
    }

    #[test]
    fn a_pod_that_is_not_the_one_named_is_refused() {
        for (pointer, field) in [
            ("/metadata/uid", "podUID"),
            ("/spec/serviceAccountName", "serviceAccountName"),
            ("/spec/nodeName", "nodeName"),
        ] {
            for value in ["another", ""] {
                let mut changed = found();
                *changed.pointer_mut(pointer).unwrap() = json!(value);
                let message = refusal(&changed);
                assert!(message.contains(field), "{message}");
            }
        }
    }

    /// A pod that was not scheduled has no node, and a request may leave its own out.
    #[test]
    fn an_empty_field_on_both_sides_does_not_match() {
        let named = request::Pod {
            node: String::new(),
            ..named()
        };
        let mut pending = found();
        pending["spec"]["nodeName"] = json!("");
        assert!(check(&named, &read(&pending)).is_err());
    }

    #[test]
    fn a_finished_pod_gets_no_certificate() {
        for (phase, is_allowed) in [
            ("Pending", true),
            ("Running", true),
            ("Succeeded", false),
            ("Failed", false),
        ] {
            let mut pod = found();
            pod["status"]["phase"] = json!(phase);
            assert_eq!(check(&named(), &read(&pod)).is_ok(), is_allowed, "{phase}");
        }
    }
}
