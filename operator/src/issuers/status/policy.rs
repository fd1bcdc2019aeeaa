//! What a reader of an issuer's status should know about its rules. Pure.

use signet_api::IssuerKind;
use signet_core::policy::IssuerPolicy;
use signet_core::policy::rule::{Agent, Requesters, Rule};
use signet_core::request::ServiceAccount;

use crate::issuers::facts::Facts;
use crate::policy::leaves_default_out;

const ONLY_THE_ID: &str = "spec.policy has no rules, so only the SPIFFE ID of a certificate is \
     checked, and not its other names";

const WITHOUT_DEFAULT: &str = "spec.policy.rules leave out the preset Default, so Certificates that \
     relied on it are refused at renewal";

const NO_CA_RULE: &str = "spec.profile.ca has no effect, because no rule allows CA certificates; \
     add a rule with allow.ca";

pub(super) fn notes(facts: &Facts, policy: &IssuerPolicy) -> Vec<String> {
    let has_rules = facts.spec.policy.is_some();
    let has_trust_domain = policy.trust_domain.is_some();
    let unchecked = (!has_rules && has_trust_domain).then(|| ONLY_THE_ID.to_owned());
    let without_default = leaves_default_out(&facts.spec).then(|| WITHOUT_DEFAULT.to_owned());
    let of_accounts = (policy.rules.iter())
        .filter(|rule| lists(rule, &facts.cert_manager))
        .map(|rule| lists_cert_manager(&rule.name));
    unchecked
        .into_iter()
        .chain(without_default)
        .chain(of_owner(facts, policy))
        .chain(of_ca_rules(policy))
        .chain(of_accounts)
        .collect()
}

/// The owner of a namespaced Issuer holds a CA under its root, and needs no certificate from it.
fn of_owner(facts: &Facts, policy: &IssuerPolicy) -> Option<String> {
    let trust_domain = policy.trust_domain.as_ref()?;
    (facts.name.kind == IssuerKind::Issuer).then(|| {
        format!(
            "users who may change this Issuer or its key hold a CA of {}: its rules protect its \
             requesters from one another, and not the trust domain from them",
            trust_domain.id()
        )
    })
}

fn of_ca_rules(policy: &IssuerPolicy) -> Option<String> {
    let trust_domain = policy.trust_domain.as_ref()?;
    policy.ca.as_ref()?;
    let rules = policy.rules.iter().filter(|rule| rule.allow.ca.is_some());
    let mut names: Vec<_> = rules.map(|rule| rule.name.as_str()).collect();
    names.dedup();
    Some(match names.is_empty() {
        true => NO_CA_RULE.to_owned(),
        false => format!(
            "CA certificates can give any identity in {} to anyone, and these rules allow them: {}",
            trust_domain.id(),
            names.join(", ")
        ),
    })
}

fn lists(rule: &Rule, account: &ServiceAccount) -> bool {
    match &rule.requesters {
        Requesters::ServiceAccounts { named, .. } => named.contains(account),
        Requesters::Delegates(delegates) => delegates
            .agents
            .contains(&Agent::ServiceAccount(account.clone())),
        Requesters::Certificates(_) | Requesters::Pods(_) | Requesters::Anyone => false,
    }
}

/// cert-manager's account requests for every Certificate, so policy does not treat it as a requester.
fn lists_cert_manager(rule: &str) -> String {
    format!(
        "the rule {rule} lists cert-manager's own account, which has no effect; use \
         requesters.certificates with the namespaces of the Certificates"
    )
}
