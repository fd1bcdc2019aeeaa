//! Whether a key signs.

use super::key::{Answer, Bed, error};
use super::*;

#[tokio::test]
async fn a_key_that_signs_passes_and_one_that_does_not_says_why() {
    let bed = Bed::new();
    assert_eq!(self_test(&*bed.key).await, Ok(()));
    let refused = error(ErrorClass::CredentialsRefused);
    bed.key.trial_is(Answer::Fails(refused.clone()));
    assert_eq!(self_test(&*bed.key).await, Err(refused));
    bed.key.trial_is(Answer::SignsOther);
    let wrong = self_test(&*bed.key).await.unwrap_err();
    assert_eq!(wrong.class, ErrorClass::InvalidResponse);
}
