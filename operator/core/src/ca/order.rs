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
    let (mut path, mut own) = split_path(own).ok_or(ChainError::Empty)?;
    let mut checks = SignatureBudget(MAX_CHECKS);
    loop {
        let next = match checks.issuer_of(&path, &mut own)? {
            None => checks.issuer_of(&path, &mut others)?,
            found => found,
        };
        match next {
            Some(next) => path.push(next),
            None => break,
        }
    }
    // The CA's file may repeat a certificate, and may carry further roots.
    let mut strays = own
        .iter()
        .filter(|one| !path.contains(one) && !one.is_self_signed());
    if let Some(stray) = strays.next() {
        return Err(ChainError::Unrelated(stray.subject().to_owned()));
    }
    check_path_lengths(&path)?;
    own.append(&mut others);
    let roots = roots(&path, own);
    Ok(CaChain { path, roots })
}

/// Returns the start of the path, and the rest of the CA's file.
///
/// A file that is a path from end to end is kept as it is, even if another path is possible, so
/// that a path that was stored is found again. Otherwise the path starts with the first
/// certificate.
fn split_path(own: Vec<CaCertificate>) -> Option<(Vec<CaCertificate>, Vec<CaCertificate>)> {
    if own.is_empty() {
        return None;
    }
    let mut path = own;
    if is_path(&path) {
        return Some((path, Vec::new()));
    }
    let rest = path.split_off(1);
    Some((path, rest))
}

/// Returns whether each certificate is issued by the next, and none is there twice.
fn is_path(certificates: &[CaCertificate]) -> bool {
    certificates.windows(2).enumerate().all(|(place, pair)| {
        !pair[0].is_self_signed()
            && !certificates[..=place].contains(&pair[1])
            && pair[0].is_issued_by(&pair[1])
    })
}

/// How many signatures may still be checked.
struct SignatureBudget(usize);

impl SignatureBudget {
    /// Takes the issuer of the path's end out of `from`, unless the end is self-signed.
    ///
    /// Several certificates over one key, as a renewal leaves them: the one that ends last.
    fn issuer_of(
        &mut self,
        path: &[CaCertificate],
        from: &mut Vec<CaCertificate>,
    ) -> Result<Option<CaCertificate>, ChainError> {
        let Some(end) = path.last().filter(|end| !end.is_self_signed()) else {
            return Ok(None);
        };
        let mut candidates: Vec<_> = from
            .iter()
            .enumerate()
            .filter(|(_, candidate)| {
                end.issuer_name_matches(candidate) && !path.contains(candidate)
            })
            .collect();
        candidates.sort_by_key(|(_, candidate)| Reverse(candidate.not_after()));
        for (place, candidate) in candidates {
            self.0 = self.0.checked_sub(1).ok_or(ChainError::TooManyCandidates)?;
            if end.is_issued_by(candidate) {
                return Ok(Some(from.remove(place)));
            }
        }
        Ok(None)
    }
}

/// RFC 5280 4.2.1.9: no leaf verifies under a path that is longer than one of its CAs allows.
fn check_path_lengths(path: &[CaCertificate]) -> Result<(), ChainError> {
    for (below, certificate) in path.iter().enumerate() {
        if certificate
            .path_length()
            .is_some_and(|limit| below > usize::from(limit))
        {
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

/// Returns the path's own anchor first, then every other self-signed certificate that was given.
fn roots(path: &[CaCertificate], others: Vec<CaCertificate>) -> Vec<CaCertificate> {
    let mut roots: Vec<_> = path.last().cloned().into_iter().collect();
    for other in others {
        if other.is_self_signed() && !roots.contains(&other) {
            roots.push(other);
        }
    }
    roots
}
