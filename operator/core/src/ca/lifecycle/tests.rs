//! The state machine: each transition by itself, and thousands of random histories.

mod histories;
mod overlap;
mod transitions;
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::ca::{Certified, Generation, Lifetimes, Purpose};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(offset: Duration) -> Timestamp {
    Timestamp::constant(1_800_000_000, 0) + offset
}

fn root(ca: &str) -> Root {
    Root {
        fingerprint: format!("root-{ca}"),
        ca: (ca.to_owned(), format!("key-of-{ca}")),
        not_after: at(DAY * 10_000),
        size: 900,
    }
}

/// A certificate that is valid for 100 days from this time on.
fn certified(name: &str, ca: &str, from: Duration) -> Certified {
    Certified {
        fingerprint: name.to_owned(),
        not_before: at(from),
        not_after: at(from + DAY * 100),
        root: root(ca),
    }
}

/// A generation without a certificate.
fn requested(number: u32, key: &str) -> Generation {
    Generation {
        number,
        key: key.to_owned(),
        purpose: Purpose {
            key_name: key.to_owned(),
            certificate: "spec".to_owned(),
            ..Purpose::default()
        },
        prepared: at(Duration::ZERO),
        certified: None,
        published: None,
        activated: None,
        superseded: None,
        lifetimes: Lifetimes::default(),
        inherits_until: None,
    }
}

/// The first generation: active from the start, with leaves of a day.
fn active() -> Generation {
    Generation {
        certified: Some(certified("ca-1", "one", Duration::ZERO)),
        published: Some(at(Duration::ZERO)),
        activated: Some(at(Duration::ZERO)),
        lifetimes: Lifetimes {
            leaf: Some(DAY),
            ca: None,
        },
        ..requested(1, "k1")
    }
}

/// What [`Situation`] borrows from.
struct Scene {
    now: Duration,
    generations: Vec<Generation>,
    spec: Spec,
    key: KeyState,
    active_key_gone: bool,
    offered: Option<Certified>,
    published: BTreeSet<String>,
    in_status: BTreeSet<String>,
    named_roots: Vec<Root>,
}

impl Scene {
    fn new(generations: impl IntoIterator<Item = Generation>) -> Self {
        Self {
            now: Duration::ZERO,
            generations: generations.into_iter().collect(),
            spec: Spec {
                key_name: "k1".to_owned(),
                certificate: "spec".to_owned(),
                min_duration: HOUR,
                default_leaf: DAY,
                history_limit: 3,
                ..Spec::default()
            },
            key: KeyState::Found("k1".to_owned()),
            active_key_gone: false,
            offered: None,
            published: BTreeSet::new(),
            in_status: BTreeSet::new(),
            named_roots: Vec::new(),
        }
    }

    fn at(mut self, now: Duration) -> Self {
        self.now = now;
        self
    }

    /// The spec names another key.
    fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.spec.key_name);
        self.key = KeyState::Found(key.to_owned());
        self
    }

    fn spec(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self
    }

    fn published(mut self, ca: &str) -> Self {
        self.published.insert(root(ca).fingerprint);
        self.in_status(ca)
    }

    fn in_status(mut self, ca: &str) -> Self {
        self.in_status.insert(root(ca).fingerprint);
        self
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            now: at(self.now),
            generations: &self.generations,
            highest_number: 0,
            spec: &self.spec,
            key: &self.key,
            active_key_gone: self.active_key_gone,
            offered: self.offered.as_ref(),
            published: &self.published,
            in_status: &self.in_status,
            named_roots: &self.named_roots,
        }
    }

    fn plan(&self) -> Plan {
        plan(&self.situation())
    }

    fn step(&self) -> Option<Step> {
        self.plan().step
    }

    fn state(&self, number: u32) -> State {
        let situation = self.situation();
        let one = self.generations.iter().find(|one| one.number == number);
        View::new(&situation).state(one.unwrap())
    }

    fn bundle(&self) -> Vec<String> {
        self.plan()
            .bundle
            .into_iter()
            .map(|root| root.ca.0)
            .collect()
    }
}
