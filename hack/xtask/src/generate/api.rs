//! `docs/reference/api.md`, from the CustomResourceDefinitions.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use super::schema::{meaning, type_of};
use super::{Files, Table};

/// Adds the page.
pub(super) fn add(files: &mut Files) -> Result<()> {
    let mut page = format!(
        "# API\n\n{}\n\nThe fields of Signet's kinds, as the API server knows them. `kubectl explain \
         issuers.signet.dev.spec` shows the same in a terminal. [issuers.md](../issuers.md) explains \
         them in context.\n",
        super::NOTE
    );
    let kinds = kinds()?;
    let find = |name: &str| {
        let found = kinds.iter().find(|kind| kind.name == name);
        found.with_context(|| format!("there is no CRD of the kind {name}"))
    };
    let (issuer, cluster) = (find("Issuer")?, find("ClusterIssuer")?);
    for part in ["spec", "status"] {
        let fields = |kind: &Kind| kind.schema["properties"][part]["properties"].clone();
        ensure!(
            fields(issuer) == fields(cluster),
            "Issuer and ClusterIssuer differ in {part}"
        );
    }
    for kind in [issuer, cluster] {
        page += &kind.heading();
        page += &rules(&kind.schema);
    }
    page += "\n## Fields of both\n";
    page += &issuer.fields();
    for kind in [find("MeshCA")?, find("CAGeneration")?] {
        page += &kind.heading();
        page += &rules(&kind.schema);
        page += &kind.fields();
    }
    files.insert("docs/reference/api.md".into(), page);
    Ok(())
}

/// A kind with its schema.
struct Kind {
    name: String,
    version: String,
    scope: String,
    schema: Value,
}

fn kinds() -> Result<Vec<Kind>> {
    let read = |crd| {
        let crd = serde_json::to_value(crd)?;
        let spec = &crd["spec"];
        let version = &spec["versions"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Kind {
            name: text(&spec["names"]["kind"]),
            version: format!("{}/{}", text(&spec["group"]), text(&version["name"])),
            scope: text(&spec["scope"]),
            schema: version["schema"]["openAPIV3Schema"].clone(),
        })
    };
    signet_api::crds::all().into_iter().map(read).collect()
}

impl Kind {
    fn heading(&self) -> String {
        let scope = match self.scope.as_str() {
            "Namespaced" => "in a namespace",
            _ => "in the cluster",
        };
        let Self { name, version, .. } = self;
        let text = meaning(&self.schema);
        format!("\n## {name}\n\n`{version}`, {scope}. {text}\n")
    }

    fn fields(&self) -> String {
        let mut page = String::new();
        for part in ["spec", "status"] {
            if let Some(schema) = self.schema["properties"].get(part) {
                object(&mut page, part, schema);
            }
        }
        page
    }
}

/// A section for an object, and one for each object in it.
fn object(page: &mut String, path: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let text = meaning(schema);
    // A String takes everything.
    let _ = write!(page, "\n### `{path}`\n\n");
    if !text.is_empty() {
        let _ = write!(page, "{text}\n\n");
    }
    let _ = writeln!(page, "{}", table(schema, properties).to_string().trim_end());
    page.push_str(&rules(schema));
    for (name, schema) in sorted(properties) {
        let (path, schema) = below(&format!("{path}.{name}"), schema);
        object(page, &path, schema);
    }
}

/// What is in a list or a map, or the schema itself.
fn below<'a>(path: &str, schema: &'a Value) -> (String, &'a Value) {
    if let Some(items) = schema.get("items") {
        return below(&format!("{path}[]"), items);
    }
    match schema.get("additionalProperties") {
        Some(values) if values.is_object() => below(&format!("{path}.*"), values),
        _ => (path.to_owned(), schema),
    }
}

fn table(schema: &Value, properties: &Map<String, Value>) -> Table<3> {
    let mut table = Table::new(["Field", "Type", "Meaning"]);
    let required = schema["required"].as_array();
    for (name, field) in sorted(properties) {
        let is_required = required.is_some_and(|names| names.contains(&Value::from(&**name)));
        let note = if is_required { ", required" } else { "" };
        let messages = messages(field).map(|message| format!(" Checked: {message}."));
        let meaning = meaning(field) + &messages.collect::<String>();
        table.row([format!("`{name}`{note}"), type_of(field), meaning]);
    }
    table
}

fn sorted(properties: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = properties.iter().collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

/// What the API server checks of several fields.
fn rules(schema: &Value) -> String {
    let lines: String = messages(schema)
        .map(|message| format!("- {message}\n"))
        .collect();
    match lines.is_empty() {
        true => lines,
        false => format!("\nChecked:\n\n{lines}"),
    }
}

/// The messages of CEL rules. Those of an object have their place below its table.
fn messages(schema: &Value) -> impl Iterator<Item = String> {
    let rules = schema["x-kubernetes-validations"].as_array();
    let messages = rules.into_iter().flatten();
    messages.filter_map(|rule| Some(rule["message"].as_str()?.replace('<', "&lt;")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_in_a_list_has_its_own_section() {
        let schema = json!({
            "description": "All of it.",
            "required": ["b"],
            "properties": {
                "b": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "c": { "type": "string", "description": "A letter" } },
                    "x-kubernetes-validations": [{ "rule": "true", "message": "c is good" }],
                } },
                "a": { "type": "integer", "minimum": 1 },
            },
        });
        let mut page = String::new();
        object(&mut page, "spec", &schema);
        assert_eq!(
            page,
            "\n### `spec`\n\nAll of it.\n\n\
             | Field | Type | Meaning |\n| --- | --- | --- |\n\
             | `a` | integer, at least 1 |  |\n\
             | `b`, required | list of objects |  |\n\
             \n### `spec.b[]`\n\n\
             | Field | Type | Meaning |\n| --- | --- | --- |\n\
             | `c` | string | A letter. |\n\
             \nChecked:\n\n- c is good\n"
        );
    }
}
