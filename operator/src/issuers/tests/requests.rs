//! The CertificateRequests of a namespace, as the API server has them, and a parent that answers them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::ObjectMeta;
use parking_lot::Mutex;
use serde_json::json;
use signet_api::external::certificate_request::{
    CertificateRequest, CertificateRequestSpec, CertificateRequestStatus,
};

use super::super::parents::{Account, CertificateRequests};
use super::super::reason::{IssuerReason, NotReady};
use crate::writer::ObjectVersion;

#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Mutex<Namespace>>);

#[derive(Debug, Default)]
struct Namespace {
    objects: BTreeMap<String, CertificateRequest>,
    /// Every name that was created.
    created: Vec<String>,
    /// Why nothing can be created.
    refuses: Option<NotReady>,
    /// Why nothing can be read.
    hides: Option<NotReady>,
    /// The creation time of the next request.
    now: Option<Timestamp>,
}

impl Requests {
    pub(super) fn at(&self, now: Timestamp) {
        self.0.lock().now = Some(now);
    }

    pub(super) fn refuse(&self, why: Option<&str>) {
        self.0.lock().refuses = why.map(|why| IssuerReason::WaitingForParent.waits(why));
    }

    /// The ServiceAccount does not exist, or its Role allows it only to read.
    pub(super) fn lack(&self, account: bool, role: bool) {
        let missing = |what| IssuerReason::WaitingForParent.waits_for_object(what);
        let mut namespace = self.0.lock();
        namespace.hides = account.then(|| missing("the ServiceAccount robot does not exist"));
        namespace.refuses = role.then(|| missing("the ServiceAccount robot may not create them"));
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().objects.keys().cloned().collect()
    }

    pub(super) fn created(&self) -> Vec<String> {
        self.0.lock().created.clone()
    }

    pub(super) fn get(&self, name: &str) -> CertificateRequest {
        self.0.lock().objects[name].clone()
    }

    pub(super) fn delete(&self, name: &str) {
        self.0.lock().objects.remove(name).unwrap();
    }

    /// Someone else's request, with these labels.
    pub(super) fn put(&self, name: &str, labels: &[(&str, &str)], spec: CertificateRequestSpec) {
        let mut object = CertificateRequest::new(name, spec);
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        object.metadata.labels = Some(labels.collect());
        object.metadata.uid = Some(format!("{name}-other"));
        object.metadata.resource_version = Some("1".to_owned());
        self.0.lock().objects.insert(name.to_owned(), object);
    }

    /// Sets a condition of a request.
    pub(super) fn condition(
        &self,
        name: &str,
        (type_, status, reason): (&str, &str, &str),
        message: &str,
        at: Timestamp,
    ) {
        self.change(name, |object| {
            let condition = json!({
                "type": type_, "status": status, "reason": reason, "message": message,
                "lastTransitionTime": Time(at),
            });
            let conditions = &mut object.conditions;
            conditions.retain(|condition| condition.type_ != type_);
            conditions.push(serde_json::from_value(condition).unwrap());
        });
    }

    /// Signs a request.
    pub(super) fn sign(&self, name: &str, chain: &str, ca: &str, at: Timestamp) {
        self.condition(name, ("Ready", "True", "Issued"), "issued", at);
        self.change(name, |status| {
            status.certificate = Some(STANDARD.encode(chain));
            status.ca = Some(STANDARD.encode(ca));
        });
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut CertificateRequestStatus)) {
        let mut namespace = self.0.lock();
        let object = namespace.objects.get_mut(name).unwrap();
        change(object.status.get_or_insert_default());
    }
}

/// A ClusterIssuer's requests are Signet's own.
#[track_caller]
fn check(account: Account<'_>) {
    assert_eq!(account, Account::Signet);
}

impl CertificateRequests for Requests {
    fn list<'a>(&'a self, label: &'a str) -> BoxFuture<'a, Result<Vec<ObjectMeta>, NotReady>> {
        let (key, value) = label.split_once('=').unwrap();
        let namespace = self.0.lock();
        let metadata = namespace.objects.values().map(|object| &object.metadata);
        let labeled = metadata.filter(|meta| {
            let labels = meta.labels.as_ref();
            labels.is_some_and(|labels| labels.get(key).is_some_and(|own| own == value))
        });
        let labeled = labeled.cloned().collect();
        async { Ok(labeled) }.boxed()
    }

    fn get<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<CertificateRequest>, NotReady>> {
        check(account);
        let namespace = self.0.lock();
        let found = namespace.objects.get(name).cloned();
        let found = namespace.hides.clone().map_or(Ok(found), Err);
        async { found }.boxed()
    }

    fn create<'a>(
        &'a self,
        account: Account<'a>,
        request: &'a CertificateRequest,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        check(account);
        let mut namespace = self.0.lock();
        if let Some(why) = namespace.refuses.clone() {
            return async { Err(why) }.boxed();
        }
        let name = request.metadata.name.clone().unwrap();
        let mut object = request.clone();
        namespace.created.push(name.clone());
        object.metadata.uid = Some(format!("{name}-{}", namespace.created.len()));
        object.metadata.resource_version = Some("1".to_owned());
        object.metadata.creation_timestamp = namespace.now.map(Time);
        namespace.objects.entry(name).or_insert(object);
        async { Ok(()) }.boxed()
    }

    fn delete<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
        version: &'a ObjectVersion,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        check(account);
        let mut namespace = self.0.lock();
        let is_it =
            |object: &CertificateRequest| object.metadata.uid.as_deref() == Some(&*version.uid);
        if namespace.objects.get(name).is_some_and(is_it) {
            namespace.objects.remove(name);
        }
        async { Ok(()) }.boxed()
    }
}
