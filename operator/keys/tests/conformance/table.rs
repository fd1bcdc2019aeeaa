//! What was proven, as a table at the end of the run.

use std::fmt;

use parking_lot::Mutex;
use signet_core::x509::algorithm::KeyAlgorithm;

use crate::backends::{ALGORITHMS, BACKENDS};
use crate::checks::{CHECKS, without_trial};
use crate::rig::{Fault, Moment};

/// What became of a trial.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    /// It was proven; with a reason why less was than elsewhere.
    Proven(Option<&'static str>),
    /// It does not apply, for this reason.
    Empty(&'static str),
    /// It was begun and did not come to its end.
    Failed,
}

/// Backend, place in [`CHECKS`], algorithm.
type CheckCell = (&'static str, usize, KeyAlgorithm);
type FaultCell = (&'static str, Fault, Moment, KeyAlgorithm);

/// Everything that was tried.
#[derive(Default)]
pub(crate) struct Table(Mutex<Cells>);

#[derive(Default)]
struct Cells {
    checks: Vec<(CheckCell, Cell)>,
    faults: Vec<(FaultCell, Cell)>,
}

impl Table {
    /// Notes what became of a check.
    pub(crate) fn check(&self, of: CheckCell, cell: Cell) {
        let mut cells = self.0.lock();
        cells.checks.push((of, cell));
    }

    /// Notes what became of a fault.
    pub(crate) fn fault(&self, of: FaultCell, cell: Cell) {
        let mut cells = self.0.lock();
        cells.faults.push((of, cell));
    }
}

/// The reasons, each with the number by which cells name it.
#[derive(Default)]
struct Notes(Vec<&'static str>);

impl Notes {
    fn number(&mut self, reason: &'static str) -> usize {
        let known = self.0.iter().position(|known| *known == reason);
        known.unwrap_or_else(|| {
            self.0.push(reason);
            self.0.len() - 1
        }) + 1
    }

    fn mark(&mut self, cell: Option<Cell>) -> String {
        match cell {
            Some(Cell::Proven(None)) => "✓".to_owned(),
            Some(Cell::Proven(Some(reason))) => format!("✓[{}]", self.number(reason)),
            Some(Cell::Empty(reason)) => format!("[{}]", self.number(reason)),
            Some(Cell::Failed) => "✗".to_owned(),
            None => "·".to_owned(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.0.lock();
        let mut notes = Notes::default();
        for backend in BACKENDS {
            cells.write_checks(f, &mut notes, backend.name)?;
            cells.write_faults(f, &mut notes, backend.name)?;
        }
        if !notes.0.is_empty() {
            writeln!(f)?;
        }
        for (number, reason) in (1..).zip(&notes.0) {
            writeln!(f, "{:>4} {reason}", format!("[{number}]"))?;
        }
        Ok(())
    }
}

impl Cells {
    /// The last word about a check.
    fn of_check(&self, of: CheckCell) -> Option<Cell> {
        let last = self.checks.iter().rev().find(|(known, _)| *known == of);
        last.map(|(_, cell)| *cell)
            .or_else(|| without_trial(of.1, of.2))
    }

    /// A backend's keys: checks by algorithms.
    fn write_checks(
        &self,
        f: &mut fmt::Formatter<'_>,
        notes: &mut Notes,
        backend: &'static str,
    ) -> fmt::Result {
        if !self.checks.iter().any(|((of, ..), _)| *of == backend) {
            return Ok(());
        }
        write!(f, "\n{:<51}", format!("Keys in {backend}"))?;
        for algorithm in ALGORITHMS {
            write!(f, "{:<10}", algorithm.to_string())?;
        }
        writeln!(f)?;
        for (row, check) in CHECKS.iter().enumerate() {
            write!(f, "{:<51}", check.proves)?;
            for algorithm in ALGORITHMS {
                let cell = self.of_check((backend, row, algorithm));
                write!(f, "{:<10}", notes.mark(cell))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// The last word about a fault.
    fn of_fault(&self, of: FaultCell) -> Option<Cell> {
        let last = self.faults.iter().rev().find(|(known, _)| *known == of);
        last.map(|(_, cell)| *cell)
    }

    /// What a backend makes of faults, before its key is connected to and after: by algorithms.
    fn write_faults(
        &self,
        f: &mut fmt::Formatter<'_>,
        notes: &mut Notes,
        backend: &'static str,
    ) -> fmt::Result {
        if !self.faults.iter().any(|((of, ..), _)| *of == backend) {
            return Ok(());
        }
        write!(f, "\n{:<51}", "Faults, before connecting | after")?;
        for algorithm in ALGORITHMS {
            write!(f, "{:<10}", algorithm.to_string())?;
        }
        writeln!(f)?;
        for fault in Fault::ALL {
            write!(f, "{:<51}", fault.to_string())?;
            for algorithm in ALGORITHMS {
                let [before, after] = Moment::ALL
                    .map(|moment| self.of_fault((backend, fault, moment, algorithm)))
                    .map(|cell| notes.mark(cell));
                write!(f, "{:<10}", format!("{before}|{after}"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
