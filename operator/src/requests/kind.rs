//! What a Kubernetes API for certificate requests supplies.

use std::fmt::Debug;

use jiff::Timestamp;
use kube::Resource;
use kube::core::{ObjectMeta, Status};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use signet_core::policy::Denial;
use signet_core::request::{Api, Approval, RawRequest};

use super::lean;
use super::object::Due;
use super::outcome::Outcome;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::IssuerLookup;
use crate::plan::Plan;

/// A Kubernetes API for certificate requests. Its functions are pure, except [`Self::complete`].
pub(super) trait RequestKind:
    Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static
{
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default + Clone;
    /// What an answer depends on in the status that it replaces.
    type Before: Clone + Debug + Send + Sync;

    /// The API, as policy and metrics name it.
    const API: Api;
    /// The field selector for requests to Signet, if the API may have one.
    const SELECTOR: Option<&'static str>;

    /// Returns the issuer that a request names; none if the request is for another signer.
    fn issuer(object: &Object<Self>) -> Option<IssuerName>;

    /// Returns what a request names in Signet's group, and its kind, if that is not one of Signet's.
    fn unknown_kind(_: &Object<Self>) -> Option<(IssuerName, String)> {
        None
    }

    /// Returns how far a request is. In an API without approval, all are approved at first.
    fn progress(status: &Self::Status) -> Progress;

    fn read(object: &Object<Self>, issuer: &IssuerName, approval: Approval) -> RawRequest;

    /// Reads from the API server what a decision needs and the object does not have.
    fn complete(
        metadata: &ObjectMeta,
        due: &Due<Self>,
        lookup: &IssuerLookup,
        context: &Context,
    ) -> impl Future<Output = Result<Completed, kube::Error>> + Send;

    /// Returns the part of a status that an answer depends on, and so is kept.
    fn before(status: Self::Status) -> Self::Before;

    /// Returns how the API reports that a request waits.
    fn waiting(before: &Self::Before) -> WaitingReport<'_>;

    /// Returns who has to approve a request to this issuer, and how, for an API with approval.
    fn approvers(_: &IssuerName) -> String {
        "an approver has to decide on it".to_owned()
    }

    /// Decides what is written about an outcome: the status in one write, and the event.
    fn plan(before: &Self::Before, outcome: &Outcome, now: Timestamp) -> Plan;

    /// Returns why a request can never succeed whose certificate the API server rejected as invalid;
    /// none if it may succeed later.
    fn rejected(_: &Status) -> Option<Denial> {
        None
    }
}

/// A request with all that a decision needs.
pub(super) struct Completed {
    pub(super) request: RawRequest,
    /// Why it is denied, if it does not match what was read.
    pub(super) denial: Option<Denial>,
}

impl From<RawRequest> for Completed {
    fn from(request: RawRequest) -> Self {
        Self {
            request,
            denial: None,
        }
    }
}

/// An object of a request API, as far as it is read.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(super) struct Object<K: RequestKind> {
    #[serde(deserialize_with = "lean::metadata")]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) spec: K::Spec,
    #[serde(default)]
    pub(super) status: Option<K::Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Finished,
    /// No approver has decided on it.
    AwaitingApproval,
    /// It is approved, at this time if that is recorded, and has no final answer.
    Approved(Option<Timestamp>),
    /// An approver denied it, and it has no final answer.
    Denied,
}

/// How an API reports that a request waits. Each reason is reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitingReport<'a> {
    /// By a condition, in which this reason is reported now.
    Condition(Option<&'a str>),
    Event,
}
