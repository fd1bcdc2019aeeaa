//! ClusterTrustBundles: what is demanded, known and observed in, steps, facts and reports out.

mod demand;
mod name;
mod plan;
mod served;
mod watch;

use serde_json::{Value, json};
use signet_api::IssuerSpec;

use super::object::{ClusterTrustBundle, Version};
use super::observe::Observation;
use crate::fixtures::{corp, key};
use crate::publish::object::Found;

/// A spec with this trust domain and `bundle.clusterTrustBundle`.
fn spec(trust_domain: Option<&str>, wish: Option<bool>) -> IssuerSpec {
    let mut spec = json!({ "key": key::software("ca"), "certificate": { "selfSigned": {} } });
    if let Some(trust_domain) = trust_domain {
        spec["spiffe"] = json!({ "trustDomain": trust_domain });
    }
    if let Some(wish) = wish {
        spec["bundle"] = json!({ "clusterTrustBundle": wish });
    }
    serde_json::from_value(spec).unwrap()
}

/// The object of `corp` with this bundle, as Signet writes it and the API server returns it.
fn written(pem: &str) -> Value {
    json!({
        "metadata": {
            "name": "clusterissuers.signet.dev:corp:bundle", "uid": "ctb-1", "resourceVersion": "7",
            "labels": { "app.kubernetes.io/managed-by": "signet" },
            "annotations": {
                "signet.dev/issuer-kind": "ClusterIssuer",
                "signet.dev/issuer-name": "corp",
                "signet.dev/issuer-uid": "uid-1",
            },
            "managedFields": [{
                "manager": "signet", "operation": "Apply", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:metadata": { "f:labels": {
                    "f:app.kubernetes.io/managed-by": {},
                } } },
            }],
        },
        "spec": { "signerName": "clusterissuers.signet.dev/corp", "trustBundle": pem },
    })
}

/// An object of that name that another client has created.
fn foreign(pem: &str) -> Value {
    let mut object = written(pem);
    object["metadata"]["annotations"] = json!({});
    object
}

fn read(object: Value) -> Observation {
    let object: ClusterTrustBundle = serde_json::from_value(object).unwrap();
    Observation::Read(Version::V1, Some(Found::trust_bundle(object, &corp())))
}
