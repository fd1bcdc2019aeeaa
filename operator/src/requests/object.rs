//! A request object as the cache has it: classified once, when its watch reads it.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer};
use signet_core::request::{Approval, RawRequest, Requester};

use super::kind::{Object, Progress, RequestKind};
use super::shared::Shared;
use crate::issuer_name::IssuerName;

#[derive(Clone, Debug)]
pub(super) struct Observed<K: RequestKind> {
    metadata: ObjectMeta,
    state: State<K>,
}

#[derive(Clone, Debug)]
pub(super) enum State<K: RequestKind> {
    /// It is for another signer, or finished.
    Ignored,
    /// No approver has decided on it.
    Unapproved(Arc<Unapproved>),
    Due(Arc<Due<K>>),
}

/// A request that is to be answered: approved or denied, and not finished (CM-3, CSR-7).
#[derive(Clone, Debug)]
pub(super) struct Due<K: RequestKind> {
    pub(super) issuer: IssuerName,
    pub(super) request: RawRequest,
    /// When it was approved, if that is recorded.
    pub(super) approved_at: Option<Timestamp>,
    /// What an answer depends on in the status that it replaces.
    pub(super) before: K::Before,
}

/// A request that no approver has decided on.
#[derive(Clone, Debug)]
pub(super) struct Unapproved {
    pub(super) issuer: IssuerName,
    /// The kind in its reference, if Signet has no such kind. cert-manager's webhook lets no approver
    /// approve it (A4-33).
    pub(super) unknown_kind: Option<String>,
    pub(super) created: Timestamp,
}

impl<K: RequestKind> Observed<K> {
    pub(super) fn new(metadata: ObjectMeta, state: State<K>) -> Self {
        Self { metadata, state }
    }

    pub(super) fn into_parts(self) -> (ObjectMeta, State<K>) {
        (self.metadata, self.state)
    }

    pub(super) fn due(&self) -> Option<&Arc<Due<K>>> {
        self.state.due()
    }

    pub(super) fn unapproved(&self) -> Option<&Unapproved> {
        self.state.unapproved()
    }

    /// Returns the issuer that it waits for.
    pub(super) fn issuer(&self) -> Option<&IssuerName> {
        match &self.state {
            State::Due(due) => Some(&due.issuer),
            State::Unapproved(unapproved) => Some(&unapproved.issuer),
            State::Ignored => None,
        }
    }

    pub(super) fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }
}

impl<K: RequestKind> State<K> {
    pub(super) fn due(&self) -> Option<&Arc<Due<K>>> {
        match self {
            Self::Due(due) => Some(due),
            Self::Ignored | Self::Unapproved(_) => None,
        }
    }

    pub(super) fn unapproved(&self) -> Option<&Unapproved> {
        match self {
            Self::Unapproved(unapproved) => Some(unapproved),
            Self::Ignored | Self::Due(_) => None,
        }
    }

    /// Whether a request in this state is reconciled as in the other: an approver decided nothing else.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Due(one), Self::Due(other)) => one.request.approval == other.request.approval,
            (Self::Unapproved(_), Self::Unapproved(_)) => true,
            _ => false,
        }
    }

    /// Has the requester in common with other requests.
    pub(super) fn sharing(mut self, requesters: &mut Shared<Requester>) -> Self {
        if let Self::Due(due) = &mut self
            && let Some(due) = Arc::get_mut(due)
        {
            let requester = std::mem::take(&mut due.request.requester);
            due.request.requester = requesters.get(requester);
        }
        self
    }

    fn of(object: &mut Object<K>) -> Self {
        let Some(issuer) = K::issuer(object) else {
            return Self::of_unknown_kind(object);
        };
        let status = object.status.take().unwrap_or_default();
        let (approval, approved_at) = match K::progress(&status) {
            Progress::Finished => return Self::Ignored,
            Progress::AwaitingApproval => {
                return Self::Unapproved(Arc::new(Unapproved {
                    issuer,
                    unknown_kind: None,
                    created: created(&object.metadata),
                }));
            }
            Progress::Approved(at) => (Approval::Approved, at),
            Progress::Denied => (Approval::Denied, None),
        };
        Self::Due(Arc::new(Due {
            request: K::read(object, &issuer, approval),
            issuer,
            approved_at,
            before: K::before(status),
        }))
    }

    fn of_unknown_kind(object: &mut Object<K>) -> Self {
        let Some((issuer, kind)) = K::unknown_kind(object) else {
            return Self::Ignored;
        };
        match K::progress(&object.status.take().unwrap_or_default()) {
            Progress::Finished | Progress::Denied => Self::Ignored,
            Progress::AwaitingApproval | Progress::Approved(_) => {
                Self::Unapproved(Arc::new(Unapproved {
                    issuer,
                    unknown_kind: Some(kind),
                    created: created(&object.metadata),
                }))
            }
        }
    }
}

/// Returns when an object was created; the API server always sets it.
fn created(metadata: &ObjectMeta) -> Timestamp {
    let created = metadata.creation_timestamp.as_ref();
    created.map(|time| time.0).unwrap_or_default()
}

impl<'de, K: RequestKind> Deserialize<'de> for Observed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Object::<K>::deserialize(deserializer)?;
        let state = State::of(&mut object);
        let metadata = ObjectMeta {
            annotations: None,
            owner_references: None,
            ..object.metadata
        };
        Ok(Self { metadata, state })
    }
}

impl<K: RequestKind> Resource for Observed<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
