//! How a run of a mesh ended, and whether that is what it was to show.

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::{MeshScenario, MeshSizes};
use crate::History;
use crate::generations::Rotation;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct MeshOutcome {
    /// What it was to show.
    pub scenario: MeshScenario,
    /// What happened.
    pub history: History,
    /// The rotations that were waited for, in their order.
    pub phases: Vec<Phase>,
}

/// One rotation, from its cause until every workload has a leaf of the next CA.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What was replaced.
    pub rotation: Rotation,
    /// When it was caused.
    pub begin: Timestamp,
    /// When there were enough handshakes after it.
    pub end: Timestamp,
    /// The handshakes meanwhile.
    pub handshakes: u64,
    /// Those of them that failed.
    pub failed: usize,
}

impl MeshOutcome {
    /// Checks that the run showed what it was to show.
    ///
    /// # Errors
    /// It did not: a handshake failed, or none did in the control, or something did not happen
    /// often enough.
    pub fn check(&self, sizes: &MeshSizes) -> Result<()> {
        let tally = &self.history.tally;
        let failed = tally.failures.len();
        let pairs = tally.pairs.len();
        ensure!(
            pairs == 4,
            "only {pairs} pairs of Envoy and Go have connected"
        );
        if self.scenario == MeshScenario::Control {
            ensure!(
                failed > 0,
                "no handshake of the control has failed, so the soak proves nothing"
            );
            return Ok(());
        }
        let first = tally.first_failure.as_deref().unwrap_or_default();
        ensure!(
            failed == 0,
            "{failed} handshakes have failed; the first:\n{first}"
        );
        for rotation in Rotation::ALL {
            let mut phases = self.phases.iter();
            let phase = phases.find(|phase| phase.rotation == rotation);
            let made = phase.map_or(0, |phase| phase.handshakes);
            ensure!(
                made >= sizes.handshakes,
                "{rotation:?}: there were {made} handshakes only"
            );
        }
        let kills = self.history.record.kills.len();
        ensure!(
            kills >= sizes.kills,
            "the operator was killed {kills} times only"
        );
        let late = tally.late;
        ensure!(
            late <= sizes.max_late,
            "{late} handshakes were left out because a leaf was not renewed in time"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Stack;
    use crate::timeline::Record;
    use crate::{Count, Tally};

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    /// One that has all that the long form wants.
    fn complete(scenario: MeshScenario) -> MeshOutcome {
        let (mut record, mut tally) = (Record::default(), Tally::default());
        record.kills = vec![AT; 3];
        for client in Stack::OF_A_MESH {
            for server in Stack::OF_A_MESH {
                let count = Count { all: 1, failed: 0 };
                tally.pairs.insert((client, server), count);
            }
        }
        let phase = |rotation| Phase {
            rotation,
            begin: AT,
            end: AT,
            handshakes: 10_000,
            failed: 0,
        };
        MeshOutcome {
            scenario,
            history: History {
                begin: AT,
                end: AT,
                record,
                tally,
            },
            phases: Rotation::ALL.map(phase).into(),
        }
    }

    /// Makes an outcome incomplete.
    type Change = fn(&mut MeshOutcome);

    #[test]
    fn what_is_missing_fails_the_soak() {
        let sizes = MeshSizes::long();
        complete(MeshScenario::Rotations).check(&sizes).unwrap();
        let changes: [(&str, Change); 6] = [
            ("have failed", |it| it.history.tally.failures.push(AT)),
            ("not renewed in time", |it| it.history.tally.late = 1),
            ("killed 2 times", |it| it.history.record.kills.truncate(2)),
            ("Root: there were 0", |it| {
                it.phases.pop();
            }),
            ("Renewal: there were 9999", |it| {
                it.phases[0].handshakes = 9999;
            }),
            ("only 3 pairs", |it| {
                it.history.tally.pairs.remove(&(Stack::Go, Stack::Envoy));
            }),
        ];
        for (message, change) in changes {
            let mut outcome = complete(MeshScenario::Rotations);
            change(&mut outcome);
            let error = outcome.check(&sizes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_control_that_loses_nothing_fails() {
        let mut outcome = complete(MeshScenario::Control);
        outcome.check(&MeshSizes::long()).unwrap_err();
        outcome.history.tally.failures.push(AT);
        outcome.check(&MeshSizes::long()).unwrap();
    }
}
