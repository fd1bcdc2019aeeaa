//! What a CSR may be signed with.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    DSA_WITH_SHA_1, ID_RSASSA_PSS, MD_2_WITH_RSA_ENCRYPTION, MD_5_WITH_RSA_ENCRYPTION,
    SHA_1_WITH_RSA_ENCRYPTION,
};
use spki::AlgorithmIdentifierRef;

use super::CsrError;
use crate::quote;
use crate::x509::algorithm::SignatureAlgorithm;

/// ecdsa-with-SHA1 (RFC 3279 section 2.2.3).
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// Returns the algorithm. Weak hashes and RSA-PSS are refused by name.
pub(super) fn algorithm(
    identifier: &AlgorithmIdentifierRef<'_>,
) -> Result<SignatureAlgorithm, CsrError> {
    match identifier.oid {
        MD_2_WITH_RSA_ENCRYPTION => Err(CsrError::WeakHash("MD2")),
        MD_5_WITH_RSA_ENCRYPTION => Err(CsrError::WeakHash("MD5")),
        SHA_1_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA_1 | DSA_WITH_SHA_1 => {
            Err(CsrError::WeakHash("SHA-1"))
        }
        ID_RSASSA_PSS => Err(CsrError::RsaPss),
        oid => SignatureAlgorithm::from_identifier(identifier)
            .ok_or_else(|| CsrError::SignatureAlgorithm(quote::oid(&oid))),
    }
}
