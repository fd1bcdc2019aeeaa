//! The few fields of an audit event that the tests look at.

use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) verb: String,
    pub(crate) user: User,
    #[serde(default)]
    pub(crate) user_agent: String,
    #[serde(default)]
    pub(crate) object_ref: ObjectRef,
    #[serde(default)]
    pub(crate) response_status: ResponseStatus,
}

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) username: String,
}

#[derive(Default, Deserialize)]
pub(crate) struct ObjectRef {
    #[serde(default)]
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) subresource: String,
}

#[derive(Default, Deserialize)]
pub(crate) struct ResponseStatus {
    #[serde(default)]
    pub(crate) code: u16,
}

pub(crate) fn read(log: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
