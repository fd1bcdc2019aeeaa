//! The self-test: shows that a key signs, which reading it does not.

use signet_core::issue::ToBeSigned;

use super::error::GuardError;
use crate::Signer;
use crate::error::KeyError;

/// Has a key sign its self-test, and checks the signature.
///
/// A login may have the permission to read a key and not to sign, and a token may have a key that
/// it does not let sign. Only a signature shows it.
///
/// # Errors
/// The key does not sign.
pub async fn self_test(signer: &dyn Signer) -> Result<(), KeyError> {
    let test = ToBeSigned::self_test(signer.public_key(), signer.algorithm());
    let signature = signer.sign(&test).await?;
    test.verify(&signature)
        .map_err(|_| GuardError::SelfTestFailed.into())
}
