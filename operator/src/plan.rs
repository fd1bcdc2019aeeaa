//! What is to be written about an object, decided beforehand. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;
use signet_core::reason::Reason;

use crate::issuer_name::IssuerName;

pub const FIELD_MANAGER: &str = "signet";

/// The longest event note that the API server accepts, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The fields of the status that Signet owns; none if the status stays as it is.
    pub status: Option<Value>,
    pub event: Option<PlannedEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEvent {
    pub warning: bool,
    pub reason: &'static str,
    pub action: &'static str,
    pub note: String,
}

impl PlannedEvent {
    pub fn issue(warning: bool, reason: Reason, note: &str) -> Self {
        Self {
            warning,
            reason: reason.as_str(),
            action: "Issue",
            note: note.to_owned(),
        }
    }
}

/// Returns a time as Kubernetes has it, in whole seconds.
pub fn seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

pub fn managed_by() -> (String, String) {
    (
        "app.kubernetes.io/managed-by".to_owned(),
        FIELD_MANAGER.to_owned(),
    )
}

const ISSUER_KIND: &str = "signet.dev/issuer-kind";
const ISSUER_NAME: &str = "signet.dev/issuer-name";
const ISSUER_UID: &str = "signet.dev/issuer-uid";

/// Returns the annotations of what is created for an issuer and outlives it.
pub fn issuer_annotations(issuer: &IssuerName, uid: &str) -> BTreeMap<String, String> {
    let annotations = [
        (ISSUER_KIND, issuer.kind.as_str()),
        (ISSUER_NAME, &issuer.name),
        (ISSUER_UID, uid),
    ];
    let owned = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    owned.into()
}

/// Returns the UID of the issuer for which an object was created, if that has this name.
pub fn made_for(annotations: &BTreeMap<String, String>, issuer: &IssuerName) -> Option<String> {
    let has = |key: &str, value: &str| annotations.get(key).is_some_and(|it| it == value);
    let is_of_name = has(ISSUER_KIND, issuer.kind.as_str()) && has(ISSUER_NAME, &issuer.name);
    is_of_name.then(|| annotations.get(ISSUER_UID).cloned().unwrap_or_default())
}

/// Returns the kind and name of the issuer for which an object was created, if it was.
pub fn made_for_any(annotations: &BTreeMap<String, String>) -> Option<String> {
    let (kind, name) = (annotations.get(ISSUER_KIND)?, annotations.get(ISSUER_NAME)?);
    Some(format!("{kind} {name}"))
}

/// Shortens a text to what an event holds. A subject in it may be as long as a certificate.
pub fn truncate(text: &str) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TEXT_BYTES - 3);
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncates_at_a_character_within_the_limit() {
        let fits = "a".repeat(MAX_TEXT_BYTES);
        assert_eq!(truncate(&fits), fits);
        let truncated = truncate(&"\u{e4}".repeat(MAX_TEXT_BYTES));
        assert_eq!(truncated, "\u{e4}".repeat(510) + "...");
    }
}
