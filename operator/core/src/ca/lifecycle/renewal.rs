//! When a CA certificate is renewed.

use std::time::Duration;

use jiff::Timestamp;

use super::view::{add, before};
use super::{Situation, View};
use crate::ca::{Certified, Generation};

/// The shortest wait after a renewal that was of no use.
const MIN_RETRY: Duration = Duration::from_secs(10);

/// Returns when a generation is to be renewed; none if its source is never asked.
///
/// By default that is the larger of a third of its lifetime and the recorded lifetime of leaves
/// before its end, so that leaves are not cut short, but at most half of its lifetime. The default
/// is spread by up to a tenth, so that the CAs of one installation are not renewed at once.
pub(super) fn due(active: &Generation, situation: &Situation<'_>) -> Option<Timestamp> {
    let spec = situation.spec;
    let certified = active
        .certified
        .as_ref()
        .filter(|_| !spec.follows_existing)?;
    let lifetime = lifetime(certified);
    let margin = match spec.renew_before {
        // More would renew it over and over.
        Some(margin) => margin.min(lifetime * 9 / 10),
        None => {
            let leaf = active.lifetimes.leaf.unwrap_or_default();
            let margin = (lifetime / 3).max(leaf).min(lifetime / 2);
            margin + margin / 10_000 * spec.jitter.min(1000)
        }
    };
    Some(before(certified.not_after, margin))
}

/// Returns when a renewal may be tried again after others were of no use; none if none was.
pub(super) fn retry_at(view: &View<'_>, situation: &Situation<'_>) -> Option<Timestamp> {
    let active = view.active()?;
    let abandoned = situation.generations.iter().filter(|one| {
        let is_later = one.number > active.number && one.activated.is_none();
        is_later && one.key == active.key && one.purpose == active.purpose
    });
    let abandoned: Vec<_> = abandoned.filter_map(|one| one.superseded).collect();
    let last = abandoned.iter().max()?;
    let certified = active.certified.as_ref()?;
    let window = lifetime(certified) / 3;
    let doublings = u32::try_from(abandoned.len() - 1)
        .unwrap_or(u32::MAX)
        .min(16);
    let wait = (window / 64).saturating_mul(1 << doublings).min(window / 4);
    Some(add(*last, wait.max(MIN_RETRY)))
}

fn lifetime(certified: &Certified) -> Duration {
    let lifetime = certified.not_after.duration_since(certified.not_before);
    Duration::try_from(lifetime).unwrap_or_default()
}
