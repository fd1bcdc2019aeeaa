//! What was published, as a condition and an event. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use signet_api::conditions::{BUNDLE_PUBLISHED, find, keep_transition_time};

use super::decide::Step;
use super::object::Location;
use super::problem::Problem;
use super::reason::BundleReason;
use crate::plan::{PlannedEvent, seconds, truncate};

/// A message names at most this many copies.
const MAX_NAMED: usize = 3;

/// What became of the objects of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub(super) own: OwnReport,
    /// None if they were left for later.
    pub(super) copies: Option<CopiesReport>,
}

/// The objects in the issuer's own namespace, and its ClusterTrustBundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnReport {
    /// Those that have to be there and are up to date.
    pub(super) current: Vec<Location>,
    pub(super) problems: Vec<Problem>,
    /// Whether a bundle was written.
    pub(super) has_written: bool,
    /// Whether it has a ClusterTrustBundle, and the cluster does not serve them.
    pub(super) is_not_served: bool,
}

impl OwnReport {
    pub(super) fn failed(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }

    /// A cluster without ClusterTrustBundles.
    pub(super) fn not_served() -> Self {
        Self {
            is_not_served: true,
            ..Self::default()
        }
    }

    /// Adds what became of other objects.
    pub(super) fn add(&mut self, other: Self) {
        self.current.extend(other.current);
        for problem in other.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        self.has_written |= other.has_written;
        self.is_not_served |= other.is_not_served;
    }

    /// Notes the result of a step.
    pub(super) fn took(&mut self, at: Location, step: &Step<'_>, taken: Result<(), Problem>) {
        match taken {
            Ok(()) if step.deletes() => {}
            Ok(()) => {
                self.has_written = true;
                self.current.push(at);
            }
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// The copies in other namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CopiesReport {
    /// How many have to be there.
    pub(super) required: usize,
    /// Those that could not be written or deleted, in the order of their namespaces.
    pub(super) problems: Vec<Problem>,
    /// How many are left for the next reconcile.
    pub(super) left: usize,
}

impl CopiesReport {
    pub(super) fn failed(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }

    /// The number of copies that are not up to date.
    pub(super) fn outdated(&self) -> usize {
        self.problems.len() + self.left
    }

    fn problem(&self) -> Option<String> {
        let outdated = self.outdated();
        if outdated == 0 {
            return None;
        }
        let named = self.problems.iter().take(MAX_NAMED);
        let named: Vec<_> = named.map(|problem| problem.message.as_str()).collect();
        let more = outdated - named.len();
        let mut text = format!("copies that are not up to date: {outdated}");
        if !named.is_empty() {
            text = format!("{text} ({}", named.join("; "));
            if more > 0 {
                text = format!("{text}; and {more} more");
            }
            text.push(')');
        }
        Some(text)
    }
}

impl Report {
    /// Whether every object but the copies is up to date; none if there is none.
    pub(super) fn is_published(&self) -> Option<bool> {
        match (self.own.problems.as_slice(), self.own.current.as_slice()) {
            ([], []) => None,
            (problems, _) => Some(problems.is_empty()),
        }
    }

    /// Whether an object was written, copies aside.
    pub(crate) fn has_written(&self) -> bool {
        self.own.has_written
    }

    /// Whether an object could not be written, copies aside.
    pub(crate) fn is_held(&self) -> bool {
        !self.own.problems.is_empty()
    }

    /// Returns the number of copies that are not up to date; none if they were left for later.
    pub(super) fn outdated(&self) -> Option<usize> {
        self.copies.as_ref().map(CopiesReport::outdated)
    }

    /// Returns why an object is not up to date, copies aside.
    pub(crate) fn problem(&self) -> Option<String> {
        let messages = self.own.problems.iter().map(|one| one.message.as_str());
        let message = messages.collect::<Vec<_>>().join("; ");
        (!message.is_empty()).then_some(message)
    }

    /// Returns the condition `BundlePublished`; none if nothing has to be published.
    pub(crate) fn condition(
        &self,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Option<Condition> {
        let (status, reason, message) = self.text()?;
        let published = find(before, BUNDLE_PUBLISHED).filter(|before| before.status == "True");
        if let (true, None, Some(published)) = (status, &self.copies, published) {
            // What it reports about copies is still true.
            return Some(published.clone());
        }
        let condition = Condition {
            type_: BUNDLE_PUBLISHED.to_owned(),
            status: if status { "True" } else { "False" }.to_owned(),
            reason: reason.as_str().to_owned(),
            message: truncate(&message),
            observed_generation: generation,
            last_transition_time: seconds(now),
        };
        Some(keep_transition_time(condition, before))
    }

    /// Returns an event if the reason changed, unless the bundle was published for the first time.
    pub(crate) fn event(&self, before: &[Condition]) -> Option<PlannedEvent> {
        let (status, reason, message) = self.text()?;
        if status && self.copies.is_none() {
            return None;
        }
        let before = find(before, BUNDLE_PUBLISHED).map(|condition| condition.reason.as_str());
        let is_unchanged = before.unwrap_or(BundleReason::Published.as_str()) == reason.as_str();
        (!is_unchanged).then(|| PlannedEvent {
            warning: reason != BundleReason::Published,
            reason: reason.as_str(),
            action: "PublishBundle",
            note: message,
        })
    }

    fn text(&self) -> Option<(bool, BundleReason, String)> {
        let published = self.is_published()?;
        if let Some(first) = self.own.problems.first() {
            return Some((published, first.reason, self.problem()?));
        }
        let current: Vec<_> = self.own.current.iter().map(Location::to_string).collect();
        let mut message = format!("The bundle is in the {}", current.join(" and the "));
        if self.own.is_not_served {
            message += "; the cluster does not serve ClusterTrustBundles";
        }
        let copies = self.copies.as_ref();
        if let Some(problem) = copies.and_then(CopiesReport::problem) {
            message = format!("{message}; {problem}");
            return Some((published, BundleReason::CopiesIncomplete, message));
        }
        let required = copies.map_or(0, |copies| copies.required);
        if required > 0 {
            message = format!("{message}; copies: {required}");
        }
        Some((published, BundleReason::Published, message))
    }
}
