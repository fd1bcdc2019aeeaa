use std::time::Duration;

use futures::FutureExt;
use signet_core::issue::SelfSigned;
use signet_core::policy::Wait;
use signet_core::reason::Reason;
use signet_core::request::{Approval, RawRequest};
use signet_keys::{ErrorClass, KeyError, KeyType, Signer};

use super::{Outcome, asked, outcome, outcome_now, ready};
use crate::fixtures::{DAY, HOUR, NOW, at, ca, key};
use crate::keyring::IssuerLookup;
use crate::requests::reconcile::still_waits;

fn wait(outcome: &Outcome) -> &Wait {
    match outcome {
        Outcome::Waiting(wait) => wait,
        other => panic!("{other:?}"),
    }
}

/// What comes of a request when a key says this to each.
async fn told(class: ErrorClass) -> (Outcome, u32) {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    let error = KeyError::new(class, "the KMS says no");
    let remote = key::Remote::of(&*signer, Err(error));
    let outcome = outcome_now(asked(), &ready(remote.clone(), chain)).await;
    (outcome, remote.asked())
}

/// Failed would cost a Certificate 1 to 32 hours (A6-47).
#[tokio::test(start_paused = true)]
async fn whatever_a_key_backend_says_no_request_fails_by_it() {
    for class in [
        ErrorClass::Throttled(None),
        ErrorClass::Throttled(Some(Duration::from_secs(7))),
        ErrorClass::InvalidResponse,
    ] {
        let (outcome, asked) = told(class).await;
        assert_eq!(wait(&outcome).reason, Reason::SigningUnavailable);
        assert_eq!(wait(&outcome).message, "the KMS says no");
        assert!(outcome.wants_retry(), "no event tells when it is over");
        assert!(asked > 1, "{class:?}");
    }
}

/// A key that is away makes its issuer not ready. The request that finds it out says so at once,
/// and not first one reason and then the other.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_away_makes_the_issuer_not_ready() {
    for class in [
        ErrorClass::Unreachable,
        ErrorClass::Throttled(Some(Duration::from_secs(60))),
        ErrorClass::CredentialsRefused,
        ErrorClass::KeyUnusable,
        ErrorClass::KeyNotFound,
    ] {
        let (outcome, asked) = told(class).await;
        let sentence = "ClusterIssuer corp is not ready: the KMS says no; Signet tries again by \
                        itself";
        assert_eq!(wait(&outcome).reason, Reason::IssuerNotReady, "{class:?}");
        assert_eq!(wait(&outcome).message, sentence);
        assert!(!outcome.wants_retry(), "it is woken when the key is back");
        // What does not pass by itself is not asked for again at once.
        assert_eq!(asked > 1, class == ErrorClass::Unreachable, "{class:?}");
    }
}

#[tokio::test]
async fn a_wrong_signature_is_thrown_away() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::valid(&*signer, "Root");
    for answer in [Vec::new(), vec![0; 64], b"an error page".to_vec()] {
        let remote = key::Remote::of(&*signer, Ok(answer));
        let outcome = outcome_now(asked(), &ready(remote, chain.clone())).await;
        let wait = wait(&outcome);
        assert_eq!(wait.reason, Reason::SignatureMismatch);
        assert_eq!(
            wait.message,
            "the signature does not verify under the CA's public key"
        );
        assert!(outcome.wants_retry());
    }
}

/// A signature that verifies, but not this key's, or not over these bytes.
#[tokio::test]
async fn a_signature_of_another_key_or_over_something_else_is_thrown_away() {
    let signer = key::signer(KeyType::Ed25519);
    let chain = ca::valid(&*signer, "Root");
    for signer_of_another_key in [signer.clone(), key::signer(KeyType::Ed25519)] {
        let signature = signature_over_another(&*signer_of_another_key);
        let remote = key::Remote::of(&*signer, Ok(signature));
        let outcome = outcome_now(asked(), &ready(remote, chain.clone())).await;
        assert_eq!(wait(&outcome).reason, Reason::SignatureMismatch);
    }
}

fn signature_over_another(signer: &dyn Signer) -> Vec<u8> {
    let other = SelfSigned {
        uid: "other".to_owned(),
        subject: "CN=Other".parse().unwrap(),
        duration: Duration::from_secs(3600),
        path_length: None,
        trust_domain: None,
    };
    let other = other
        .to_be_signed(signer.public_key(), signer.algorithm(), NOW)
        .unwrap();
    let signature = signer.sign(&other).now_or_never().unwrap().unwrap();
    signature.as_bytes().to_vec()
}

/// PKI-6. The issuer's own check may be up to a resync behind the clock.
#[tokio::test]
async fn a_ca_that_is_past_its_end_or_has_not_begun_signs_nothing() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::root(&*signer, "Root", at(-DAY), 2 * DAY);
    let remote = key::Remote::of(&*signer, Ok(Vec::new()));
    let found = ready(remote.clone(), chain.clone());
    for (now, said) in [
        (chain.not_after(), "expired"),
        (
            chain.not_before() - jiff::SignedDuration::from_secs(1),
            "not valid before",
        ),
    ] {
        let outcome = outcome(asked(), &found, now).await.unwrap();
        let wait = wait(&outcome);
        assert_eq!(wait.reason, Reason::CaExpired);
        assert!(wait.message.contains(said), "{}", wait.message);
        assert!(outcome.wants_retry());
    }
    assert_eq!(remote.asked(), 0);
}

/// PKI-6. The renewal of the CA wakes the request, so nothing is retried by the clock.
#[tokio::test]
async fn pki_6_nothing_is_signed_in_the_last_hour_of_a_ca() {
    let signer = key::signer(KeyType::EcdsaP256);
    let chain = ca::root(&*signer, "Root", at(-DAY), DAY + HOUR);
    let remote = key::Remote::of(&*signer, Ok(Vec::new()));
    let found = ready(remote.clone(), chain);
    let mut asked = asked();
    asked.duration = Ok(Some(Duration::from_secs(86_400)));
    let outcome = outcome(asked, &found, at(1)).await.unwrap();
    assert_eq!(outcome.labels(), ("waiting", Reason::CaExpiresTooSoon));
    assert!(wait(&outcome).message.contains("in less than 1h"));
    assert!(!outcome.wants_retry());
    assert_eq!(remote.asked(), 0);
}

/// Rule A2-19: the issuer's own change wakes the request, so nothing is retried by the clock.
#[tokio::test]
async fn a2_19_an_issuer_that_is_missing_or_not_ready_is_waited_for() {
    let not_ready = IssuerLookup::NotReady("the Secret ca does not exist".to_owned());
    for (found, reason, message) in [
        (
            IssuerLookup::Missing,
            Reason::IssuerNotFound,
            "ClusterIssuer corp does not exist; the request will be processed once it does.",
        ),
        (
            not_ready,
            Reason::IssuerNotReady,
            "ClusterIssuer corp is not ready: the Secret ca does not exist",
        ),
    ] {
        let outcome = outcome_now(asked(), &found).await;
        assert_eq!(
            (wait(&outcome).reason, wait(&outcome).message.as_str()),
            (reason, message)
        );
        assert!(!outcome.wants_retry());
        assert_eq!(outcome.labels(), ("waiting", reason));
    }
}

/// CM-5: an issuer that was just made or changed is about to be looked at; nothing is written.
#[tokio::test]
async fn nothing_is_said_about_an_issuer_that_is_about_to_be_looked_at() {
    let outcome = outcome(asked(), &IssuerLookup::NotObserved, NOW).await;
    assert_eq!(outcome, None);
}

/// A user who changes an issuer without a key in a loop wakes all of its requests each time.
#[tokio::test]
async fn an_issuer_that_changes_in_a_loop_does_not_have_its_requests_read_each_time() {
    let not_ready = IssuerLookup::NotReady("no key".to_owned());
    for (lookup, reported) in [
        (&not_ready, Reason::IssuerNotReady),
        (&IssuerLookup::Missing, Reason::IssuerNotFound),
    ] {
        assert!(still_waits(&asked(), lookup, Some(reported)));
        for other in [None, Some(Reason::SigningUnavailable)] {
            assert!(!still_waits(&asked(), lookup, other), "{lookup:?}");
        }
        let denied = RawRequest {
            approval: Approval::Denied,
            ..asked()
        };
        assert!(!still_waits(&denied, lookup, Some(reported)), "{lookup:?}");
    }
    let malformed = RawRequest {
        csr: b"-----BEGIN".to_vec(),
        ..asked()
    };
    let unread = outcome(malformed.clone(), &IssuerLookup::NotObserved, NOW).await;
    assert_eq!(unread, None);
    let denied = outcome_now(malformed, &not_ready).await;
    assert!(matches!(denied, Outcome::Denied(_)), "{denied:?}");
}
