//! What the API server's audit log says: who called what, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use signet::permissions::{Permission, Scope};
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};
use tokio::time::{Instant, sleep};

use crate::Bed;

const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const CONFLICT: u16 = 409;

/// One request to the API server, as far as the tests look at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// ResponseStarted for a watch, else ResponseComplete (of a watch, once it has ended).
    pub stage: String,
    /// Such as `patch`.
    pub verb: String,
    /// Who.
    pub user: User,
    /// What; absent for a path that is no resource, such as /version.
    pub object_ref: Option<Object>,
    /// The path and the query.
    #[serde(default, rename = "requestURI")]
    pub request_uri: String,
    /// How it ended.
    #[serde(default)]
    pub response_status: Response,
    /// What the authorizer decided, among others.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// Who made a request.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// The name.
    pub username: String,
}

/// What a request was about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    pub api_group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

/// How a request ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Response {
    /// The HTTP status.
    pub code: u16,
    /// What the error said.
    pub message: String,
}

impl Event {
    /// The resource with its subresource after a slash, as a Role has it.
    pub fn resource(&self) -> Option<String> {
        let object = self.object_ref.as_ref()?;
        Some(match object.subresource.as_str() {
            "" => object.resource.clone(),
            subresource => format!("{}/{subresource}", object.resource),
        })
    }

    fn is_status_write(&self) -> bool {
        let object = self.object_ref.as_ref();
        self.verb == "patch" && object.is_some_and(|object| object.subresource == "status")
    }

    /// Whether a permission of the operator's list is for this call.
    pub fn is_by(&self, permission: &Permission) -> bool {
        let Some(object) = &self.object_ref else {
            return false;
        };
        let in_scope = match permission.scope {
            Scope::Cluster | Scope::Issuers | Scope::NamespacedIssuers | Scope::Granted => true,
            Scope::OwnNamespace => object.namespace == NAMESPACE,
            Scope::ApiServer => object.namespace == "default",
        };
        in_scope
            && permission.group == object.api_group
            && Some(permission.resource) == self.resource().as_deref()
            && permission.verb == self.verb
            && (permission.names.is_empty() || permission.names.contains(&object.name.as_str()))
    }

    /// Whether it was refused, for anything but that a namespace ends, which takes nothing new
    /// whatever the rights.
    pub fn is_refused(&self) -> bool {
        let answer = &self.response_status;
        let ends = answer.message.contains("because it is being terminated");
        self.is_forbidden() || (answer.code == 403 && !ends)
    }

    /// Whether the authorizer said no.
    pub fn is_forbidden(&self) -> bool {
        let decision = self.annotations.get("authorization.k8s.io/decision");
        decision.is_some_and(|decision| decision == "forbid")
    }
}

/// Every call that the operator has made on a bed so far.
///
/// # Errors
/// The log cannot be read.
pub fn calls_of_signet(bed: &Bed) -> Result<Vec<Event>> {
    let signet = format!("system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}");
    let mine = |event: &Event| event.user.username == signet;
    Ok(read(bed, &signet)?.into_iter().filter(mine).collect())
}

/// How often the operator wrote the status of one object. What was decided on an older object and
/// so was not taken is no write.
///
/// # Errors
/// The log cannot be read.
pub fn status_writes(bed: &Bed, namespace: &str, name: &str) -> Result<usize> {
    let about = |event: &Event| {
        event.is_status_write()
            && event
                .object_ref
                .as_ref()
                .is_some_and(|it| it.namespace == namespace && it.name == name)
    };
    let calls = calls_of_signet(bed)?;
    let taken = |event: &&Event| about(event) && event.response_status.code != CONFLICT;
    Ok(calls.iter().filter(taken).count())
}

/// As [`status_writes`], once there are at least so many: who watches an object sees a write before
/// the API server has logged it.
///
/// # Errors
/// There are fewer for too long, or the log cannot be read.
pub async fn status_writes_from(
    bed: &Bed,
    namespace: &str,
    name: &str,
    at_least: usize,
) -> Result<usize> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let writes = status_writes(bed, namespace, name)?;
        if writes >= at_least {
            return Ok(writes);
        }
        ensure!(
            Instant::now() < deadline,
            "{writes} status writes of {name} are logged"
        );
        sleep(POLL_INTERVAL).await;
    }
}

/// The events whose line has this text, which spares parsing the others.
fn read(bed: &Bed, text: &str) -> Result<Vec<Event>> {
    let log = fs::read(bed.audit_log()?)?;
    // The last line may be half written, in the middle of a character too.
    let log = String::from_utf8_lossy(&log);
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let lines = whole.lines().filter(|line| line.contains(text));
    lines
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}
