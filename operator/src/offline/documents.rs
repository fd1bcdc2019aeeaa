//! Files with Kubernetes objects in YAML or JSON, several documents each.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// An object in a file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) file: String,
    value: Value,
}

impl Document {
    fn text(&self, pointer: &str) -> &str {
        self.value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Returns its group and kind.
    pub(super) fn kind(&self) -> (&str, &str) {
        let version = self.text("/apiVersion");
        let group = version.split_once('/').map_or("", |(group, _)| group);
        (group, self.text("/kind"))
    }

    /// Returns its namespace; an object without one is in `default`, as kubectl has it.
    pub(super) fn namespace(&self) -> &str {
        match self.text("/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self.text("/metadata/name") {
            "" => self.text("/metadata/generateName"),
            name => name,
        }
    }

    /// Returns how messages name it.
    pub(super) fn label(&self) -> String {
        let kind = self.kind().1;
        match self.text("/metadata/namespace") {
            "" => format!("{kind} {}", self.name()),
            namespace => format!("{kind} {namespace}/{}", self.name()),
        }
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = self
            .value
            .pointer("/metadata/labels")
            .and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let labels =
            labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        labels.collect()
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.value)
            .map_err(|error| format!("{}: {} cannot be read: {error}", self.file, self.label()))
    }

    /// Returns what is assumed about the namespace.
    pub(super) fn default_namespace(&self) -> Option<String> {
        let is_missing = self.text("/metadata/namespace").is_empty();
        is_missing.then(|| "its namespace, which the file does not have, is default".to_owned())
    }

    /// Returns the object as the API server would store it: one of a namespaced kind has a namespace.
    pub(super) fn stored(&self, kind: &str) -> Value {
        let mut value = self.value.clone();
        if kind == "CertificateSigningRequest" {
            return value;
        }
        let namespace = self.namespace().to_owned();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        value
    }
}

/// Reads all documents of the files; `-` is the standard input.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Document>, String> {
    let mut all = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let text = text(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
        let values: Vec<Value> = serde_saphyr::from_multiple(&text)
            .map_err(|error| format!("{name} is not YAML: {error}"))?;
        for value in values.into_iter().flat_map(items) {
            if value.is_null() {
                continue;
            }
            let document = Document {
                file: name.clone(),
                value,
            };
            if document.kind().1.is_empty() {
                return Err(format!(
                    "{name} has a document without kind; use Kubernetes objects"
                ));
            }
            all.push(document);
        }
    }
    Ok(all)
}

fn text(file: &Path) -> std::io::Result<String> {
    if file.as_os_str() != "-" {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// Returns the objects of a list, and of lists in it: `List`, as `kubectl get -o yaml` prints it, or a
/// list of one kind, which `kubectl apply` takes too.
fn items(mut value: Value) -> Vec<Value> {
    let kind = value.get("kind").and_then(Value::as_str);
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    match value.get_mut("items").map(Value::take) {
        Some(Value::Array(objects)) if is_list => objects.into_iter().flat_map(items).collect(),
        Some(objects) => {
            value["items"] = objects;
            vec![value]
        }
        None => vec![value],
    }
}
