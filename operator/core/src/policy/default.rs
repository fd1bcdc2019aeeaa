//! The preset `Default`: the rules of an issuer that has none.

use super::pattern::{PathPattern, PatternError};
use super::rule::{Allow, CaRight, Namespaces, Requesters, Rule, SpiffeIds, Unlisted};

/// The name of the preset, and of its rules.
pub const DEFAULT: &str = "Default";

/// Returns the rules of the preset `Default`.
///
/// In a trust domain, a ServiceAccount and a pod get the SPIFFE ID of the ServiceAccount, and a
/// Certificate one below its namespace; only that is checked, and no CA certificates are issued.
/// On an issuer without a trust domain, every approved request is allowed, also for a CA
/// certificate if `spec.profile.ca` is set, as by cert-manager's CA issuer.
pub fn default_rules(has_trust_domain: bool) -> Vec<Rule> {
    if !has_trust_domain {
        return vec![rule(Requesters::Anyone, Vec::new(), Some(ANY_CA))];
    }
    let all = Namespaces::All;
    let accounts = Requesters::ServiceAccounts {
        named: [].into(),
        namespaces: Some(all.clone()),
    };
    let of_account = "/ns/{namespace}/sa/{serviceAccount}";
    let rules = [
        (accounts, of_account),
        (Requesters::Certificates(all.clone()), "/ns/{namespace}/**"),
        (Requesters::Pods(all), of_account),
    ];
    let rules = rules.into_iter().map(|(requesters, path)| {
        let patterns = [PathPattern::parse(path)].into_iter();
        let patterns = patterns.filter_map(Result::<_, PatternError>::ok);
        rule(requesters, patterns.collect(), None)
    });
    rules.collect()
}

/// As far as `spec.profile.ca` allows.
const ANY_CA: CaRight = CaRight {
    path_length: u8::MAX,
    max_duration: None,
};

fn rule(requesters: Requesters, patterns: Vec<PathPattern>, ca: Option<CaRight>) -> Rule {
    Rule {
        name: DEFAULT.to_owned(),
        requesters,
        allow: Allow {
            spiffe_ids: SpiffeIds {
                patterns,
                default: None,
            },
            unlisted: Unlisted::Allowed,
            ca,
            ..Allow::default()
        },
    }
}
