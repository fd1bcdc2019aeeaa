//! A CSR that was submitted to a parent, and what became of it. Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::reason::NotReady;

/// A CSR of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsrOf {
    /// The issuer's UID.
    pub(super) uid: String,
    /// The SHA-256 of the CSR.
    pub(super) csr: String,
}

/// The last submission of a CSR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submission {
    of: CsrOf,
    /// How often it was submitted since the operator started.
    pub(super) count: u32,
    pub(super) at: Timestamp,
    pub(super) result: Result<Submitted, NotReady>,
}

/// What a parent does with a CSR that it received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Submitted {
    /// It answers when it is polled.
    Pending,
    /// It signed at once.
    Signed(Signed),
}

/// The certificates that a parent returned, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) path: Vec<u8>,
    pub(super) roots: Option<Vec<u8>>,
}

impl Submission {
    /// Counts on from an earlier submission of the same CSR.
    pub(super) fn new(
        of: CsrOf,
        before: Option<&Arc<Self>>,
        at: Timestamp,
        result: Result<Submitted, NotReady>,
    ) -> Self {
        let before = before.filter(|before| before.is_of(&of));
        Self {
            count: before.map_or(0, |before| before.count).saturating_add(1),
            of,
            at,
            result,
        }
    }

    /// Whether this CSR was submitted.
    pub(super) fn is_of(&self, of: &CsrOf) -> bool {
        self.of == *of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, at};
    use crate::issuers::reason::IssuerReason;

    fn csr(uid: &str, csr: &str) -> CsrOf {
        CsrOf {
            uid: uid.to_owned(),
            csr: csr.to_owned(),
        }
    }

    #[test]
    fn an_answer_is_only_for_the_csr_that_was_submitted() {
        let signed = Ok(Submitted::Signed(Signed {
            path: b"path".to_vec(),
            roots: None,
        }));
        let last = Submission::new(csr("uid-1", "a"), None, NOW, signed);
        assert!(last.is_of(&csr("uid-1", "a")));
        assert!(!last.is_of(&csr("uid-1", "b")), "another CSR");
        assert!(!last.is_of(&csr("uid-2", "a")), "recreated");
    }

    #[test]
    fn counts_the_submissions_of_one_csr() {
        let mut last = None;
        for seconds in [0, 5, 9] {
            let failed = Err(IssuerReason::Progressing.waits("no"));
            let next = Submission::new(csr("uid-1", "a"), last.as_ref(), at(seconds), failed);
            last = Some(Arc::new(next));
        }
        let third = last.as_deref().unwrap();
        assert_eq!((third.count, third.at), (3, at(9)));
        let pending = Ok(Submitted::Pending);
        let other = Submission::new(csr("uid-1", "b"), last.as_ref(), NOW, pending);
        assert_eq!(other.count, 1);
    }
}
