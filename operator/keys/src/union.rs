//! Exactly-one unions in a structural schema.

use schemars::Schema;
use serde_json::{Value, json};

/// Turns serde's externally tagged enum into an object with one optional property a variant and
/// a CEL rule that wants exactly one, whose message names them. What stands beside the enum, which
/// is then flattened into its struct, stays.
///
/// A structural schema cannot hold properties inside of `oneOf`, and the API server's message for
/// a failed `oneOf` does not name the fields.
pub fn exactly_one(schema: &mut Schema) {
    let Some(Value::Array(variants)) = schema.remove("oneOf") else {
        return;
    };
    let mut of_variants = serde_json::Map::new();
    for variant in variants {
        let description = variant.get("description").cloned();
        let Some(Value::Object(of_variant)) = variant.get("properties").cloned() else {
            continue;
        };
        for (name, mut property) in of_variant {
            if let (Some(description), Some(property)) = (&description, property.as_object_mut()) {
                property.insert("description".to_owned(), description.clone());
            }
            of_variants.insert(name, property);
        }
    }
    let names: Vec<_> = of_variants.keys().map(String::as_str).collect();
    let present: Vec<_> = names
        .iter()
        .map(|name| format!("has(self.{name})"))
        .collect();
    let rule = json!({
        "rule": format!("[{}].filter(present, present).size() == 1", present.join(", ")),
        "message": format!("name exactly one of: {}", names.join(", ")),
    });
    schema.insert("type".to_owned(), json!("object"));
    let properties = schema.ensure_object().entry("properties");
    if let Value::Object(properties) = properties.or_insert_with(|| json!({})) {
        properties.append(&mut of_variants);
    }
    schema.insert("x-kubernetes-validations".to_owned(), json!([rule]));
}
