//! pathLenConstraint over a path (PKI-7, RFC 5280 4.2.1.9).

use super::{Three, read};
use crate::ca::{CaChain, ChainError};
use crate::fixtures::ca::Ca;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{granted, plain, request};

/// The chain whose issuing CA, intermediate and root have these limits.
fn chain(limits: [Option<u8>; 3]) -> Result<CaChain, ChainError> {
    let Three {
        root,
        middle,
        issuing,
    } = Three::new();
    let mut parts =
        [issuing, middle, root]
            .into_iter()
            .zip(limits)
            .map(|(parts, limit)| match limit {
                Some(limit) => parts.path_length(limit),
                None => parts,
            });
    let (issuing, middle, root) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    read(&[&issuing, &middle, &root], &[])
}

#[test]
fn pki_7_applies_the_shortest_limit_of_the_path() {
    let table = [
        ([None, None, None], None),
        ([Some(0), None, None], Some(0)),
        ([Some(3), None, None], Some(3)),
        ([None, Some(1), None], Some(0)),
        ([None, Some(4), None], Some(3)),
        ([None, None, Some(2)], Some(0)),
        ([None, None, Some(5)], Some(3)),
        ([Some(2), Some(2), Some(2)], Some(0)),
        ([Some(1), Some(9), Some(9)], Some(1)),
        ([Some(9), Some(3), Some(9)], Some(2)),
        ([Some(127), Some(127), Some(127)], Some(125)),
    ];
    for (limits, expected) in table {
        assert_eq!(chain(limits).unwrap().path_length(), expected, "{limits:?}");
    }
}

#[test]
fn rfc_5280_rejects_a_chain_longer_than_it_allows() {
    for (limits, name) in [
        ([None, Some(0), None], "CN=middle"),
        ([None, None, Some(0)], "CN=root"),
        ([None, None, Some(1)], "CN=root"),
        ([Some(0), Some(0), Some(0)], "CN=middle"),
    ] {
        let Err(ChainError::Unfit { subject, message }) = chain(limits) else {
            panic!("{limits:?}")
        };
        assert_eq!(subject, name, "{limits:?}");
        assert!(message.contains("longer path length"), "{message}");
    }
    // What is accepted at the limit verifies.
    let chain = chain([Some(0), Some(1), Some(2)]).unwrap();
    let ca = Ca {
        key: Three::new().issuing.key,
        chain,
    };
    ca.issue(&granted(request(&CsrParts::default()), &plain()));
}
