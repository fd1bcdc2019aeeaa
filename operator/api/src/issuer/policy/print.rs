//! The rules of core as a spec has them, so that presets can be read and copied.

use signet_core::policy::pattern::TextPattern;
use signet_core::policy::rule as core;
use signet_core::request::ServiceAccount;
use signet_core::x509::usages;

use super::PolicyRule;
use super::allow::{Allow, AllowedAlgorithm, AllowedKey, CaRight, UnlistedNames};
use super::requesters::{
    AccountSelector, Delegates, LabelSelector, OwnNames, RequesterNamespaces,
    RequesterServiceAccount, Requesters,
};
use super::subject::AllowedSubject;
use crate::duration::GoDuration;

impl PolicyRule {
    /// Returns the rule as a spec has it. One for all requesters, as in the preset `Default` without
    /// a trust domain, has no requesters.
    pub fn print(rule: &core::Rule) -> Self {
        Self {
            name: rule.name.clone(),
            preset: None,
            requesters: requesters(&rule.requesters),
            allow: Some(allow(&rule.allow)),
        }
    }
}

fn requesters(requesters: &core::Requesters) -> Option<Requesters> {
    let mut printed = Requesters::default();
    match requesters {
        core::Requesters::ServiceAccounts { named, namespaces } => {
            let named = named.iter().map(named_account);
            let all = namespaces.iter().flat_map(whole_namespaces);
            printed.service_accounts = named.chain(all).collect();
        }
        core::Requesters::Certificates(of) => printed.certificates = Some(namespaces(of)),
        core::Requesters::Pods(of) => printed.pods = Some(namespaces(of)),
        core::Requesters::Delegates(of) => printed.delegates = Some(delegates(of)),
        core::Requesters::Anyone => return None,
    }
    Some(printed)
}

fn named_account(account: &ServiceAccount) -> AccountSelector {
    AccountSelector {
        namespace: Some(account.namespace.clone()),
        name: Some(account.name.clone()),
        namespace_selector: None,
    }
}

fn whole_namespaces(of: &core::Namespaces) -> Vec<AccountSelector> {
    let RequesterNamespaces {
        namespaces,
        namespace_selector,
    } = namespaces(of);
    let named = namespaces.into_iter().map(|namespace| AccountSelector {
        namespace: Some(namespace),
        ..AccountSelector::default()
    });
    let selected = namespace_selector.map(|selector| AccountSelector {
        namespace_selector: Some(selector),
        ..AccountSelector::default()
    });
    named.chain(selected).collect()
}

fn namespaces(of: &core::Namespaces) -> RequesterNamespaces {
    let labels = match of {
        core::Namespaces::Named(names) => {
            return RequesterNamespaces {
                namespaces: names.iter().cloned().collect(),
                namespace_selector: None,
            };
        }
        core::Namespaces::All => Default::default(),
        core::Namespaces::Labeled(labels) => labels.clone(),
    };
    RequesterNamespaces {
        namespaces: Vec::new(),
        namespace_selector: Some(LabelSelector {
            match_labels: labels,
        }),
    }
}

fn delegates(of: &core::Delegates) -> Delegates {
    let mut printed = Delegates {
        act_for: namespaces(&of.act_for),
        request_namespaces: of.request_in.iter().cloned().collect(),
        own: of.own.as_ref().map(|own| OwnNames {
            dns_names: texts(&own.dns_names),
            spiffe_id: own.spiffe_id.to_string(),
        }),
        ..Delegates::default()
    };
    for agent in &of.agents {
        match agent {
            core::Agent::ServiceAccount(account) => {
                printed.service_accounts.push(RequesterServiceAccount {
                    namespace: account.namespace.clone(),
                    name: account.name.clone(),
                });
            }
            core::Agent::User(user) => printed.users.push(user.clone()),
            core::Agent::Group(group) => printed.groups.push(group.clone()),
        }
    }
    printed
}

fn allow(allow: &core::Allow) -> Allow {
    let (names, limits) = (&allow.names, &allow.limits);
    let default_spiffe_id = allow.spiffe_ids.default.as_ref();
    Allow {
        spiffe_ids: texts(&allow.spiffe_ids.patterns),
        default_spiffe_id: default_spiffe_id.map(ToString::to_string),
        dns_names: texts(&names.dns_names),
        ip_addresses: texts(&names.ip_addresses),
        email_addresses: texts(&names.email_addresses),
        uris: texts(&names.uris),
        other_names: texts(&names.other_names),
        subject: (!names.subject.is_empty()).then(|| subject(names)),
        wildcards: allow.wildcards,
        unlisted_names: match allow.unlisted {
            core::Unlisted::Allowed => Some(UnlistedNames::Allowed),
            core::Unlisted::Refused => None,
        },
        ca: allow.ca.map(|right| CaRight {
            path_length: right.path_length,
            max_duration: right.max_duration.map(GoDuration),
        }),
        default_duration: limits.default_duration.map(GoDuration),
        min_duration: limits.min_duration.map(GoDuration),
        max_duration: limits.max_duration.map(GoDuration),
        usages: limits.usages.as_ref().map(usage_names).unwrap_or_default(),
        keys: limits.keys.iter().flatten().map(key).collect(),
    }
}

fn subject(names: &core::AllowedNames) -> AllowedSubject {
    let mut subject = AllowedSubject::default();
    for (attribute, patterns) in &names.subject {
        if let Some(list) = subject.list_mut(*attribute) {
            *list = patterns.iter().map(TextPattern::to_string).collect();
        }
    }
    subject
}

fn usage_names(allowed: &core::AllowedUsages) -> Vec<String> {
    let purposes = allowed.extended.iter();
    let purposes = purposes.filter_map(|purpose| usages::purpose_name(*purpose));
    let names = usages::names(allowed.key).chain(purposes);
    names.map(str::to_owned).collect()
}

fn key(key: &core::KeyRule) -> AllowedKey {
    let (algorithm, sizes) = match key {
        core::KeyRule::Rsa(sizes) => (AllowedAlgorithm::Rsa, Some(sizes)),
        core::KeyRule::Ecdsa(sizes) => (AllowedAlgorithm::Ecdsa, Some(sizes)),
        core::KeyRule::Ed25519 => (AllowedAlgorithm::Ed25519, None),
    };
    AllowedKey {
        algorithm,
        min_size: sizes.map(|sizes| sizes.min),
        max_size: sizes.and_then(|sizes| sizes.max),
    }
}

fn texts<T: ToString>(patterns: &[T]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}
