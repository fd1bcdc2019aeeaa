//! Random histories: whatever happens in whatever order, every certificate chains to a root that is
//! trusted as long as it lives.

use super::world::World;
use super::*;

/// The number of histories, and of events in each.
const HISTORIES: u64 = 2000;
const EVENTS: u32 = 120;

impl World {
    /// Something happens: time passes, a user edits, a person revokes, the operator dies.
    fn happens(&mut self) {
        match self.dice.roll(24) {
            0 => self.use_key(self.key + 1),
            // Git takes back what it asked for.
            1 if self.key > 1 && !self.is_revoked(self.key - 1) => self.use_key(self.key - 1),
            2 => self.parent += 1,
            3 => self.spec.certificate = self.dice.roll(3).to_string(),
            4 => self.spec.request_id = Some(self.dice.roll(1000).to_string()),
            5 => self.spec.suspend = !self.spec.suspend,
            6 => self.object_is_writable = !self.object_is_writable,
            7 => self.parent_answers = !self.parent_answers,
            8 => self.spec.rollback_to = self.any_certificate(),
            9 => self.spec.rollback_to = None,
            10 if self.dice.once_in(4) => self.revoke(),
            11 if self.dice.once_in(4) => self.spec.activate = self.any_certificate(),
            12 => self.renew_existing(),
            13 => self.kill(),
            // The machine slept.
            14 if self.dice.once_in(3) => self.pass(self.lifetime),
            15..=17 => self.reconcile(true),
            _ => self.pass(self.max_leaf / 3),
        }
    }

    fn is_revoked(&self, key: u32) -> bool {
        self.spec.revoked.contains(&format!("k{key}"))
    }

    /// A person replaces a key that was lost.
    fn revoke(&mut self) {
        let key = format!("k{}", self.key);
        self.use_key(self.key + 1);
        self.spec.revoked.insert(key);
    }

    fn any_certificate(&mut self) -> Option<String> {
        let known = self.store.iter().filter_map(|one| one.certified.as_ref());
        let known: Vec<_> = known.map(|own| own.fingerprint.clone()).collect();
        let place = self.dice.roll(known.len().max(1) as u64) as usize;
        known.get(place).cloned()
    }

    /// Lets up to this much time pass, in small parts, with requests and reconciles in between.
    fn pass(&mut self, most: Duration) {
        let part = most / 100 * (1 + self.dice.roll(100) as u32) / 4;
        for _ in 0..4 {
            self.now += part;
            if self.dice.once_in(3) {
                self.reconcile(true);
            }
            let is_ca = self.dice.once_in(8);
            let lost = self.grant(is_ca);
            self.lost(lost);
        }
    }

    /// Counts what is not trusted: by those who follow the bundle, and by those who have only what
    /// came with their leaf.
    fn lost(&mut self, by_a_leaf: Option<String>) {
        self.forget_expired();
        let published = self.published();
        let mut granted = self.granted.iter();
        let untrusted = granted.find(|one| !published.contains(&one.ca));
        let untrusted = untrusted.map(|one| format!("{} is not in {published:?}", one.ca));
        if let Some(lost) = untrusted.or(by_a_leaf) {
            assert!(self.is_careless, "at {}: {lost}", self.now);
            self.losses += 1;
        }
    }

    /// Once nothing stands in the way, what the spec asks for is what signs.
    fn settle(&mut self) {
        self.spec.suspend = false;
        self.spec.rollback_to = None;
        (self.object_is_writable, self.parent_answers) = (true, true);
        for _ in 0..50 {
            self.now += self.max_leaf;
            self.renew_existing_in_time();
            self.reconcile(false);
            let lost = self.grant(false);
            self.lost(lost);
        }
        let plan = self.plan(None);
        assert!(plan.signing.is_ok(), "{plan:?}");
        assert!(
            !plan.bundle.is_empty() && plan.bundle.len() <= MAX_ROOTS,
            "{plan:?}"
        );
        let key = format!("k{}", self.key);
        let signing = self.store.iter().find(|one| Ok(one.number) == plan.signing);
        assert_eq!(signing.unwrap().key, key);
        assert!(self.store.len() <= 12, "{:?}", self.store.len());
    }

    /// Renews what exists in time, as cert-manager does.
    fn renew_existing_in_time(&mut self) {
        let end = self.existing.as_ref().map(|own| own.not_after);
        if end.is_some_and(|end| self.now + self.lifetime / 2 >= end) {
            self.renew_existing();
        }
    }
}

#[test]
fn every_certificate_is_trusted_for_as_long_as_it_lives() {
    let mut activations = 0;
    for seed in 0..HISTORIES {
        let mut world = World::new(seed);
        world.reconcile(false);
        for _ in 0..EVENTS {
            world.happens();
            world.lost(None);
        }
        world.settle();
        activations += world.activations;
    }
    assert!(
        activations > 10 * HISTORIES as u32,
        "{activations} activations are too few"
    );
}

/// The histories can fail: an operator that activates before it publishes loses trust in many.
#[test]
fn an_operator_that_activates_before_it_publishes_loses_trust() {
    let histories = 100;
    let mut lost = 0;
    for seed in 0..histories {
        let mut world = World::new(seed);
        world.is_careless = true;
        world.reconcile(false);
        (0..EVENTS).for_each(|_| world.happens());
        lost += u32::from(world.losses > 0);
    }
    assert!(
        lost > histories as u32 / 3,
        "only {lost} histories of {histories}"
    );
}
