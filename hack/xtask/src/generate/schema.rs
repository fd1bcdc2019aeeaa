//! A JSON schema in words.

use serde_json::Value;

/// Patterns that are longer say nothing to a reader; the message of a rule does.
const MAX_PATTERN: usize = 60;

/// The description, in one line with a period.
pub(super) fn meaning(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.is_empty() || text.ends_with(['.', ':']) {
        true => text,
        false => format!("{text}."),
    }
}

/// The type with its limits and its default, such as `string, at most 253 characters`.
pub(super) fn type_of(schema: &Value) -> String {
    let mut words = vec![name(schema, false)];
    words.extend(limits(schema));
    if let Some(default) = schema.get("default") {
        words.push(format!("default `{}`", plain(default)));
    }
    words.join(", ")
}

/// A value without the quotes of a string.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

fn name(schema: &Value, is_plural: bool) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(|it| format!("`{}`", plain(it))).collect();
        return format!("one of {}", values.join(", "));
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", name(items, true));
    }
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|it| it.is_object())
    {
        return format!("map to {}", name(values, true));
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["value"],
    };
    let type_name = |name: &str| match (name, schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        (name, _) => name.to_owned(),
    };
    let plural = |name: String| match is_plural {
        true => format!("{name}s"),
        false => name,
    };
    let names: Vec<_> = types.into_iter().map(type_name).map(plural).collect();
    names.join(" or ")
}

fn limits(schema: &Value) -> Vec<String> {
    let mut limits = Vec::new();
    for (min, max, unit) in [
        ("minLength", "maxLength", Some(("character", "characters"))),
        ("minItems", "maxItems", Some(("entry", "entries"))),
        ("minProperties", "maxProperties", Some(("entry", "entries"))),
        ("minimum", "maximum", None),
    ] {
        let number = |name| schema.get(name).and_then(Value::as_f64);
        let counted = |count: f64| match unit {
            Some((one, _)) if count == 1.0 => format!("{count} {one}"),
            Some((_, several)) => format!("{count} {several}"),
            None => count.to_string(),
        };
        limits.extend(match (number(min), number(max)) {
            (Some(min), Some(max)) => Some(format!("{min} to {}", counted(max))),
            (Some(min), None) => Some(format!("at least {}", counted(min))),
            (None, Some(max)) => Some(format!("at most {}", counted(max))),
            (None, None) => None,
        });
    }
    let pattern = schema["pattern"].as_str();
    let pattern = pattern.filter(|pattern| pattern.len() <= MAX_PATTERN);
    limits.extend(pattern.map(|pattern| format!("`{pattern}`")));
    limits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_has_its_limits_and_its_default() {
        for (schema, expected) in [
            (
                json!({ "type": "string", "maxLength": 253 }),
                "string, at most 253 characters",
            ),
            (
                json!({ "type": "string", "minLength": 1 }),
                "string, at least 1 character",
            ),
            (
                json!({ "type": "array", "items": { "type": "string" }, "maxItems": 1 }),
                "list of strings, at most 1 entry",
            ),
            (
                json!({ "enum": ["A", "B"], "default": "A" }),
                "one of `A`, `B`, default `A`",
            ),
            (json!({ "type": "string", "format": "date-time" }), "time"),
            (
                json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 2 }),
                "list of strings, 1 to 2 entries",
            ),
            (
                json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
                "map to integers",
            ),
            (
                json!({ "type": "string", "pattern": "^a|b$" }),
                "string, `^a|b$`",
            ),
            (
                json!({ "type": ["integer", "null"], "minimum": 1.0 }),
                "integer or null, at least 1",
            ),
        ] {
            assert_eq!(type_of(&schema), expected);
        }
    }

    #[test]
    fn a_description_is_one_line_with_a_period() {
        assert_eq!(
            meaning(&json!({ "description": "One\n  line" })),
            "One line."
        );
        assert_eq!(meaning(&json!({})), "");
    }
}
