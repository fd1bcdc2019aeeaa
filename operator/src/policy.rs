//! The rules of an issuer's spec, as core has them. Pure.

mod allow;
mod confinement;
mod error;
mod requesters;
#[cfg(test)]
mod tests;

use signet_api::{IssuerSpec, PolicyRule, Preset};
use signet_core::mesh::{PresetContext, Replacement};
use signet_core::policy::default_rules;
use signet_core::policy::rule::Rule;
use signet_core::spiffe::TrustDomain;

pub use error::RuleError;

/// Returns the rules in force: those of the spec, or the preset `Default`.
///
/// # Errors
/// A rule cannot be read. [`RuleError`] names the rule and the field.
pub fn rules(
    spec: &IssuerSpec,
    trust_domain: Option<&TrustDomain>,
) -> Result<Vec<Rule>, RuleError> {
    let Some(policy) = &spec.policy else {
        return Ok(default_rules(trust_domain.is_some()));
    };
    let rules = policy.rules.iter().map(|rule| {
        let read = read(rule, trust_domain);
        read.map_err(|fault| fault.of(&rule.name))
    });
    Ok(rules.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Whether a spec can have a rule that is written out, as a preset is printed.
pub(crate) fn can_be_written_out(rule: &PolicyRule) -> bool {
    read(rule, None).is_ok()
}

/// Whether the rules of a spec leave out the preset `Default`.
pub fn leaves_default_out(spec: &IssuerSpec) -> bool {
    let is_default = |rule: &PolicyRule| rule.preset == Some(Preset::Default);
    (spec.policy.as_ref()).is_some_and(|policy| !policy.rules.iter().any(is_default))
}

fn read(rule: &PolicyRule, trust_domain: Option<&TrustDomain>) -> Result<Vec<Rule>, error::Fault> {
    let rules = match rule.preset {
        Some(preset) => of_preset(rule, preset, trust_domain)?,
        None => vec![written_out(rule)?],
    };
    if rule.requesters.as_ref().is_some_and(confinement::selects) {
        confinement::check(&rules)?;
    }
    Ok(rules)
}

fn written_out(rule: &PolicyRule) -> Result<Rule, error::Fault> {
    let requesters = rule.requesters.as_ref();
    let requesters = requesters.ok_or_else(|| error::Fault::new("requesters", "is missing"))?;
    let allow = rule.allow.as_ref();
    let allow = allow.ok_or_else(|| error::Fault::new("allow", "is missing"))?;
    Ok(Rule {
        name: rule.name.clone(),
        requesters: requesters::read(requesters)?,
        allow: allow::read(allow)?,
    })
}

fn of_preset(
    rule: &PolicyRule,
    preset: Preset,
    trust_domain: Option<&TrustDomain>,
) -> Result<Vec<Rule>, error::Fault> {
    let Some(preset) = preset.mesh() else {
        return match rule.requesters {
            None => Ok(default_rules(trust_domain.is_some())),
            Some(_) => Err(error::Fault::new(
                "requesters",
                "must not be set with the preset Default, which is for all requesters",
            )),
        };
    };
    let replacement = rule.requesters.as_ref().map(replacement).transpose()?;
    let context = PresetContext {
        name: &rule.name,
        trust_domain,
        replacement: replacement.as_ref(),
    };
    let rules = preset.rules(&context);
    rules.map_err(|error| error::Fault::new("preset", error))
}

fn replacement(requesters: &signet_api::Requesters) -> Result<Replacement, error::Fault> {
    let delegates = requesters.delegates.as_ref();
    let request_in = delegates.map(|delegates| &delegates.request_namespaces);
    Ok(Replacement {
        requesters: requesters::read(requesters)?,
        request_in: request_in
            .filter(|namespaces| !namespaces.is_empty())
            .map(|namespaces| namespaces.iter().cloned().collect()),
    })
}
