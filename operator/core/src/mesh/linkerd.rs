//! Linkerd's identity issuer: a CA for the Secret `linkerd-identity-issuer`, as a cert-manager
//! Certificate in Linkerd's namespace.
//!
//! `linkerd check` accepts only ECDSA keys over P-256 (pkg/issuercerts/issuercerts.go), and the
//! identity controller signs leaves with it, so no CA follows below.

use super::build::names;
use super::{Preset, PresetContext, PresetError};
use crate::policy::rule::{
    Allow, CaRight, KeyRule, KeySizes, Namespaces, Requesters, Rule, RuleLimits,
};

const NAMESPACE: &str = "linkerd";

pub(super) fn rules(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    let namespaces = match context.replacement {
        None => Namespaces::Named(names(&[NAMESPACE])),
        Some(replacement) => replacement.certificates(Preset::LinkerdIdentity)?.clone(),
    };
    Ok(vec![Rule {
        name: context.name.to_owned(),
        requesters: Requesters::Certificates(namespaces),
        allow: Allow {
            ca: Some(CaRight {
                path_length: 0,
                max_duration: None,
            }),
            limits: RuleLimits {
                keys: Some(vec![KeyRule::Ecdsa(KeySizes::exactly(256))]),
                ..RuleLimits::default()
            },
            ..Allow::default()
        },
    }])
}
