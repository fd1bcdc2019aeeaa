//! Whether a key signs: to be there and to be looked at is not enough.

use signet_core::issue::SelfTest;

use super::error::GuardError;
use crate::Signer;
use crate::error::KeyError;

/// Has a key sign a [`SelfTest`], and checks the signature.
///
/// A login may lack the permission to sign and have that to look, and a token may have a key that
/// it does not let sign. Only a signature tells.
///
/// # Errors
/// The key does not sign.
pub async fn self_test(signer: &dyn Signer) -> Result<(), KeyError> {
    let test = SelfTest::new(signer.public_key(), signer.algorithm());
    let signature = signer.sign(&test).await?;
    test.verify(&signature)
        .map_err(|_| GuardError::SelfTestFailed.into())
}
