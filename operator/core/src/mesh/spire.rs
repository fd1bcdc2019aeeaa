//! SPIRE below this CA: its plugin UpstreamAuthority "cert-manager" creates a CertificateRequest for
//! the CA certificate of the server (pkg/server/plugin/upstreamauthority/certmanager), in the
//! namespace of its configuration.

use std::collections::BTreeSet;

use super::build::account;
use super::{Preset, PresetContext, PresetError};
use crate::policy::rule::{Allow, CaRight, Requesters, Rule};

const NAMESPACE: &str = "spire";
const ACCOUNT: &str = "spire-server";

/// The path length counts the SPIRE servers below this one.
pub(super) fn rules(
    context: &PresetContext<'_>,
    preset: Preset,
    path_length: u8,
) -> Result<Vec<Rule>, PresetError> {
    let requesters = match context.replacement {
        None => Requesters::ServiceAccounts {
            named: BTreeSet::from([account(NAMESPACE, ACCOUNT)]),
            namespaces: None,
        },
        Some(replacement) => replacement.service_accounts(preset)?.clone(),
    };
    Ok(vec![Rule {
        name: context.name.to_owned(),
        requesters,
        allow: Allow {
            ca: Some(CaRight {
                path_length,
                max_duration: None,
            }),
            ..Allow::default()
        },
    }])
}
