//! How many sessions of a module may be open.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::access::ModuleConfig;

/// How long a key that has no session yet comes before the growth of others, after there was none
/// left for it. Longer than it takes until it is tried again.
const PRECEDENCE: Duration = Duration::from_secs(30);

/// The sessions of a module. Each token that is listed can always have one, whatever the others
/// use.
#[derive(Debug)]
pub(super) struct Budget {
    max: usize,
    /// Of each token that is listed.
    in_use: BTreeMap<String, usize>,
    /// Until when only keys without a session get one.
    first_only_until: Option<Instant>,
}

impl Budget {
    pub(super) fn new(module: &ModuleConfig) -> Self {
        let tokens = module.tokens.iter();
        Self {
            max: module.max_sessions.into(),
            in_use: tokens.map(|token| (token.name.clone(), 0)).collect(),
            first_only_until: None,
        }
    }

    /// Takes a session of a token for a key that has none yet, or for one that has. Returns
    /// whether there was one.
    pub(super) fn take(&mut self, token: &str, is_first: bool, now: Instant) -> bool {
        let fits = self.fits(token);
        if is_first {
            self.first_only_until = (!fits).then(|| now + PRECEDENCE);
        } else if self.first_only_until.is_some_and(|until| now < until) {
            return false;
        }
        if fits {
            *self.in_use.entry(token.to_owned()).or_default() += 1;
        }
        fits
    }

    /// Returns a session that is closed.
    pub(super) fn give_back(&mut self, token: &str) {
        if let Some(count) = self.in_use.get_mut(token) {
            *count = count.saturating_sub(1);
        }
    }

    fn fits(&self, token: &str) -> bool {
        let in_use: usize = self.in_use.values().sum();
        let others = self.in_use.iter().filter(|(name, _)| *name != token);
        let reserved = others.filter(|(_, count)| **count == 0).count();
        in_use + reserved < self.max
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn budget(max: u16, tokens: &[&str]) -> Budget {
        let token = |name: &&str| json!({ "name": name, "label": name, "pin": { "env": "PIN" } });
        let tokens: Vec<_> = tokens.iter().map(token).collect();
        let module = json!({
            "name": "m", "path": "/m.so", "maxSessions": max, "tokens": tokens,
        });
        Budget::new(&serde_json::from_value(module).unwrap())
    }

    #[test]
    fn each_token_has_a_session_that_others_cannot_take() {
        let (mut budget, now) = (budget(5, &["a", "b", "c"]), Instant::now());
        let mut taken = 0;
        while budget.take("a", false, now) {
            taken += 1;
        }
        assert_eq!(taken, 3);
        assert!(budget.take("b", true, now));
        assert!(!budget.take("b", false, now));
        assert!(budget.take("c", true, now));
        budget.give_back("a");
        assert!(budget.take("b", false, now));
    }

    #[test]
    fn a_key_without_a_session_comes_before_the_growth_of_others() {
        let (mut budget, now) = (budget(2, &["a"]), Instant::now());
        assert!(budget.take("a", true, now));
        assert!(budget.take("a", false, now));
        assert!(!budget.take("a", true, now));
        budget.give_back("a");
        assert!(!budget.take("a", false, now));
        assert!(budget.take("a", true, now));
        budget.give_back("a");
        assert!(budget.take("a", false, now), "the key has its session");
    }

    /// The issuer that waited for a session may be gone.
    #[test]
    fn growth_goes_on_when_no_key_takes_the_session() {
        let (mut budget, now) = (budget(1, &["a"]), Instant::now());
        assert!(budget.take("a", true, now));
        assert!(!budget.take("a", true, now));
        budget.give_back("a");
        assert!(!budget.take("a", false, now));
        assert!(budget.take("a", false, now + PRECEDENCE));
    }
}
