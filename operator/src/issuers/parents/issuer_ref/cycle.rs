//! Issuers of Signet that sign for each other in a circle. Pure.

use crate::issuer_name::IssuerName;

/// The most issuers above one. Verifiers refuse longer paths, and a tenant could otherwise have each of
/// a thousand issuers follow the line of all others.
pub(super) const MAX_ABOVE: usize = 16;

/// There are more issuers above than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyAbove;

/// Returns the issuers through which the parents of `start` lead back to it, `start` first; none if
/// they do not.
pub(super) fn members(
    start: &IssuerName,
    parent: impl Fn(&IssuerName) -> Option<IssuerName>,
) -> Result<Option<Vec<IssuerName>>, TooManyAbove> {
    let mut members = vec![start.clone()];
    while let Some(above) = members.last().and_then(&parent) {
        if above == *start {
            return Ok(Some(members));
        }
        if members.contains(&above) {
            // A circle that it is below of, and not part of.
            return Ok(None);
        }
        if members.len() > MAX_ABOVE {
            return Err(TooManyAbove);
        }
        members.push(above);
    }
    Ok(None)
}
