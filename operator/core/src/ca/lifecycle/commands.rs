//! The commands in `spec.rotation` that name a certificate.

use super::{Situation, View};
use crate::ca::Generation;

/// A command that names nothing to which it could apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// `activate` names no certificate of a next or active generation.
    Activate(String),
    /// `rollbackTo` names no certificate of a generation that is valid and not revoked.
    RollbackTo(String),
}

/// Returns the commands that apply to nothing.
pub(super) fn ignored(view: &View<'_>, situation: &Situation<'_>) -> Vec<Ignored> {
    let spec = situation.spec;
    let current = [view.active(), view.next()];
    let names = |one: &Generation, named: &String| {
        let own = one.certified.as_ref();
        own.is_some_and(|own| own.fingerprint == *named)
    };
    let activate = spec.activate.as_ref().filter(|named| {
        let mut current = current.iter().flatten();
        !current.any(|one| names(one, named))
    });
    let rollback = spec.rollback_to.as_ref();
    let rollback = rollback.filter(|_| view.rolled_back().or(view.rollback_target()).is_none());
    let activate = activate.cloned().map(Ignored::Activate);
    activate
        .into_iter()
        .chain(rollback.cloned().map(Ignored::RollbackTo))
        .collect()
}

impl<'a> View<'a> {
    /// Returns the generation whose key and certificate the spec goes back to.
    pub fn rollback_target(&self) -> Option<&'a Generation> {
        let situation = self.situation();
        let named = situation.spec.rollback_to.as_ref()?;
        let newest_first = situation.generations.iter().rev();
        let mut usable = newest_first.filter(|one| !self.is_revoked(one));
        usable.find(|one| {
            let own = one.certified.as_ref();
            own.is_some_and(|own| own.fingerprint == *named && situation.now < own.not_after)
        })
    }

    /// Returns the active generation if it is what the spec goes back to, or a renewal of it.
    pub fn rolled_back(&self) -> Option<&'a Generation> {
        let named = self.situation().spec.rollback_to.as_ref()?;
        self.active()
            .filter(|active| active.purpose.rollback_to.as_ref() == Some(named))
    }
}
