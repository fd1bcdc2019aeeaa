//! What happened in a run.

use jiff::Timestamp;

use crate::fleet::Fleet;
use crate::handshakes::Tally;
use crate::timeline::Record;

/// What happened in a run.
#[derive(Clone, Debug)]
pub struct History {
    /// When it began.
    pub begin: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What happened to the CA.
    pub record: Record,
    /// What became of the handshakes.
    pub tally: Tally,
}

impl History {
    /// Returns what has happened until now.
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let (record, tally) = fleet.so_far();
        Self {
            begin: fleet.timeline().begin(),
            end: Timestamp::now(),
            record,
            tally,
        }
    }

    /// Returns how many minutes it took.
    pub(crate) fn minutes(&self) -> f64 {
        self.end.duration_since(self.begin).as_secs_f64() / 60.0
    }
}
