//! The CRDs that are checked in are those of the types.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

#[test]
fn the_files_in_crds_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    let mut unexpected: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for crd in signet_api::crds::all() {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let yaml = fs::read_to_string(folder.join(&name)).unwrap();
        let file: CustomResourceDefinition = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(file, crd, "crds/{name} is stale; run cargo xtask generate");
        unexpected.remove(name.as_ref() as &std::ffi::OsStr);
    }
    assert!(
        unexpected.is_empty(),
        "no type of ours makes {unexpected:?}; remove it"
    );
}

/// What the API server refuses or warns of, and what hides a field's documentation.
#[test]
fn every_schema_is_structural_and_every_field_is_documented() {
    for crd in signet_api::crds::all() {
        let kind = &crd.spec.names.kind;
        let schema = crd.spec.versions[0]
            .schema
            .clone()
            .unwrap()
            .open_api_v3_schema
            .unwrap();
        let schema = serde_json::to_value(schema).unwrap();
        check(kind, &schema);
        assert!(
            schema["properties"]["spec"].is_object(),
            "{kind} has no spec"
        );
    }
}

fn check(path: &str, schema: &Value) {
    for odd in [
        "oneOf", "anyOf", "allOf", "not", "nullable", "title", "$ref",
    ] {
        assert!(schema.get(odd).is_none(), "{path} has {odd}");
    }
    assert!(schema["type"].is_string(), "{path} has no type");
    if let Some(format) = schema["format"].as_str() {
        assert!(
            ["date-time", "int32", "int64"].contains(&format),
            "{path}: format {format}"
        );
    }
    if schema["type"] == "array" {
        assert!(
            schema["x-kubernetes-list-type"].is_string(),
            "{path} has no list type"
        );
        check(&format!("{path}[]"), &schema["items"]);
    }
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        assert!(
            rule["message"].is_string(),
            "{path}: a rule without a message"
        );
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let description = property["description"].as_str().unwrap_or_default();
        assert!(
            description.ends_with('.'),
            "{path} is not documented: {description:?}"
        );
        check(&path, property);
    }
}
