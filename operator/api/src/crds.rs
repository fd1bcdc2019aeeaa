//! The CustomResourceDefinitions, from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{CAGeneration, ClusterIssuer, Issuer, MeshCA};

/// Every CustomResourceDefinition of the group, in the order of their names.
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        CAGeneration::crd(),
        ClusterIssuer::crd(),
        Issuer::crd(),
        MeshCA::crd(),
    ];
    let versions = crds.iter_mut().flat_map(|crd| &mut crd.spec.versions);
    versions
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
        .for_each(tidy);
    crds
}

/// Removes what schemars adds to a schema and Kubernetes does not accept.
fn tidy(schema: &mut JSONSchemaProps) {
    // Without it the API server drops a null before validation. With it a null would count as
    // present in CEL's has(), and a union of nulls would pass for one with a member.
    schema.nullable = None;
    schema.title = None;
    // The API server warns of formats that it does not know; bounds are given where they matter.
    if schema
        .format
        .as_ref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = Some("int32".to_owned());
    }
    if let Some(description) = &mut schema.description {
        *description = flowed(description);
    }
    schema
        .properties
        .iter_mut()
        .flat_map(|of| of.values_mut())
        .for_each(tidy);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => tidy(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(tidy),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        tidy(value);
    }
}

/// Joins the lines of each paragraph of a doc comment, as `kubectl explain` wraps them itself.
fn flowed(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
