//! `spec.policy`: who may have which certificates.

pub(crate) mod allow;
pub(crate) mod confinement;
pub(crate) mod preset;
mod print;
pub(crate) mod requesters;
pub(crate) mod subject;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::allow::Allow;
use self::preset::Preset;
use self::requesters::Requesters;

/// Who may have which certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicySpec {
    /// One rule must allow the whole request: names, usages, key and lifetime. The first in order
    /// that does decides the limits; rules never add up. What no rule allows is refused. Without
    /// `policy`, the preset `Default` is in force.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<PolicyRule>,
}

/// A rule: what its requesters may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = confinement::rules()))]
pub struct PolicyRule {
    /// The name of the rule, for messages and the log.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// A built-in rule, instead of `allow`. `signet policy show <preset>` prints what it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Who may request under this rule: exactly one kind. With a preset, replaces its requesters,
    /// and must be of the same kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requesters: Option<Requesters>,
    /// What they may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Allow>,
}
