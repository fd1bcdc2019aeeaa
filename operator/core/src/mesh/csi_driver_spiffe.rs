//! csi-driver-spiffe: a CertificateRequest in the namespace of the pod, with an empty subject and the
//! SPIFFE ID of the pod's ServiceAccount (internal/csi/driver/driver.go). It is made with the
//! token of the pod, or with `--use-own-service-account` with that of the driver.

use std::collections::BTreeSet;

use super::build::{
    OF_SERVICE_ACCOUNT, account, delegates, leaf_limits, require_trust_domain, spiffe_ids,
};
use super::{Preset, PresetContext, PresetError};
use crate::policy::pattern::PatternError;
use crate::policy::rule::{Allow, Delegates, Namespaces, Requesters, Rule};

const NAMESPACE: &str = "cert-manager";
const ACCOUNT: &str = "cert-manager-csi-driver-spiffe";

pub(super) fn with_token_of_pod(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    let preset = Preset::CsiDriverSpiffe;
    require_trust_domain(context, preset)?;
    let requesters = match context.replacement {
        None => Requesters::ServiceAccounts {
            named: BTreeSet::new(),
            namespaces: Some(Namespaces::All),
        },
        Some(replacement) => replacement.service_accounts(preset)?.clone(),
    };
    Ok(vec![rule(context, requesters)?])
}

/// The driver has no names of its own, and makes its requests in the namespaces of pods.
pub(super) fn with_own_account(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    let preset = Preset::CsiDriverSpiffeOwnAccount;
    require_trust_domain(context, preset)?;
    let delegates = match context.replacement {
        None => delegates(account(NAMESPACE, ACCOUNT), &[]),
        Some(replacement) => Delegates {
            request_in: replacement.request_in.clone().unwrap_or_default(),
            ..replacement.delegates(preset)?.clone()
        },
    };
    Ok(vec![rule(context, Requesters::Delegates(delegates))?])
}

fn rule(context: &PresetContext<'_>, requesters: Requesters) -> Result<Rule, PatternError> {
    Ok(Rule {
        name: context.name.to_owned(),
        requesters,
        allow: Allow {
            spiffe_ids: spiffe_ids(&[OF_SERVICE_ACCOUNT])?,
            limits: leaf_limits(),
            ..Allow::default()
        },
    })
}
