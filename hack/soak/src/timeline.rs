//! What happened when, for conditions and for the report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::generations::Generation;

/// What has happened so far.
#[derive(Debug)]
pub struct Timeline {
    begin: Timestamp,
    record: Mutex<Record>,
}

/// The events of a run.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The generations by number, also those that were deleted.
    pub generations: BTreeMap<u32, Generation>,
    /// The fingerprints of the roots in the published ConfigMap, from each time on.
    pub bundles: Vec<(Timestamp, Vec<String>)>,
    /// When the operator was killed.
    pub kills: Vec<Timestamp>,
}

impl Record {
    /// Returns how many roots have been in the bundle and are not any more.
    pub fn roots_left(&self) -> usize {
        let now: &[String] = self.bundles.last().map_or(&[], |(_, roots)| roots);
        let all = self.bundles.iter().flat_map(|(_, roots)| roots);
        let gone: std::collections::BTreeSet<_> = all.filter(|root| !now.contains(root)).collect();
        gone.len()
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            begin: Timestamp::now(),
            record: Mutex::default(),
        }
    }
}

impl Timeline {
    /// Returns when it began.
    pub fn begin(&self) -> Timestamp {
        self.begin
    }

    /// Returns what has happened so far.
    pub fn record(&self) -> Record {
        self.record.lock().clone()
    }

    /// Returns one of the generations.
    pub fn generation(&self, number: u32) -> Option<Generation> {
        self.record.lock().generations.get(&number).cloned()
    }

    pub(crate) fn set_generation(&self, number: u32, generation: Generation) {
        self.record.lock().generations.insert(number, generation);
    }

    pub(crate) fn set_bundle(&self, roots: Vec<String>) {
        self.record.lock().bundles.push((Timestamp::now(), roots));
    }

    pub(crate) fn add_kill(&self) {
        self.record.lock().kills.push(Timestamp::now());
    }
}
