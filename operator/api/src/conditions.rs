//! Conditions as `kubectl wait`, Argo CD and Flux (kstatus) read them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::Schema;
use serde_json::{Value, json};

/// The issuer can sign.
pub const READY: &str = "Ready";
/// kstatus: the object is not ready, and the cause may be transient.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: the object is not ready until a user changes something.
pub const STALLED: &str = "Stalled";

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// "True".
    True,
    /// "False".
    False,
}

impl ConditionStatus {
    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// A condition without its transition time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The condition's type.
    pub type_: &'static str,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// The reason, in UpperCamelCase.
    pub reason: String,
    /// The message.
    pub message: String,
    /// The `metadata.generation` that the condition is about.
    pub observed_generation: Option<i64>,
}

impl Statement {
    /// Returns the condition as of `now`; its transition time only changes with its status.
    pub fn since(self, before: &[Condition], now: Timestamp) -> Condition {
        let unchanged = before
            .iter()
            .find(|old| old.type_ == self.type_ && old.status == self.status.as_str());
        Condition {
            last_transition_time: unchanged
                .map_or_else(|| Time(now), |old| old.last_transition_time.clone()),
            type_: self.type_.to_owned(),
            status: self.status.as_str().to_owned(),
            reason: self.reason,
            message: self.message,
            observed_generation: self.observed_generation,
        }
    }
}

/// The condition of a type.
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
    use super::*;

    fn ready(status: ConditionStatus, message: &str) -> Statement {
        Statement {
            type_: READY,
            status,
            reason: "R".to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
        }
    }

    #[test]
    fn the_transition_time_changes_only_with_the_status() {
        let (then, now) = (Timestamp::constant(1_000, 0), Timestamp::constant(2_000, 0));
        let first = ready(ConditionStatus::False, "a").since(&[], then);
        let same = ready(ConditionStatus::False, "b").since(std::slice::from_ref(&first), now);
        assert_eq!(same.last_transition_time, Time(then));
        assert_eq!(same.message, "b");
        let other = ready(ConditionStatus::True, "c").since(&[first], now);
        assert_eq!(other.last_transition_time, Time(now));
    }
}
