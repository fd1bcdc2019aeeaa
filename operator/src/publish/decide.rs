//! From what is demanded and what exists to steps. Pure.

use std::collections::BTreeMap;

use super::demand::OwnDemand;
use super::object::{Content, Found, Location, ObjectKind};
use super::observe::{Own, Selected};
use crate::writer::ObjectVersion;

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Create(&'a Content),
    /// The object in this state gets the content.
    Apply(&'a Content, ObjectVersion),
    /// The object in this state is deleted.
    Delete(ObjectVersion),
}

impl Step<'_> {
    pub(super) fn deletes(&self) -> bool {
        matches!(self, Self::Delete(_))
    }
}

/// What is done about objects, and what cannot be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision<'a> {
    /// Those that write before those that delete.
    pub(super) steps: Vec<(Location, Step<'a>)>,
    /// Objects that have to be there and are up to date.
    pub(super) current: Vec<Location>,
    /// Objects with the name of the bundle that others created.
    pub(super) foreign: Vec<Location>,
    /// How many objects have to be there.
    pub(super) required: usize,
}

impl<'a> Decision<'a> {
    /// Decides about one object. Without `content`, no object may be there.
    pub(super) fn add(
        &mut self,
        at: Location,
        found: Option<&Found>,
        content: Option<&'a Content>,
    ) {
        self.required += usize::from(content.is_some());
        match (content, found) {
            (Some(content), None) => self.steps.push((at, Step::Create(content))),
            (Some(_), Some(found)) if !found.is_ours => self.foreign.push(at),
            (Some(content), Some(found)) if !found.has(content) => {
                self.steps
                    .push((at, Step::Apply(content, found.version.clone())));
            }
            (Some(_), Some(_)) => self.current.push(at),
            (None, Some(found)) if found.is_ours => {
                self.steps.push((at, Step::Delete(found.version.clone())));
            }
            (None, _) => {}
        }
    }

    fn sorted(mut self) -> Self {
        self.steps.sort_by_key(|(_, step)| step.deletes());
        self
    }

    /// Returns at most `max` steps, and the number of those that are left. It starts at another
    /// step each `turn`, so that steps that fail every time do not keep others from being taken.
    pub(super) fn round(mut self, max: usize, turn: usize) -> (Vec<(Location, Step<'a>)>, usize) {
        let left = self.steps.len().saturating_sub(max);
        if left > 0 {
            let start = turn % self.steps.len();
            self.steps.rotate_left(start);
            self.steps.truncate(max);
        }
        (self.steps, left)
    }
}

/// Decides about the objects in the issuer's own namespace. Without `content`, nothing is trusted,
/// and no object may be there.
pub(super) fn own<'a>(
    demand: OwnDemand,
    own: &Own,
    content: Option<&'a Content>,
    locate: impl Fn(ObjectKind) -> Location,
) -> Decision<'a> {
    let mut decision = Decision::default();
    for kind in ObjectKind::ALL {
        let is_required = demand.requires(kind, own.is_ours(kind));
        let content = content.filter(|_| is_required);
        decision.add(locate(kind), own.get(kind), content);
    }
    decision.sorted()
}

/// Decides about the copies. `selected` are the namespaces that have to have one, and `found` is
/// what exists under the name of the bundle in any namespace but the issuer's own.
pub(super) fn copies<'a>(
    selected: &[Selected],
    found: &[Found],
    content: Option<&'a Content>,
    locate: impl Fn(&str) -> Location,
) -> Decision<'a> {
    let mut namespaces: BTreeMap<&str, (Option<&Found>, Option<&'a Content>)> = BTreeMap::new();
    for one in found {
        namespaces.entry(&one.namespace).or_default().0 = Some(one);
    }
    for namespace in selected {
        namespaces.entry(&namespace.name).or_default().1 = content;
    }
    // Nothing can be created in a namespace that is being deleted, and what is in it goes anyway.
    for namespace in selected.iter().filter(|one| one.is_terminating) {
        namespaces.remove(&*namespace.name);
    }
    let mut decision = Decision::default();
    for (namespace, (found, content)) in namespaces {
        decision.add(locate(namespace), found, content);
    }
    decision.sorted()
}
