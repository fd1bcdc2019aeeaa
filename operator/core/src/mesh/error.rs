//! Why a preset has no rules.

use super::Preset;
use crate::policy::pattern::PatternError;

/// What is wrong with the use of a preset, and what to change. Each message follows the name of
/// the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// The spec replaces the requesters by others of another kind.
    #[error(
        "the preset {preset} is for requesters.{expected}, and the rule has requesters.{found}; \
         use {expected}, or write the rule without a preset"
    )]
    OtherKind {
        /// The preset.
        preset: Preset,
        /// The kind of requesters that the preset has.
        expected: &'static str,
        /// The kind of requesters in the spec.
        found: &'static str,
    },
    /// The preset gives SPIFFE IDs, and the issuer has no trust domain.
    #[error(
        "the preset {0} allows SPIFFE IDs, and the issuer has no trust domain; use an issuer with \
         spec.spiffe, or write a rule with allow.uris"
    )]
    NoTrustDomain(Preset),
    /// A name of the spec makes a pattern that cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}
