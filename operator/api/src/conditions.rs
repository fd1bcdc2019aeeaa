//! Conditions as `kubectl wait`, Argo CD and Flux (kstatus) read them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::Schema;
use serde_json::{Value, json};

/// The issuer can sign.
pub const READY: &str = "Ready";
/// kstatus: the object is not ready, and the cause may be transient.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: the object is not ready until a user changes something.
pub const STALLED: &str = "Stalled";
/// Another CA generation is to take over.
pub const ROTATING: &str = "Rotating";
/// The trust bundle is in the object that the spec asks for.
pub const BUNDLE_PUBLISHED: &str = "BundlePublished";

/// The mesh has loaded what Signet wrote for it last.
pub const MESH_UPDATED: &str = "MeshUpdated";

/// Returns a condition with the transition time of the one before it, if its status is the same.
pub fn keep_transition_time(mut condition: Condition, before: &[Condition]) -> Condition {
    if let Some(before) = find(before, &condition.type_)
        && before.status == condition.status
    {
        condition.last_transition_time = before.last_transition_time.clone();
    }
    condition
}

/// Returns the condition of a type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether a condition of this type is "True".
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// The schema of a list of conditions: a map by type, with the bounds that Kubernetes' own API
/// conventions set and that the type does not carry.
pub(crate) fn list_by_type(schema: &mut Schema) {
    schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
    schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    let mut bound = |field: &str, bounds: Value| {
        let property = schema.pointer_mut(&format!("/items/properties/{field}"));
        if let (Some(Value::Object(property)), Value::Object(bounds)) = (property, bounds) {
            property.extend(bounds);
        }
    };
    bound("type", json!({ "minLength": 1, "maxLength": 316 }));
    bound("status", json!({ "enum": ["True", "False", "Unknown"] }));
    bound("reason", json!({ "minLength": 1, "maxLength": 1024 }));
    bound("message", json!({ "maxLength": 32768 }));
    bound("observedGeneration", json!({ "minimum": 0 }));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn ready(status: &str, message: &str, seconds: i64) -> Condition {
        Condition {
            type_: READY.to_owned(),
            status: status.to_owned(),
            reason: "R".to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::constant(seconds, 0)),
        }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let first = ready("False", "a", 1_000);
        let before = std::slice::from_ref(&first);
        assert_eq!(keep_transition_time(first.clone(), &[]), first);
        let same = keep_transition_time(ready("False", "b", 2_000), before);
        assert_eq!(same, ready("False", "b", 1_000));
        let other = keep_transition_time(ready("True", "c", 2_000), before);
        assert_eq!(other, ready("True", "c", 2_000));
    }
}
