//! A rule: which requesters may have which certificates.
//!
//! The language is closed and has no conditions: a rule names its requesters by what the API server
//! or cert-manager vouches for, and lists what they may have. One rule must allow the whole request;
//! the first in order that does decides the limits, and rules never add up.

mod allow;
mod limits;
mod names;
mod requesters;

pub use allow::{Allow, CaRight, SpiffeIds, Unlisted};
pub use limits::{AllowedUsages, KeyRule, KeySizes, RuleLimits};
pub use names::{AllowedNames, Attribute};
pub use requesters::{
    Agent, Delegates, Namespaces, OwnNames, Requesters, UnreadRefusals, WorkloadName,
};

/// A rule of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for messages and the log: that in the spec, or that of the preset.
    pub name: String,
    /// Who may request under this rule.
    pub requesters: Requesters,
    /// What they may have.
    pub allow: Allow,
}
