//! Signet's CRDs. Pure.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::Value;

use super::facts::{Crd, Fact};
use super::report::{Finding, Level, Section};
use crate::version::VERSION;

pub(super) fn findings(crds: &[Crd]) -> Vec<Finding> {
    let own = signet_api::crds::all();
    crds.iter().map(|crd| finding(crd, &own)).collect()
}

fn finding(crd: &Crd, own: &[CustomResourceDefinition]) -> Finding {
    let (level, message) = match served(crd) {
        Ok(()) => schema(crd, own),
        Err((Level::Problem, message)) => {
            let hint = "apply crds/, or set crds.enabled of the chart";
            (Level::Problem, format!("{message}; {hint}"))
        }
        Err(other) => other,
    };
    Finding::new(Section::Crds, level, crd.name, message)
}

/// Returns why the kind is not served in the version that Signet uses.
pub(super) fn served(crd: &Crd) -> Result<(), (Level, String)> {
    let version = crd.version;
    match (&crd.is_served, &crd.definition) {
        (Ok(true), _) => Ok(()),
        (Ok(false), Ok(None)) => Err((Level::Problem, "not installed".to_owned())),
        (Ok(false), Ok(Some(definition))) => Err((
            Level::Problem,
            match served_versions(definition) {
                versions if versions.is_empty() => format!("does not serve {version}"),
                versions => format!("does not serve {version}, only {}", versions.join(" and ")),
            },
        )),
        (Ok(false), Err(_)) => Err((Level::Problem, format!("does not serve {version}"))),
        (Err(error), _) => Err((Level::Unknown, error.clone())),
    }
}

fn served_versions(definition: &CustomResourceDefinition) -> Vec<String> {
    let versions = definition.spec.versions.iter().filter(|one| one.served);
    versions.map(|one| one.name.clone()).collect()
}

/// Compares the schema with the one of this program: a CRD that was not upgraded drops the fields
/// that it does not know.
fn schema(crd: &Crd, own: &[CustomResourceDefinition]) -> (Level, String) {
    let version = crd.version;
    let mut own = own.iter();
    let own = own.find(|own| own.metadata.name.as_deref() == Some(crd.name));
    match (&crd.definition, own) {
        (Ok(Some(definition)), Some(own)) if !is_same(definition, own, version) => (
            Level::Warning,
            format!(
                "{version}, with another schema than that of signet {VERSION}; apply the CRDs of \
                 the operator's version"
            ),
        ),
        (Err(error), _) => (
            Level::Ok,
            format!("{version}; its schema is not compared: {error}"),
        ),
        _ => (Level::Ok, version.to_owned()),
    }
}

fn is_same(
    definition: &CustomResourceDefinition,
    own: &CustomResourceDefinition,
    version: &str,
) -> bool {
    let of = |definition: &CustomResourceDefinition| -> Option<(Value, Value)> {
        let named = |one: &&CustomResourceDefinitionVersion| one.name == version;
        let version = definition.spec.versions.iter().find(named)?;
        let fields = serde_json::to_value(&version.selectable_fields).ok()?;
        Some((serde_json::to_value(&version.schema).ok()?, fields))
    };
    of(definition) == of(own)
}

/// Whether requests can be selected by a field.
pub(super) fn can_select(crd: &Crd, path: &str) -> Fact<bool> {
    let definition = crd.definition.as_ref().map_err(Clone::clone)?;
    let versions = definition.iter().flat_map(|it| &it.spec.versions);
    let mut versions = versions.filter(|one| one.name == crd.version);
    Ok(versions.any(|one| {
        let mut fields = one.selectable_fields.iter().flatten();
        fields.any(|field| field.json_path == path)
    }))
}
