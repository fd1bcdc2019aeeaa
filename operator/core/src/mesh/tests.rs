use std::time::Duration;

use super::*;
use crate::policy::rule::{Delegates, Requesters};

mod agents;
mod bounds;
mod cas;
mod drivers;
mod istio;
mod istio_csr;
mod replacement;
mod unread;

/// The rules of a preset with its usual requesters, on an issuer of `example.org`.
fn rules(preset: Preset) -> Vec<Rule> {
    with(preset, None).unwrap()
}

fn with(preset: Preset, replacement: Option<&Replacement>) -> Result<Vec<Rule>, PresetError> {
    preset.rules(&PresetContext {
        name: "mesh",
        trust_domain: Some(&TrustDomain::parse("example.org").unwrap()),
        replacement,
    })
}

fn delegates(rule: &Rule) -> Option<&Delegates> {
    match &rule.requesters {
        Requesters::Delegates(delegates) => Some(delegates),
        _ => None,
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
