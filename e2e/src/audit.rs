//! The API server's audit log: who called what, and the result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use signet::permissions::{PERMISSIONS, Permission, Scope};
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;

use crate::Bed;
use crate::parents::ACCOUNT;

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
    /// What; absent for a path that is not a resource, such as /version.
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
    /// Whether the API server was starting, which refuses everything until it has read its roles.
    #[serde(skip)]
    pub is_of_start: bool,
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
    /// The message of the error.
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
            Scope::Cluster
            | Scope::Issuers
            | Scope::NamespacedIssuers
            | Scope::AllNamespaces
            | Scope::IssuerKeys
            | Scope::CertificateRequests
            | Scope::SigningRequests
            | Scope::IssuerReferences
            | Scope::PodCertificates
            | Scope::ClusterSigners
            | Scope::IssuerSigners
            | Scope::ClusterTrustBundles
            | Scope::IssuerTrustBundles
            | Scope::Granted => true,
            // On a bed, the cluster resource namespace is the operator's own.
            Scope::OwnNamespace
            | Scope::ClusterResources
            | Scope::ClusterKeys
            | Scope::Parents
            | Scope::BundleSecrets => object.namespace == NAMESPACE,
        };
        in_scope
            && permission.group == object.api_group
            && Some(permission.resource) == self.resource().as_deref()
            && permission.verb == self.verb
            && (permission.names.is_empty() || permission.names.contains(&object.name.as_str()))
    }

    /// Whether it reads which APIs the cluster has, which every user may (system:discovery).
    pub fn is_discovery(&self) -> bool {
        let is_of_group = self.request_uri.starts_with("/apis/certificates.k8s.io/");
        self.object_ref.is_none() && self.verb == "get" && is_of_group
    }

    /// Whether it was refused, for anything but that a namespace ends, which takes nothing new
    /// whatever the rights, or that the API server was starting.
    pub fn is_refused(&self) -> bool {
        let status = &self.response_status;
        let ends = status.message.contains("because it is being terminated");
        let refused = self.is_forbidden() || (status.code == 403 && !ends);
        refused && !self.is_of_start
    }

    /// Whether the authorizer denied it.
    pub fn is_forbidden(&self) -> bool {
        let decision = self.annotations.get("authorization.k8s.io/decision");
        decision.is_some_and(|decision| decision == "forbid")
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let message = &self.response_status.message;
        write!(f, "{} {} {message}", self.verb, self.request_uri)
    }
}

/// The audit log of a bed, as far as it was read: the calls of ServiceAccounts of the operator's
/// namespace, and of those that request CA certificates for tenants.
#[derive(Debug, Default)]
pub(crate) struct AuditLog {
    read: u64,
    calls: Vec<Event>,
    /// The parts of the log that were written while the API server was starting.
    starts: Vec<Range<u64>>,
}

impl AuditLog {
    /// What is logged from here on is of a starting API server, until [`Self::has_started`].
    pub(crate) fn starts(&mut self, path: &Path) -> Result<()> {
        let begin = path.metadata()?.len();
        self.starts.push(begin..u64::MAX);
        Ok(())
    }

    /// The API server is ready.
    pub(crate) fn has_started(&mut self, path: &Path) -> Result<()> {
        let end = path.metadata()?.len();
        self.starts.last_mut().context("it starts")?.end = end;
        Ok(())
    }

    fn read_on(&mut self, path: &Path) -> Result<&[Event]> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut log = Vec::new();
        file.read_to_end(&mut log)?;
        // The last line may be half written.
        let whole = log
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let accounts = account("");
        let tenants = format!(":{ACCOUNT}");
        let mut next = self.read;
        for line in String::from_utf8_lossy(&log[..whole]).split_inclusive('\n') {
            let at = next;
            next += u64::try_from(line.len())?;
            // Spares parsing the others.
            if !line.contains(&accounts) && !line.contains(&tenants) {
                continue;
            }
            let mut call: Event = serde_json::from_str(line).with_context(|| line.to_owned())?;
            call.is_of_start = self.starts.iter().any(|part| part.contains(&at));
            let user = &call.user.username;
            if user.starts_with(&accounts) || user.ends_with(&tenants) {
                self.calls.push(call);
            }
        }
        self.read += u64::try_from(whole)?;
        Ok(&self.calls)
    }
}

/// Every call that the operator has made on any bed so far.
///
/// # Errors
/// A log cannot be read.
pub fn calls_of_run() -> Result<Vec<Event>> {
    let calls = Bed::started().into_iter().map(calls_of_signet);
    Ok(calls.collect::<Result<Vec<_>>>()?.concat())
}

/// Checks that the operator made no call on any bed that is not in its list of permissions.
///
/// # Errors
/// It did, or a log cannot be read.
pub async fn every_call_is_permitted() -> Result<()> {
    let permitted = |call: &Event| {
        call.is_discovery() || PERMISSIONS.iter().any(|permission| call.is_by(permission))
    };
    let mut calls = calls_of_run()?;
    calls.retain(|call| !permitted(call));
    let unknown: BTreeSet<_> = calls.iter().map(Event::to_string).collect();
    ensure!(
        unknown.is_empty(),
        "not in operator/src/permissions.rs: {unknown:#?}"
    );
    Ok(())
}

/// Every call that was made in the name of a tenant's account for CA certificates so far.
///
/// # Errors
/// A log cannot be read.
pub fn calls_of_ca_requesters() -> Result<Vec<Event>> {
    let tenants = format!(":{ACCOUNT}");
    let mut calls = Vec::new();
    for bed in Bed::started() {
        let mut log = bed.audited();
        let read = log.read_on(bed.audit_log()?)?.iter();
        let of_tenants = read.filter(|call| call.user.username.ends_with(&tenants));
        calls.extend(of_tenants.cloned());
    }
    Ok(calls)
}

/// Every call that the operator has made on a bed so far.
///
/// # Errors
/// The log cannot be read.
pub fn calls_of_signet(bed: &Bed) -> Result<Vec<Event>> {
    calls_of(bed, SERVICE_ACCOUNT)
}

/// Every call that a ServiceAccount of the operator's namespace has made on a bed so far.
///
/// # Errors
/// The log cannot be read.
pub fn calls_of(bed: &Bed, name: &str) -> Result<Vec<Event>> {
    let username = account(name);
    let mut log = bed.audited();
    let calls = log.read_on(bed.audit_log()?)?.iter();
    Ok(calls
        .filter(|call| call.user.username == username)
        .cloned()
        .collect())
}

/// How many calls of this kind the operator has made on a bed so far.
///
/// # Errors
/// The log cannot be read.
pub fn count_calls(bed: &Bed, kind: impl Fn(&Event) -> bool) -> Result<usize> {
    let signet = account(SERVICE_ACCOUNT);
    let mut log = bed.audited();
    let calls = log.read_on(bed.audit_log()?)?.iter();
    Ok(calls
        .filter(|call| call.user.username == signet && kind(call))
        .count())
}

/// How often the operator wrote the status of one object. What was decided on an older object and
/// so was not accepted is not a write.
///
/// # Errors
/// The log cannot be read.
pub fn status_writes(bed: &Bed, namespace: &str, name: &str) -> Result<usize> {
    count_calls(bed, |call| {
        let object = call.object_ref.as_ref();
        call.is_status_write()
            && object.is_some_and(|it| it.namespace == namespace && it.name == name)
            && call.response_status.code != CONFLICT
    })
}

/// As [`status_writes`], once there are at least so many: a client that watches an object sees a
/// write before the API server has logged it.
///
/// # Errors
/// There are fewer, or the log cannot be read.
pub async fn status_writes_from(
    bed: &Bed,
    namespace: &str,
    name: &str,
    at_least: usize,
) -> Result<usize> {
    let observe = async || {
        let writes = status_writes(bed, namespace, name)?;
        Ok(match writes >= at_least {
            true => Reached(writes),
            false => Progress(writes),
        })
    };
    until(
        format!("{at_least} logged status writes of {name}"),
        observe,
    )
    .await
}

/// The name by which the API server knows a ServiceAccount of the operator's namespace.
fn account(name: &str) -> String {
    format!("system:serviceaccount:{NAMESPACE}:{name}")
}
