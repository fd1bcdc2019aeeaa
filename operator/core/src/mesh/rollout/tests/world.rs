//! A mesh of two replicas of istiod, whose kubelets deliver the Secret late and skip writes.

use jiff::SignedDuration;

use super::super::comparison::{accepted_as_bytes, accepted_as_sets, is_accepted};
use super::*;
use crate::fixtures::NOW;
use crate::fixtures::dice::Dice;

/// How istiod compares roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1_29,
    V1_30,
}

/// One istiod, and the Secret as its kubelet has mounted it.
pub(super) struct Istiod {
    pub(super) loaded: Contents,
    pub(super) refusals: u32,
    next_sync: Timestamp,
}

impl Istiod {
    /// Loads the files, or refuses all of them.
    fn read(&mut self, files: &Contents, version: Version, is_multiroot: bool) {
        let (old, new) = (&self.loaded.roots, &files.roots);
        let (is_same, is_accepted) = match version {
            Version::V1_29 => (old.as_str() == new.as_str(), accepted_as_bytes(old, new)),
            Version::V1_30 => (old.has_same_roots(new), accepted_as_sets(old, new)),
        };
        if is_same {
            self.loaded.ca = files.ca.clone();
        } else if is_multiroot && is_accepted {
            self.loaded = files.clone();
        } else {
            self.refusals += 1;
        }
    }
}

pub(super) struct World {
    pub(super) dice: Dice,
    version: Version,
    is_multiroot: bool,
    /// Whether it writes what is wanted at once.
    pub(super) is_careless: bool,
    now: Timestamp,
    pub(super) secret: Existing,
    written: Option<Timestamp>,
    put_back: Option<Timestamp>,
    pub(super) replicas: [Istiod; 2],
    pub(super) ca: SigningCa,
    pub(super) roots: Vec<CaCertificate>,
    pub(super) writes: u32,
    pub(super) put_backs: u32,
}

impl World {
    pub(super) fn new(seed: u64, is_multiroot: bool) -> Self {
        let mut dice = Dice::new(seed);
        let version = [Version::V1_29, Version::V1_30][dice.roll(2) as usize];
        let secret = existing("A0", "A");
        let replica = || Istiod {
            loaded: secret.contents.clone(),
            refusals: 0,
            next_sync: NOW,
        };
        Self {
            dice,
            version,
            is_multiroot,
            is_careless: false,
            now: NOW,
            written: None,
            put_back: None,
            replicas: [replica(), replica()],
            ca: ca("A0").clone(),
            roots: roots("A"),
            secret,
            writes: 0,
            put_backs: 0,
        }
    }

    /// Wants another CA below one of the first so many roots, and any roots besides, in any order.
    pub(super) fn want(&mut self, issuers: u64) {
        let issuer = self.dice.roll(issuers) as usize;
        self.ca = ROOTS[issuer].1[self.dice.roll(3) as usize].clone();
        self.roots = vec![root(issuer).clone()];
        for number in 0..ROOTS.len() {
            if number != issuer && self.dice.once_in(3) {
                let place = self.dice.roll(self.roots.len() as u64 + 1) as usize;
                self.roots.insert(place, root(number).clone());
            }
        }
    }

    pub(super) fn pass_a_minute(&mut self) {
        self.now += SignedDuration::from_secs(MINUTE);
        for replica in &mut self.replicas {
            if replica.next_sync <= self.now {
                // In less than the propagation.
                let minutes = 1 + self.dice.roll(9) as i64;
                replica.next_sync = self.now + SignedDuration::from_secs(minutes * MINUTE);
                replica.read(&self.secret.contents, self.version, self.is_multiroot);
            }
        }
    }

    pub(super) fn plan(&self) -> Step {
        plan(&Situation {
            seen: Seen {
                mesh: &ISTIO,
                existing: Some(&self.secret),
                loaded: Some(&self.replicas[0].loaded.roots),
                written: self.written,
                put_back: self.put_back,
                propagation: PROPAGATION,
                longest_leaf: Duration::ZERO,
                now: self.now,
            },
            ca: &self.ca,
            roots: &self.roots,
        })
    }

    /// Does what the plan says, and checks every write.
    pub(super) fn reconcile(&mut self) {
        if self.is_careless {
            self.secret.contents = Contents {
                ca: self.ca.clone(),
                roots: RootsFile::of(&self.roots).unwrap(),
            };
            return;
        }
        let Step::Write(write) = self.plan() else {
            return;
        };
        let (old, new) = (&self.secret.contents, write.contents());
        let is_root_change = old.roots.as_str() != new.roots.as_str();
        let is_ca_change = old.ca != new.ca;
        assert!(is_root_change != is_ca_change, "{:?}", write.change());
        assert!(is_accepted(&old.roots, &new.roots), "{:?}", write.change());
        assert!(new.roots.covers(&new.ca), "{:?}", write.change());
        if *write.change() == Change::PutBack {
            self.put_back = Some(self.now);
            self.put_backs += 1;
        }
        self.secret.contents = new.clone();
        self.written = Some(self.now);
        self.writes += 1;
    }

    pub(super) fn refusals(&self) -> u32 {
        self.replicas.iter().map(|replica| replica.refusals).sum()
    }
}
