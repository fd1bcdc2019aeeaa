//! What a rule replaces of the requesters of its preset.

use std::collections::BTreeSet;

use super::{Preset, PresetError};
use crate::policy::rule::{Delegates, Namespaces, Requesters};

/// The requesters that a rule has instead of those of its preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The requesters. Of delegates, `own` is kept if the spec has it; otherwise it follows from
    /// their ServiceAccounts.
    pub requesters: Requesters,
    /// The namespaces in which delegates make requests, if the spec has them.
    pub request_in: Option<BTreeSet<String>>,
}

impl Replacement {
    pub(super) fn delegates(&self, preset: Preset) -> Result<&Delegates, PresetError> {
        match &self.requesters {
            Requesters::Delegates(delegates) => Ok(delegates),
            other => Err(other_kind(preset, "delegates", other)),
        }
    }

    pub(super) fn certificates(&self, preset: Preset) -> Result<&Namespaces, PresetError> {
        match &self.requesters {
            Requesters::Certificates(namespaces) => Ok(namespaces),
            other => Err(other_kind(preset, "certificates", other)),
        }
    }

    pub(super) fn service_accounts(&self, preset: Preset) -> Result<&Requesters, PresetError> {
        match &self.requesters {
            accounts @ Requesters::ServiceAccounts { .. } => Ok(accounts),
            other => Err(other_kind(preset, "serviceAccounts", other)),
        }
    }
}

fn other_kind(preset: Preset, expected: &'static str, found: &Requesters) -> PresetError {
    let found = match found {
        Requesters::ServiceAccounts { .. } => "serviceAccounts",
        Requesters::Certificates(_) => "certificates",
        Requesters::Pods(_) => "pods",
        Requesters::Delegates(_) => "delegates",
        Requesters::Anyone => "anyone",
    };
    PresetError::OtherKind {
        preset,
        expected,
        found,
    }
}
