//! From certificates in any order to a path, without building one that is not there.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{CaCertificate, CaChain, ChainError};

/// The maximum number of signatures that are checked to find a path. Among certificates of one
/// name it would otherwise be the square of their number.
const MAX_CHECKS: usize = 64;

/// Orders `own` (the CA's file) and `others` (its `ca.crt`) into a chain.
///
/// The first certificate of `own` is the issuing CA. Each further one of `own` is part of the
/// path or a root; of `others`, self-signed certificates are roots and the rest may be used.
pub(super) fn build(
    own: Vec<CaCertificate>,
    others: Vec<CaCertificate>,
    now: Timestamp,
) -> Result<CaChain, ChainError> {
    if own.is_empty() {
        return Err(ChainError::Empty);
    }
    let mut search = Search {
        own: &own,
        others: &others,
        checks_left: MAX_CHECKS,
        now,
    };
    // A file that is a path from end to end is kept as it is, even if another path is possible,
    // so that a path that was stored is found again.
    let kept = if is_path(&own) { own.len() } else { 1 };
    let mut path = search.extend(own[..kept].iter().collect())?;
    check_signatures(&path, &own, &others)?;
    // The CA's file may repeat a certificate, and may carry further roots.
    let is_stray = |one: &&CaCertificate| !path.contains(one) && !one.is_self_signed();
    if let Some(stray) = own.iter().find(is_stray) {
        return Err(ChainError::Unrelated(stray.subject().to_owned()));
    }
    let more_roots = own.iter().chain(&others).filter(|one| one.is_self_signed());
    check_root_is_reached(&path, more_roots.clone())?;
    choose_root(&mut path, more_roots.clone(), now);
    check_path_lengths(&path)?;
    // The path's own anchor first.
    let roots = unique(path.last().copied().into_iter().chain(more_roots));
    let path = path.into_iter().cloned().collect();
    Ok(CaChain { path, roots })
}

/// Moves the issuing CA to the front of its file where the order says which one it is: the only
/// one that no other certificate of the file names as its issuer. People write the root first.
pub(super) fn repair(own: &mut Vec<CaCertificate>) {
    let names_issuer = |ca: &CaCertificate| {
        let mut below = own.iter().filter(|one| !one.is_self_signed());
        below.any(|one| one != ca && one.issuer_name_matches(ca))
    };
    let first = own.first().is_some_and(names_issuer);
    let mut lowest = own
        .iter()
        .filter(|ca| !ca.is_self_signed() && !names_issuer(ca));
    let Some(issuing) = lowest.next().filter(|_| first).cloned() else {
        return;
    };
    if lowest.all(|other| *other == issuing) {
        own.retain(|one| *one != issuing);
        own.insert(0, issuing);
    }
}

/// Returns whether each certificate is issued by the next, and none is there twice.
fn is_path(certificates: &[CaCertificate]) -> bool {
    certificates.windows(2).enumerate().all(|(place, pair)| {
        !pair[0].is_self_signed()
            && !certificates[..=place].contains(&pair[1])
            && pair[0].is_issued_by(&pair[1])
    })
}

struct Search<'a> {
    own: &'a [CaCertificate],
    others: &'a [CaCertificate],
    checks_left: usize,
    now: Timestamp,
}

impl<'a> Search<'a> {
    /// Returns the path up to a root, or the first one that goes on for as long as it can.
    fn extend(
        &mut self,
        path: Vec<&'a CaCertificate>,
    ) -> Result<Vec<&'a CaCertificate>, ChainError> {
        let Some(end) = path.last().copied().filter(|end| !end.is_self_signed()) else {
            return Ok(path);
        };
        let mut dead_end = None;
        for candidate in self.candidates(end, &path) {
            let left = self.checks_left.checked_sub(1);
            self.checks_left = left.ok_or(ChainError::TooManyCandidates)?;
            if !end.is_issued_by(candidate) {
                continue;
            }
            let longer = self.extend([&path[..], &[candidate]].concat())?;
            if longer.last().is_some_and(|top| top.is_self_signed()) {
                return Ok(longer);
            }
            dead_end.get_or_insert(longer);
        }
        Ok(dead_end.unwrap_or(path))
    }

    /// Returns the certificates of the issuer's name, those of the CA's own file first. Of several
    /// over one key, as a renewal leaves them, one that is valid now is first, and of those the one
    /// that ends last.
    fn candidates(
        &self,
        end: &CaCertificate,
        path: &[&'a CaCertificate],
    ) -> Vec<&'a CaCertificate> {
        let lists = [self.own, self.others].into_iter();
        lists
            .flat_map(|list| {
                let named = list.iter().filter(|one| end.issuer_name_matches(one));
                let mut named: Vec<_> = named.filter(|one| !path.contains(one)).collect();
                named.dedup();
                named.sort_by_key(|one| preference(one, self.now));
                named
            })
            .collect()
    }
}

fn preference(ca: &CaCertificate, now: Timestamp) -> impl Ord + use<> {
    Reverse((ca.is_valid_at(now), ca.not_after()))
}

/// Refuses a path that ends below its issuer because Signet does not check the signature between.
fn check_signatures(
    path: &[&CaCertificate],
    own: &[CaCertificate],
    others: &[CaCertificate],
) -> Result<(), ChainError> {
    let Some(top) = path.last().filter(|top| !top.is_self_signed()) else {
        return Ok(());
    };
    let mut all = own.iter().chain(others);
    match top.unchecked_algorithm() {
        Some(algorithm) if all.any(|one| one != *top && top.issuer_name_matches(one)) => {
            Err(ChainError::Signature {
                subject: top.subject().to_owned(),
                algorithm: algorithm.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// Refuses roots of which none is above the path: without them, the highest certificate of the
/// path is the anchor, and that must not happen by accident.
fn check_root_is_reached<'a>(
    path: &[&CaCertificate],
    mut roots: impl Iterator<Item = &'a CaCertificate>,
) -> Result<(), ChainError> {
    match (path.last(), roots.next()) {
        (Some(top), Some(_)) if !top.is_self_signed() => {
            Err(ChainError::NoPathToRoot(top.subject().to_owned()))
        }
        _ => Ok(()),
    }
}

/// Ends the path at the best of the certificates that its root has, as a renewal leaves several.
/// The issuing CA itself stays the one that the file begins with.
fn choose_root<'a>(
    path: &mut [&'a CaCertificate],
    roots: impl Iterator<Item = &'a CaCertificate>,
    now: Timestamp,
) {
    let [_, .., root] = path else { return };
    if root.is_self_signed() {
        let found = *root;
        let same = roots.filter(|one| one.is_same_ca(found));
        // The one that was found stays if another is no better.
        let best = std::iter::once(found).chain(same);
        *root = best.min_by_key(|one| preference(one, now)).unwrap_or(found);
    }
}

/// RFC 5280 4.2.1.9: no leaf verifies under a path that is longer than one of its CAs allows.
fn check_path_lengths(path: &[&CaCertificate]) -> Result<(), ChainError> {
    for (below, certificate) in path.iter().enumerate() {
        let limit = certificate.path_length().map_or(usize::MAX, usize::from);
        if below > limit {
            let message = format!(
                "allows fewer CAs below it than the {below} that this chain has; \
                 reissue it with a longer path length"
            );
            return Err(ChainError::Unfit {
                subject: certificate.subject().to_owned(),
                message,
            });
        }
    }
    Ok(())
}

/// Returns each certificate once.
pub(super) fn unique<'a>(
    certificates: impl Iterator<Item = &'a CaCertificate>,
) -> Vec<CaCertificate> {
    let mut unique = Vec::new();
    for certificate in certificates {
        if !unique.contains(certificate) {
            unique.push(certificate.clone());
        }
    }
    unique
}
