//! In which order the contents of a mesh's Secret change, so that the mesh loads each of them.
//! Pure.
//!
//! [`plan`] is the one call: from what the Secret has, the roots that the mesh has loaded and what
//! is wanted, to at most one [`Write`], which has exactly one [`Change`]. istiod is the strictest
//! mesh: it loads changed roots only if one file is a contiguous piece of the other, and refuses
//! everything that comes with roots that it does not load. So a root is added at the end, the CA is
//! swapped with the roots unchanged byte for byte, and old roots are removed from the ends. Between
//! two writes the propagation passes: the kubelet would otherwise deliver both as one.

mod comparison;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use jiff::Timestamp;

pub use state::{Hold, Wait};
pub use write::{Change, Write};

use super::secret::{Contents, Existing, Mesh, RootsFile, SigningCa};
use crate::ca::CaCertificate;

/// After roots that the mesh did not load, this many propagations pass before its roots are changed
/// again.
const RETRY: u32 = 6;

/// What is known of a mesh.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// What its objects have; none if they have no CA.
    pub existing: Option<&'a Existing>,
    /// The roots that the mesh shows it has loaded; none if it shows none or has not started. Then
    /// it has loaded what was written once the propagation has passed.
    pub loaded: Option<&'a RootsFile>,
    /// When Signet last wrote; none if it never did.
    pub written: Option<Timestamp>,
    /// When Signet last put back roots because the mesh had not loaded others.
    pub put_back: Option<Timestamp>,
    /// How long the kubelet and the mesh need to load what was written.
    pub propagation: Duration,
    /// The longest lifetime of a certificate that the mesh issues.
    pub longest_leaf: Duration,
    /// The time.
    pub now: Timestamp,
}

/// What is known of a mesh, and what is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What is known.
    pub seen: Seen<'a>,
    /// The CA that is to sign.
    pub ca: &'a SigningCa,
    /// The roots that are to be trusted, the CA's among them.
    pub roots: &'a [CaCertificate],
}

/// What to do about a mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write, and record when.
    Write(Box<Write>),
    /// Do nothing until a time, or until the mesh shows other roots.
    Wait(Wait),
    /// Do nothing until a person acts.
    Hold(Hold),
    /// Nothing: the mesh has what is wanted.
    Done {
        /// The subjects of roots that are not wanted and cannot be removed yet, because they are
        /// between others.
        lingering: Vec<String>,
    },
}

impl Step {
    fn write(write: Write) -> Self {
        Self::Write(Box::new(write))
    }
}

/// Decides on the next write.
pub fn plan(situation: &Situation<'_>) -> Step {
    let Some(existing) = situation.seen.existing else {
        return first(situation);
    };
    let current = &existing.contents;
    if !existing.is_complete {
        return Step::write(Write::complete(current));
    }
    if let Some(until) = situation.seen.propagates_until() {
        let is_loaded = situation.seen.shows(&current.roots);
        return Step::Wait(match is_loaded {
            true => Wait::Propagation(until),
            false => Wait::Loading(until),
        });
    }
    match situation.seen.shows(&current.roots) {
        true => change(situation, current),
        false => not_loaded(situation, current),
    }
}

impl Seen<'_> {
    /// Returns whether the mesh has loaded a root, so that certificates below it are trusted.
    pub fn has_loaded(&self, root: &CaCertificate) -> bool {
        let written = self.existing.filter(|existing| existing.is_complete);
        let is_written = written.is_some_and(|it| it.contents.roots.contains(root));
        is_written
            && match self.loaded {
                Some(loaded) => loaded.contains(root),
                None => self.propagates_until().is_none(),
            }
    }

    /// Returns until when the last write is under way; none if the time has passed.
    fn propagates_until(&self) -> Option<Timestamp> {
        let until = after(self.written?, self.propagation);
        Some(until).filter(|until| self.now < *until)
    }

    /// Returns until when certificates may be valid that were issued before the last write; none if the
    /// time has passed. It may have been late, so the end of the earlier CA by the spec does not count.
    fn leaves_until(&self) -> Option<Timestamp> {
        let until = after(self.written?, self.propagation + self.longest_leaf);
        Some(until).filter(|until| self.now < *until)
    }

    /// Returns until when roots are not changed, because the mesh did not load changed ones; none
    /// if the time has passed.
    fn held_until(&self) -> Option<Timestamp> {
        let until = after(self.put_back?, self.propagation.saturating_mul(RETRY));
        Some(until).filter(|until| self.now < *until)
    }

    /// Returns whether the mesh has loaded these roots, as far as it shows.
    fn shows(&self, roots: &RootsFile) -> bool {
        let loaded = self.loaded;
        loaded.is_none_or(|loaded| loaded.has_same_roots(roots))
    }
}

/// A mesh that runs already must trust the root of its first CA from Signet: its workloads would
/// refuse what is below another.
fn first(situation: &Situation<'_>) -> Step {
    let ca = situation.ca;
    let roots = match situation.seen.loaded {
        Some(loaded) => Some(loaded.clone()),
        None => RootsFile::of(situation.roots),
    };
    let write = roots.and_then(|roots| Write::first(ca, roots));
    match (write, situation.seen.loaded) {
        (Some(write), _) => Step::write(write),
        (None, Some(loaded)) => Step::Hold(Hold::other_ca(loaded)),
        (None, None) => Step::Hold(Hold::no_root(ca)),
    }
}

/// The time has passed, and the mesh shows other roots than were written: they are put back, so
/// that it does not refuse the next CA certificate together with them.
fn not_loaded(situation: &Situation<'_>, current: &Contents) -> Step {
    let Some(loaded) = situation.seen.loaded else {
        return change(situation, current);
    };
    let write = Write::put_back(current, loaded);
    // The mesh does not read this Secret yet. Its roots stay, so that swapping the CA is harmless.
    match write.or_else(|| Write::swap(current, situation.ca)) {
        Some(write) => Step::write(write),
        None => Step::Hold(Hold::not_read(loaded, situation.seen.mesh)),
    }
}

/// The mesh has loaded what the Secret has: the first of the changes that are wanted.
fn change(situation: &Situation<'_>, current: &Contents) -> Step {
    let (ca, held) = (situation.ca, situation.seen.held_until());
    let append = Write::append(current, situation.roots);
    let swap = Write::swap(current, ca);
    let remove = Write::remove(current, situation.roots, situation.seen.mesh.root_changes());
    match (append, swap, remove, held) {
        (Some(write), _, _, None) | (_, Some(write), _, _) => Step::write(write),
        (Some(_), _, _, Some(until)) => Step::Hold(Hold::not_loaded(situation, until)),
        _ if current.ca != *ca => Step::Hold(Hold::no_root(ca)),
        (_, _, Some(write), None) => match situation.seen.leaves_until() {
            Some(until) => Step::Wait(Wait::Leaves(until)),
            None => Step::write(write),
        },
        (_, _, Some(_), Some(until)) => Step::Hold(Hold::not_loaded(situation, until)),
        _ => Step::Done {
            lingering: lingering(situation, current),
        },
    }
}

fn lingering(situation: &Situation<'_>, current: &Contents) -> Vec<String> {
    let roots = current.roots.certificates();
    roots
        .filter(|root| !situation.roots.contains(root))
        .map(|root| root.subject().to_owned())
        .collect()
}

/// Returns the time after a duration, or the last one there is.
fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
