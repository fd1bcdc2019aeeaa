//! From certificates in any order to a path, without building one that is not there.

use std::cmp::Reverse;

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
    mut others: Vec<CaCertificate>,
) -> Result<CaChain, ChainError> {
    if own.is_empty() {
        return Err(ChainError::Empty);
    }
    let mut path = own;
    // A file that is a path from end to end is kept as it is, even if another path is possible,
    // so that a path that was stored is found again.
    let rest_of_file = if is_path(&path) { path.len() } else { 1 };
    let mut own = path.split_off(rest_of_file);
    let mut checks_left = MAX_CHECKS;
    while let Some(next) = take_issuer(&path, [&mut own, &mut others], &mut checks_left)? {
        path.push(next);
    }
    // The CA's file may repeat a certificate, and may carry further roots.
    let is_stray = |one: &&CaCertificate| !path.contains(one) && !one.is_self_signed();
    if let Some(stray) = own.iter().find(is_stray) {
        return Err(ChainError::Unrelated(stray.subject().to_owned()));
    }
    check_path_lengths(&path)?;
    let more_roots = own.iter().chain(&others).filter(|one| one.is_self_signed());
    // The path's own anchor first.
    let roots = unique(path.last().into_iter().chain(more_roots));
    Ok(CaChain { path, roots })
}

/// Returns whether each certificate is issued by the next, and none is there twice.
fn is_path(certificates: &[CaCertificate]) -> bool {
    certificates.windows(2).enumerate().all(|(place, pair)| {
        !pair[0].is_self_signed()
            && !certificates[..=place].contains(&pair[1])
            && pair[0].is_issued_by(&pair[1])
    })
}

/// Takes the issuer of the path's end out of the first list that has it, unless the end is
/// self-signed. Of several certificates over one key, as a renewal leaves them, it takes the one
/// that ends last.
fn take_issuer(
    path: &[CaCertificate],
    lists: [&mut Vec<CaCertificate>; 2],
    checks_left: &mut usize,
) -> Result<Option<CaCertificate>, ChainError> {
    let Some(end) = path.last().filter(|end| !end.is_self_signed()) else {
        return Ok(None);
    };
    let is_candidate = |one: &CaCertificate| end.issuer_name_matches(one) && !path.contains(one);
    for list in lists {
        let mut candidates: Vec<_> = (list.iter().enumerate())
            .filter(|(_, one)| is_candidate(one))
            .collect();
        candidates.sort_by_key(|(_, candidate)| Reverse(candidate.not_after()));
        for (place, candidate) in candidates {
            let left = checks_left.checked_sub(1);
            *checks_left = left.ok_or(ChainError::TooManyCandidates)?;
            if end.is_issued_by(candidate) {
                return Ok(Some(list.remove(place)));
            }
        }
    }
    Ok(None)
}

/// RFC 5280 4.2.1.9: no leaf verifies under a path that is longer than one of its CAs allows.
fn check_path_lengths(path: &[CaCertificate]) -> Result<(), ChainError> {
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
