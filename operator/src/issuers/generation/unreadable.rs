//! Generations that cannot be read.

use jiff::Timestamp;
use kube::ResourceExt;
use signet_api::CAGeneration;

/// A generation whose certificate cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::issuers) struct Unreadable {
    pub(in crate::issuers) name: String,
    pub(in crate::issuers) number: u32,
    pub(in crate::issuers) message: String,
    activated: bool,
    superseded: bool,
    not_after: Option<Timestamp>,
}

impl Unreadable {
    pub(super) fn new(object: &CAGeneration, message: &str) -> Self {
        let spec = &object.spec;
        let certificate = spec.certificate.as_ref();
        Self {
            name: object.name_any(),
            number: spec.generation,
            message: message.to_owned(),
            activated: spec.activated_at.is_some(),
            superseded: spec.superseded_at.is_some(),
            not_after: certificate.map(|certificate| certificate.not_after.0),
        }
    }

    /// Whether it may be the one that signs. Signet creates no other CA in its place.
    pub(in crate::issuers) fn may_sign(&self) -> bool {
        self.activated && !self.superseded
    }

    /// Whether certificates under it may still be valid.
    pub(in crate::issuers) fn may_live(&self, now: Timestamp) -> bool {
        self.activated && self.not_after.is_none_or(|end| now < end)
    }
}
