use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request::{Approval, RawRequest, Reference};
use signet_keys::{ErrorClass, KeyError, KeyType};

use super::{Outcome, asked, outcome_now, ready};
use crate::fixtures::{ca, key};
use crate::keyring::IssuerLookup;

/// What a denial costs: no signature, no retry.
async fn denial(asked: RawRequest) -> Denial {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    let unused = KeyError::new(ErrorClass::Unreachable, "unexpected call");
    let remote = key::Remote::of(&*signer, Err(unused));
    let outcome = outcome_now(asked, &ready(remote.clone(), chain)).await;
    assert_eq!(remote.asked(), 0);
    assert!(!outcome.wants_retry());
    match outcome {
        Outcome::Denied(denial) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_can_never_succeed_is_denied_before_the_key_is_asked() {
    let with = |change: fn(&mut RawRequest)| {
        let mut asked = asked();
        change(&mut asked);
        asked
    };
    for (asked, reason) in [
        (with(|it| it.approval = Approval::Denied), Reason::Denied),
        (with(|it| it.csr = Vec::new()), Reason::InvalidCsr),
        (with(|it| it.csr[100] = b'*'), Reason::InvalidCsr),
        (
            with(|it| it.duration = Err("soon is no duration".to_owned())),
            Reason::InvalidDuration,
        ),
        (
            with(|it| it.usages = vec!["everything".to_owned()]),
            Reason::InvalidUsages,
        ),
        (with(|it| it.ca = true), Reason::CaNotAllowed),
        (
            with(|it| {
                it.reference = Reference::Denied {
                    namespace: "shop".to_owned(),
                    name: "ca".to_owned(),
                }
            }),
            Reason::DeniedReference,
        ),
    ] {
        let denial = denial(asked).await;
        assert_eq!(denial.reason, reason, "{denial:?}");
        assert!(!denial.message.is_empty());
    }
}

/// Rule A1-4: the denial is looked at first, and a CSR that cannot be read changes nothing.
#[tokio::test]
async fn a1_4_denied_comes_before_malformed() {
    let mut asked = asked();
    asked.approval = Approval::Denied;
    asked.csr = b"no CSR".to_vec();
    asked.duration = Err("soon is no duration".to_owned());
    assert_eq!(denial(asked).await.reason, Reason::Denied);
}

/// A longer one can never be signed, and names can be left out.
#[tokio::test]
async fn a_certificate_that_is_too_long_for_the_key_is_denied_and_not_asked_for() {
    let signer = key::signer(KeyType::Ed25519);
    let chain = ca::valid(&*signer, "Root");
    let remote = key::Remote::taking(100, &*signer);
    let outcome = outcome_now(asked(), &ready(remote.clone(), chain)).await;
    assert_eq!(remote.asked(), 0);
    assert_eq!(outcome.labels(), ("denied", Reason::CertificateTooLong));
    let Outcome::Denied(denial) = outcome else {
        panic!("{outcome:?}")
    };
    let advice = "the CA's key signs at most 100; request fewer names";
    assert!(denial.message.contains(advice), "{denial:?}");
}

/// A malformed request fails whether its issuer is there or not.
#[tokio::test]
async fn what_is_malformed_is_denied_without_an_issuer() {
    let mut asked = asked();
    asked.csr = b"no CSR".to_vec();
    let outcome = outcome_now(asked, &IssuerLookup::Missing).await;
    assert_eq!(outcome.labels(), ("denied", Reason::InvalidCsr));
}
