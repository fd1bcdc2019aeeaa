//! `crds/` for plain YAML, and the same CRDs as templates of the chart.

use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value};

use super::Files;

const HEADER: &str = "\
# Made by `cargo xtask generate` from the types in operator/api. Do not edit.
";
const CHART_METADATA: &str = r#"metadata:
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "signet.labels" . | nindent 4 }}
"#;

/// Adds both forms of each kind.
pub(super) fn add(files: &mut Files) -> Result<()> {
    for crd in signet_api::crds::all() {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let yaml = yaml(&crd)?;
        let template = template(&yaml)?;
        files.insert(Path::new("crds").join(&name), format!("{HEADER}{yaml}"));
        files.insert(
            Path::new("charts/signet/templates/crds").join(&name),
            template,
        );
    }
    Ok(())
}

fn yaml(crd: &CustomResourceDefinition) -> Result<String> {
    let mut crd = serde_json::to_value(crd)?;
    plain(&mut crd);
    Ok(serde_saphyr::to_string(&crd)?)
}

/// Sorts keys, whatever features serde_json is built with, and writes 1.0 as 1.
fn plain(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.iter_mut().for_each(|(_, value)| plain(value));
            *map = Map::from_iter(entries);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|it| number.is_f64() && it.fract() == 0.0);
            if let Some(whole) = whole.and_then(|it| format!("{it:.0}").parse::<i64>().ok()) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

fn template(yaml: &str) -> Result<String> {
    let escaped = escape(yaml);
    let (before, after) = escaped
        .split_once("metadata:\n")
        .context("the CRD has no metadata")?;
    let crd = format!("{HEADER}{before}{CHART_METADATA}{after}");
    Ok(format!(
        "{{{{- if .Values.crds.enabled }}}}\n{crd}{{{{- end }}}}\n"
    ))
}

/// Keeps Helm from reading braces in a description as an action.
fn escape(yaml: &str) -> String {
    yaml.replace("{{", r#"{{ "{{" }}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_braces_in_a_description() {
        assert_eq!(escape("write {{ .name }}"), r#"write {{ "{{" }} .name }}"#);
    }

    #[test]
    fn writes_whole_numbers_without_a_fraction() {
        let mut value = serde_json::json!({ "b": [1.0, 2.5], "a": 3 });
        plain(&mut value);
        assert_eq!(value.to_string(), r#"{"a":3,"b":[1,2.5]}"#);
    }
}
