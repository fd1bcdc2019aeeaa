//! How a run ended, and whether that is what it was to show.

use anyhow::{Result, ensure};

use crate::generations::{Rotation, rotations};
use crate::{History, Scenario, Sizes};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it was to show.
    pub scenario: Scenario,
    /// What happened.
    pub history: History,
}

impl Outcome {
    /// Returns how many rotations of a kind there were.
    pub fn rotations(&self, kind: Rotation) -> usize {
        rotations(&self.history.record.generations)[&kind]
    }

    /// Checks that the run showed what it was to show.
    ///
    /// # Errors
    /// It did not: a handshake failed, or none did in the control, or something did not happen
    /// often enough.
    pub fn check(&self, sizes: &Sizes) -> Result<()> {
        let tally = &self.history.tally;
        let failed = tally.failures.len();
        if self.scenario == Scenario::Control {
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
        let total = tally.total();
        ensure!(
            total >= sizes.handshakes,
            "there were {total} handshakes only"
        );
        for kind in Rotation::ALL {
            let count = self.rotations(kind);
            ensure!(count >= sizes.rotations, "{kind:?}: {count} rotations only");
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
        let pairs = tally.pairs.len();
        ensure!(pairs == 9, "only {pairs} pairs of libraries have connected");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::bed::Kills;
    use crate::consumers::Trust;
    use crate::generations::{Event, Generation};
    use crate::peers::Stack;
    use crate::timeline::Record;
    use crate::{Count, Pace, Tally};

    const SIZES: Sizes = Sizes {
        pace: Pace {
            leaf: Duration::ZERO,
            lag: Duration::ZERO,
            rate: 1,
        },
        ca: Duration::ZERO,
        handshakes: 9,
        rotations: 1,
        kill: Kills::Many,
        kills: 1,
        max_late: 0,
    };

    fn generation(key: &str, root: &str) -> Generation {
        Generation {
            key: key.to_owned(),
            certificate: None,
            root: Some(root.to_owned()),
            events: [(Event::Activated, Timestamp::UNIX_EPOCH)].into(),
        }
    }

    /// One that has all that [`SIZES`] wants.
    fn complete(scenario: Scenario) -> Outcome {
        let (mut record, mut tally) = (Record::default(), Tally::default());
        let generations = [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")];
        let numbered = (1..).zip(generations.map(|(key, root)| generation(key, root)));
        record.generations = numbered.collect();
        record.kills.push(Timestamp::UNIX_EPOCH);
        for client in Stack::ALL {
            for server in Stack::ALL {
                let count = Count { all: 1, failed: 0 };
                tally.pairs.insert((client, server), count);
            }
        }
        let history = History {
            begin: Timestamp::UNIX_EPOCH,
            end: Timestamp::now(),
            record,
            tally,
        };
        Outcome { scenario, history }
    }

    #[test]
    fn a_rotation_is_of_the_kind_of_the_highest_link_that_changed() {
        let outcome = complete(Scenario::Overlap);
        for kind in Rotation::ALL {
            assert_eq!(outcome.rotations(kind), 1, "{kind:?}");
        }
        outcome.check(&SIZES).unwrap();
    }

    /// Makes an outcome incomplete.
    type Change = fn(&mut Outcome);

    #[test]
    fn what_is_missing_fails_the_soak() {
        let changes: [(&str, Change); 6] = [
            ("failed", |it| {
                it.history.tally.failures.push(Timestamp::UNIX_EPOCH);
            }),
            ("not renewed in time", |it| it.history.tally.late = 1),
            ("killed 0 times", |it| it.history.record.kills.clear()),
            ("Root: 0", |it| {
                drop(it.history.record.generations.remove(&4));
            }),
            ("Renewal: 0", |it| {
                drop(it.history.record.generations.remove(&1));
            }),
            ("8 handshakes", |it| {
                it.history.tally.pairs.remove(&(Stack::Go, Stack::Go));
            }),
        ];
        for (message, change) in changes {
            let mut outcome = complete(Scenario::Overlap);
            change(&mut outcome);
            let error = outcome.check(&SIZES).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_control_that_loses_nothing_fails() {
        let mut outcome = complete(Scenario::Control);
        outcome.check(&SIZES).unwrap_err();
        outcome.history.tally.failures.push(Timestamp::UNIX_EPOCH);
        outcome.check(&SIZES).unwrap();
    }

    #[test]
    fn the_plot_has_each_generation_root_kill_and_failure() {
        let mut outcome = complete(Scenario::Overlap);
        let roots = ["1".to_owned(), "2".to_owned()];
        outcome.history.record.bundles = vec![(Timestamp::UNIX_EPOCH, roots.to_vec())];
        outcome.history.tally.failures.push(Timestamp::UNIX_EPOCH);
        let svg = crate::plot::svg(&outcome.history);
        for (what, count) in [
            (">generation ", 4),
            (">root 1<", 1),
            (">root 2<", 1),
            ("<line ", 1),
            ("<circle ", 1),
        ] {
            assert_eq!(svg.matches(what).count(), count, "{what}: {svg}");
        }
        let trust = (Trust::Live, Trust::Leaf);
        let tally = &mut outcome.history.tally;
        tally.trusts.insert(trust, Count { all: 7, failed: 3 });
        let report = crate::report::markdown(&[outcome], &SIZES);
        let row = "| follows the ConfigMap | ca.crt of its last leaf | 7 | 3 |";
        assert!(report.contains(row), "{report}");
    }
}
