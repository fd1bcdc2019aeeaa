//! What a CSR may be signed with.

use const_oid::db::rfc5912::ID_RSASSA_PSS;
use spki::AlgorithmIdentifierRef;

use super::CsrError;
use crate::quote;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::link::weak_hash;

/// Returns the algorithm. Weak hashes and RSA-PSS are refused by name.
pub(super) fn algorithm(
    identifier: &AlgorithmIdentifierRef<'_>,
) -> Result<SignatureAlgorithm, CsrError> {
    if let Some(hash) = weak_hash(identifier.oid) {
        return Err(CsrError::WeakHash(hash));
    }
    match identifier.oid {
        ID_RSASSA_PSS => Err(CsrError::RsaPss),
        oid => SignatureAlgorithm::from_identifier(identifier)
            .ok_or_else(|| CsrError::SignatureAlgorithm(quote::oid(&oid))),
    }
}
