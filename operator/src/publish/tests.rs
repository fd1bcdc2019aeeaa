//! Bundles: what exists and what is demanded in, steps and reports out.

mod copies;
mod demand;
mod fact;
mod object;
mod own;
mod report;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::object::{Content, Found, Kind, Location, ObjectKind};
use crate::fixtures::corp;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n";

/// What the bundle of the ClusterIssuer `corp` contains, with the label `team=pki`.
fn content() -> Content {
    let labels = BTreeMap::from([("team".to_owned(), "pki".to_owned())]);
    Content::new(&corp(), "uid-1", PEM, &labels)
}

/// The ConfigMap with [`content`], as the API server returns it.
fn written() -> Value {
    json!({
        "metadata": {
            "name": "clusterissuer-corp-bundle", "namespace": "shop", "uid": "map-1",
            "resourceVersion": "7",
            "labels": { "app.kubernetes.io/managed-by": "signet", "team": "pki", "theirs": "x" },
            "annotations": {
                "signet.dev/issuer-kind": "ClusterIssuer",
                "signet.dev/issuer-name": "corp",
                "signet.dev/issuer-uid": "uid-1",
            },
            "managedFields": [
                { "manager": "signet", "operation": "Update", "fieldsType": "FieldsV1",
                  "fieldsV1": { "f:metadata": { "f:labels": { "f:first": {} } } } },
                { "manager": "signet", "operation": "Apply", "fieldsType": "FieldsV1",
                  "fieldsV1": { "f:metadata": { "f:labels": {
                      "f:app.kubernetes.io/managed-by": {}, "f:team": {},
                  } } } },
            ],
        },
        "data": { "ca.crt": PEM, "theirs": "x" },
    })
}

/// An object that exists, with one change to what Signet has written.
fn found(pointer: &str, value: Value) -> Found {
    let mut object = written();
    *object.pointer_mut(pointer).unwrap() = value;
    read(object)
}

fn current() -> Found {
    read(written())
}

fn read(object: Value) -> Found {
    let object: ConfigMap = serde_json::from_value(object).unwrap();
    Found::config_map(object, &corp())
}

/// An object of that name that another client has created.
fn foreign() -> Found {
    found("/metadata/annotations", json!({}))
}

fn location(kind: ObjectKind, namespace: &str) -> Location {
    Location {
        kind: Kind::Namespaced(kind),
        namespace: namespace.to_owned(),
        name: "clusterissuer-corp-bundle".to_owned(),
        is_in_all_namespaces: namespace != "signet-system",
    }
}
