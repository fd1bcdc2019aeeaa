//! A world in which a CA lives: a store, a parent, keys, bundles, a clock, and an operator that may
//! be killed between any two writes.

use super::*;
use crate::ca::lifecycle::table::Event;
use crate::ca::step_for;
use crate::fixtures::dice::Dice;

/// Where the CA certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    SelfSigned,
    Parent,
    Existing,
}

/// A certificate that was granted under a generation.
pub(super) struct Granted {
    pub(super) ca: String,
    pub(super) key: String,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// The CAs in the `ca.crt` beside a leaf; none for a CA certificate.
    pub(super) trusts: Option<Vec<String>>,
}

/// What the operator has in memory.
struct Memory {
    signing: Result<u32, NotSigning>,
    bundle: Vec<Root>,
}

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) source: Source,
    pub(super) now: Timestamp,
    pub(super) store: Vec<Generation>,
    pub(super) spec: Spec,
    /// The key to which the spec's key leads.
    pub(super) key: u32,
    /// The parent's root.
    pub(super) parent: u32,
    pub(super) lifetime: Duration,
    pub(super) max_leaf: Duration,
    /// What exists, where the source is something that exists.
    pub(super) existing: Option<Certified>,
    in_status: Vec<Root>,
    /// The fingerprints of the roots in the status.
    status_roots: BTreeSet<String>,
    in_object: Vec<Root>,
    /// The CAs that were activated while the object could not be written.
    only_in_status: BTreeSet<String>,
    pub(super) object_is_writable: bool,
    pub(super) parent_answers: bool,
    memory: Option<Memory>,
    /// Whether it activates at once, without publication.
    pub(super) is_careless: bool,
    pub(super) losses: u32,
    pub(super) granted: Vec<Granted>,
    highest: u32,
    serial: u32,
    pub(super) activations: u32,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let source = [Source::SelfSigned, Source::Parent, Source::Existing][dice.roll(3) as usize];
        let max_leaf = HOUR * (1 + dice.roll(48) as u32);
        let mut world = Self {
            source,
            now: at(Duration::ZERO),
            store: Vec::new(),
            spec: Spec {
                certificate: "0".to_owned(),
                follows_existing: source == Source::Existing,
                min_duration: Duration::from_secs(600),
                default_leaf: max_leaf / 2,
                jitter: dice.roll(1000) as u32,
                history_limit: 2,
                ..Spec::default()
            },
            key: 1,
            parent: 1,
            lifetime: max_leaf * (3 + dice.roll(20) as u32),
            max_leaf,
            existing: None,
            in_status: Vec::new(),
            status_roots: BTreeSet::new(),
            only_in_status: BTreeSet::new(),
            in_object: Vec::new(),
            object_is_writable: true,
            parent_answers: true,
            memory: None,
            is_careless: false,
            losses: 0,
            granted: Vec::new(),
            highest: 0,
            serial: 0,
            activations: 0,
            dice,
        };
        world.use_key(1);
        world
    }

    /// The spec names another key; what exists is then for that one.
    pub(super) fn use_key(&mut self, key: u32) {
        self.key = key;
        self.spec.key_name = match self.source {
            // cert-manager writes another key into the same Secret.
            Source::Existing => "secret".to_owned(),
            _ => format!("name-{key}"),
        };
        self.renew_existing();
    }

    pub(super) fn renew_existing(&mut self) {
        if self.source == Source::Existing {
            self.existing = Some(self.sign(&format!("k{}", self.key)));
        }
    }

    fn sign(&mut self, key: &str) -> Certified {
        self.serial += 1;
        let fingerprint = format!("ca-{}", self.serial);
        let ca = match self.source {
            Source::SelfSigned => ("own".to_owned(), key.to_owned()),
            _ => (
                format!("parent-{}", self.parent),
                format!("p{}", self.parent),
            ),
        };
        let not_after = self.now + self.lifetime;
        let root = match self.source {
            Source::SelfSigned => (fingerprint.clone(), not_after),
            _ => (format!("root-{}", self.parent), at(DAY * 100_000)),
        };
        Certified {
            fingerprint,
            not_before: self.now,
            not_after,
            root: Root {
                fingerprint: root.0,
                ca,
                not_after: root.1,
                size: 900,
            },
        }
    }

    pub(super) fn kill(&mut self) {
        self.memory = None;
    }

    /// One reconcile. The operator may be killed after any write.
    pub(super) fn reconcile(&mut self, may_die: bool) {
        for _ in 0..12 {
            let answer = self.answer();
            let plan = self.plan(answer.as_ref());
            self.memory = Some(Memory {
                signing: plan.signing.clone(),
                bundle: plan.bundle.clone(),
            });
            if may_die && self.dice.once_in(12) {
                return self.kill();
            }
            let is_written = self.write(&plan.bundle);
            match plan.step {
                Some(step) => self.take(step, answer),
                None if is_written => {}
                None => return,
            }
            if may_die && self.dice.once_in(12) {
                return self.kill();
            }
        }
    }

    /// Publishes the bundle; returns whether anything changed.
    fn write(&mut self, bundle: &[Root]) -> bool {
        let before = (self.in_status.clone(), self.in_object.clone());
        self.in_status = bundle.to_vec();
        self.status_roots = bundle.iter().map(|root| root.fingerprint.clone()).collect();
        if self.object_is_writable {
            self.in_object = bundle.to_vec();
            self.only_in_status.clear();
        }
        before != (self.in_status.clone(), self.in_object.clone())
    }

    /// What the source has for the generation that waits for it.
    fn answer(&mut self) -> Option<Certified> {
        if self.source == Source::Existing {
            return self.existing.clone();
        }
        let key = {
            let published = BTreeSet::new();
            let (key, situation) = (self.key_state(), &self.spec);
            let situation = self.situation(situation, &key, None, &published);
            let view = View::new(&situation);
            let next = view.next().filter(|next| next.certified.is_none());
            next.map(|next| next.key.clone())
        };
        let key = key.filter(|_| self.parent_answers)?;
        Some(self.sign(&key))
    }

    fn key_state(&self) -> KeyState {
        KeyState::Found(format!("k{}", self.key))
    }

    fn situation<'a>(
        &'a self,
        spec: &'a Spec,
        key: &'a KeyState,
        offered: Option<&'a Certified>,
        published: &'a BTreeSet<String>,
    ) -> Situation<'a> {
        Situation {
            now: self.now,
            generations: &self.store,
            highest_number: self.highest,
            spec,
            key,
            active_key_gone: self.source == Source::Existing && self.active_key_is_gone(),
            offered,
            published,
            in_status: &self.status_roots,
            named_roots: &[],
        }
    }

    /// What exists has another key now, and the one before is gone.
    fn active_key_is_gone(&self) -> bool {
        let active = self
            .store
            .iter()
            .filter(|one| one.activated.is_some())
            .max_by_key(|one| one.number);
        active.is_some_and(|active| active.key != format!("k{}", self.key))
    }

    pub(super) fn plan(&self, offered: Option<&Certified>) -> Plan {
        let in_object: BTreeSet<_> = self
            .in_object
            .iter()
            .map(|root| &root.fingerprint)
            .collect();
        let both = self.in_status.iter().map(|root| root.fingerprint.clone());
        let published: BTreeSet<_> = both.filter(|root| in_object.contains(root)).collect();
        let key = self.key_state();
        let plan_of = |spec, published| plan(&self.situation(spec, &key, offered, published));
        if !self.is_careless {
            return plan_of(&self.spec, &published);
        }
        let at_once = Spec {
            activation: Activation::After(Duration::ZERO),
            ..self.spec.clone()
        };
        let prepared = self.store.iter().filter_map(|one| one.certified.as_ref());
        plan_of(
            &at_once,
            &prepared.map(|own| own.root.fingerprint.clone()).collect(),
        )
    }

    fn take(&mut self, step: Step, answer: Option<Certified>) {
        match step {
            Step::Create(new) => {
                self.highest = self.highest.max(new.number);
                let copied = new
                    .copy_of
                    .and_then(|number| self.find(number).certified.clone());
                self.store.push(Generation {
                    purpose: new.purpose,
                    prepared: self.now,
                    certified: copied,
                    ..requested(new.number, &new.key)
                });
            }
            Step::Record { number, event, at } => self.record(number, event, at, answer),
            Step::Delete(number) => self.store.retain(|one| one.number != number),
        }
    }

    fn record(&mut self, number: u32, event: Event, at: Timestamp, answer: Option<Certified>) {
        if event == Event::Activated {
            self.activations += 1;
            self.excuse(number);
        }
        if event == Event::Published {
            self.excuse_object(number);
        }
        let default_leaf = self.spec.default_leaf;
        let max = self.max_leaf;
        let one = self.find_mut(number);
        match event {
            Event::Certified => one.certified = answer,
            Event::Published => one.published = Some(at),
            Event::Activated => {
                one.activated = Some(at);
                one.lifetimes.leaf = Some(step_for(default_leaf, Some(max), DAY * 1000));
            }
            Event::Superseded | Event::Abandoned => one.superseded = Some(at),
            Event::Ended | Event::Revoked => unreachable!("never recorded"),
        }
    }

    /// An activation that need not wait may leave out the leaves that came without its root.
    fn excuse(&mut self, number: u32) {
        let next = self.find(number).certified.clone().unwrap();
        let is_commanded = self.spec.activate.as_ref() == Some(&next.fingerprint);
        let waits = self.spec.activation == Activation::Automatic;
        if waits && !is_commanded && !self.is_urgent() {
            return;
        }
        let ca = ca_of(&next.root);
        for leaf in &mut self.granted {
            leaf.trusts.take_if(|trusts| !trusts.contains(&ca));
        }
    }

    /// A publication that need not wait may leave out those who follow the object.
    fn excuse_object(&mut self, number: u32) {
        let next = self.find(number).certified.clone().unwrap();
        let mut others = self.store.iter().filter_map(|one| {
            let own = one.certified.as_ref().filter(|_| one.activated.is_some())?;
            Some(own.root.fingerprint == next.root.fingerprint)
        });
        let signs = others.any(|it| it);
        let is_in_status = self.status_roots.contains(&next.root.fingerprint);
        if is_in_status
            && !self.object_is_writable
            && (signs || self.activations == 0 || self.is_urgent())
        {
            self.only_in_status.insert(ca_of(&next.root));
        }
    }

    fn is_urgent(&self) -> bool {
        let key = self.key_state();
        let published = BTreeSet::new();
        let situation = self.situation(&self.spec, &key, None, &published);
        let view = View::new(&situation);
        let active = view.active().and_then(|active| active.certified.as_ref());
        let is_ending = active.is_none_or(|own| self.now >= own.not_after - self.spec.min_duration);
        is_ending || situation.active_key_gone
    }

    fn find(&self, number: u32) -> &Generation {
        self.store.iter().find(|one| one.number == number).unwrap()
    }

    fn find_mut(&mut self, number: u32) -> &mut Generation {
        self.store
            .iter_mut()
            .find(|one| one.number == number)
            .unwrap()
    }

    /// Grants a certificate, as a request does: from memory, after raising the record. Returns which
    /// two certificates do not trust each other, by what came with them.
    pub(super) fn grant(&mut self, is_ca: bool) -> Option<String> {
        let new = self.granted_from_memory(is_ca)?;
        self.forget_expired();
        let trusts = |leaf: &Granted, ca| leaf.trusts.as_ref().is_none_or(|own| own.contains(ca));
        let mut others = self.granted.iter();
        let lost = others.find(|other| !trusts(other, &new.ca) || !trusts(&new, &other.ca));
        let lost = lost.map(|other| format!("{} and {} of {}", new.ca, other.ca, other.from));
        self.granted.push(new);
        lost
    }

    fn granted_from_memory(&mut self, is_ca: bool) -> Option<Granted> {
        let memory = self.memory.as_ref()?;
        let number = memory.signing.clone().ok()?;
        let trusts = memory.bundle.iter().map(ca_of).collect();
        let (now, max) = (self.now, self.max_leaf);
        let longest = if is_ca { self.lifetime / 2 } else { max };
        let lifetime = longest * (1 + self.dice.roll(100) as u32) / 100;
        let own = self.store.iter_mut().find(|one| one.number == number)?;
        let certified = own.certified.clone()?;
        if now >= certified.not_after - self.spec.min_duration {
            return None;
        }
        let step = step_for(lifetime, (!is_ca).then_some(max), self.lifetime);
        let record = match is_ca {
            true => &mut own.lifetimes.ca,
            false => &mut own.lifetimes.leaf,
        };
        *record = (*record).max(Some(step));
        Some(Granted {
            ca: ca_of(&certified.root),
            key: own.key.clone(),
            from: now,
            until: certified.not_after.min(now + lifetime),
            trusts: (!is_ca).then_some(trusts),
        })
    }

    /// The CAs that are published everywhere.
    pub(super) fn published(&self) -> Vec<String> {
        let in_object: Vec<_> = self.in_object.iter().map(ca_of).collect();
        let in_status = self.in_status.iter().map(ca_of);
        let is_published = |ca: &String| in_object.contains(ca) || self.only_in_status.contains(ca);
        in_status.filter(is_published).collect()
    }

    /// Drops the certificates that have expired, and those under a key that is revoked.
    pub(super) fn forget_expired(&mut self) {
        let (now, revoked) = (self.now, &self.spec.revoked);
        self.granted
            .retain(|one| now < one.until && !revoked.contains(&one.key));
    }
}

fn ca_of(root: &Root) -> String {
    format!("{}/{}", root.ca.0, root.ca.1)
}
