//! `signet policy show`: the rules of a preset, as a spec has them.

use std::io::{Write, stdout};

use serde::Serialize;
use signet_api::{PolicyRule, PolicySpec, Preset};
use signet_core::mesh::{PresetContext, PresetError};
use signet_core::policy::default_rules;
use signet_core::policy::rule::{Requesters, Rule};
use signet_core::spiffe::TrustDomain;

use crate::args::Show;
use crate::policy::can_be_written_out;

/// Prints the rules of a preset.
///
/// # Errors
/// The preset does not fit such an issuer.
pub fn show(settings: &Show) -> anyhow::Result<()> {
    let trust_domain = match settings.plain {
        true => None,
        false => Some(&settings.trust_domain),
    };
    let text = text(settings.preset, trust_domain)?;
    Ok(stdout().write_all(text.as_bytes())?)
}

/// Returns the rules in YAML, as they are below `spec` of an issuer.
pub(super) fn text(preset: Preset, trust_domain: Option<&TrustDomain>) -> anyhow::Result<String> {
    let rules = rules(preset, trust_domain)?;
    let is_for_anyone = rules
        .iter()
        .any(|rule| rule.requesters == Requesters::Anyone);
    let mut rules: Vec<_> = rules.iter().map(PolicyRule::print).collect();
    // All rules of the preset Default have its name, and names in a spec are distinct.
    for (index, rule) in rules.iter_mut().enumerate() {
        if preset == Preset::Default {
            rule.name = match index {
                0 => name(preset),
                index => format!("{}-{}", name(preset), index + 1),
            };
        }
    }
    let is_only_a_preset = !rules.iter().all(can_be_written_out);
    let policy = serde_saphyr::to_string(&Printed {
        policy: PolicySpec { rules },
    })?;
    let comment = match (is_for_anyone, is_only_a_preset) {
        (true, _) => ANYONE,
        (false, true) => BY_LABEL,
        (false, false) => "",
    };
    Ok(format!("{comment}{policy}"))
}

/// What a spec cannot state.
const BY_LABEL: &str = "# Only the preset can state this: written out, a rule with such names lists namespaces by name.\n";
const ANYONE: &str = "# Only the preset can state this: it is for every approved request, and CA certificates are allowed as\n\
                      # far as spec.profile.ca allows.\n";

#[derive(Serialize)]
struct Printed {
    policy: PolicySpec,
}

fn rules(preset: Preset, trust_domain: Option<&TrustDomain>) -> Result<Vec<Rule>, PresetError> {
    match preset.mesh() {
        None => Ok(default_rules(trust_domain.is_some())),
        Some(mesh) => mesh.rules(&PresetContext {
            name: &name(preset),
            trust_domain,
            replacement: None,
        }),
    }
}

/// The preset's name in the form of a rule's: `istio-csr` for `IstioCsr`.
fn name(preset: Preset) -> String {
    let mut name = String::new();
    for letter in preset.as_str().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
