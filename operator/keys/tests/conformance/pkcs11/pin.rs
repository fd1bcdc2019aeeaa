//! PINs: a wrong one is tried once, and a login is the process's.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use futures::future::join_all;
use serde_json::json;
use signet_keys::{Checked, ErrorClass, KeyConfig, KeyError, Known, Reach};
use signet_testbed::keyservers::softhsm::Fault;

use super::token::{
    OTHER_PIN, PIN, SESSIONS, SO_PIN, Token, config, connected, expect, refusal, sign,
};

own!["pkcs11":
    a_wrong_pin_is_tried_once_and_by_one_issuer_alone,
    a_wrong_pin_is_not_tried_after_a_restart_until_its_secret_changes,
    a_refused_pin_is_tried_at_the_token_that_was_meant,
    a_secret_that_was_touched_is_tried_again,
    a_token_that_is_locked_or_about_to_be_is_left_alone,
    wrong_pins_that_come_at_once_leave_the_last_try,
    a_tenant_does_not_use_up_the_tries,
    a_pin_that_differs_from_the_one_of_the_login_is_not_tried,
    a_cluster_issuer_does_not_wait_for_a_tenants_old_pin,
    a_changed_pin_is_taken_when_no_issuer_holds_the_old_one,
    a_pin_that_was_changed_under_way_is_tried_once_by_all_sessions,
    the_login_of_somebody_else_is_no_word_on_a_pin,
    a_pin_that_is_not_there_is_asked_for,
];

const REFUSES: &str = "refuses the PIN in pin of the Secret";

/// A second issuer of the key, with a Secret of its own.
fn second() -> KeyConfig {
    config(json!({ "keyLabel": "key", "pinSecretRef": { "name": "second" } }))
}

/// What is written down of a refused PIN names the version of its Secret.
#[track_caller]
fn is_about(error: &KeyError, version: &str) {
    let refused = error.refused.as_deref().unwrap_or_default();
    assert!(refused.contains(&format!(" of {version} at ")), "{refused}");
}

async fn a_wrong_pin_is_tried_once_and_by_one_issuer_alone() {
    let (token, subject) = Token::with_key();
    let version = token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    for _ in 0..3 {
        let error = refusal(&subject.config, &subject.reach).await;
        expect(&error, ErrorClass::CredentialsRefused, REFUSES);
        is_about(&error, &version);
        assert_eq!(token.hsm.logins(), 1);
    }
    let version = token.memory.put("second", &[("pin", OTHER_PIN.as_bytes())]);
    for _ in 0..2 {
        let error = refusal(&second(), &subject.reach).await;
        expect(&error, ErrorClass::CredentialsRefused, REFUSES);
        is_about(&error, &version);
        assert_eq!(token.hsm.logins(), 1);
    }
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
    assert_eq!(token.hsm.logins(), 2);
}

async fn a_wrong_pin_is_not_tried_after_a_restart_until_its_secret_changes() {
    let (token, subject) = Token::with_key();
    let version = token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    // As the process before left it in the status.
    let known = Known {
        refused: Some(format!(
            "pin of {version} at the token labelled \"ca\" of hsm"
        )),
        ..Known::default()
    };
    // The module was never loaded in this process.
    let error = subject.connect_knowing(&known).await.unwrap_err();
    expect(&error, ErrorClass::CredentialsRefused, REFUSES);
    assert_eq!(error.refused, known.refused);
    assert_eq!(token.hsm.calls("C_Initialize").len(), 0);
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    subject.connect_knowing(&known).await.unwrap();
    assert_eq!(token.hsm.logins(), 1);
}

/// The PIN was that of another token than the one that the spec named.
async fn a_refused_pin_is_tried_at_the_token_that_was_meant() {
    let (token, subject) = Token::with_key();
    token.hsm.init_token("typo", SO_PIN, OTHER_PIN).unwrap();
    let elsewhere = config(json!({ "tokenLabel": "typo", "keyLabel": "key" }));
    let error = refusal(&elsewhere, &subject.reach).await;
    expect(&error, ErrorClass::CredentialsRefused, REFUSES);
    let known = Known {
        refused: error.refused,
        ..Known::default()
    };
    let again = elsewhere.backend().connect(&subject.reach, &known).await;
    expect(&again.unwrap_err(), ErrorClass::CredentialsRefused, REFUSES);
    assert_eq!(token.hsm.logins(), 1);
    subject.connect_knowing(&known).await.unwrap();
    assert_eq!(token.hsm.logins(), 2);
}

async fn a_secret_that_was_touched_is_tried_again() {
    let (token, subject) = Token::with_key();
    for tries in 1..=2 {
        token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
        for _ in 0..2 {
            let error = refusal(&subject.config, &subject.reach).await;
            expect(&error, ErrorClass::CredentialsRefused, REFUSES);
            assert_eq!(token.hsm.logins(), tries);
        }
    }
}

/// CKF_USER_PIN_FINAL_TRY and CKF_USER_PIN_LOCKED of the standard.
async fn a_token_that_is_locked_or_about_to_be_is_left_alone() {
    let (token, subject) = Token::with_key();
    for (flag, sentence) in [
        (0x0002_0000, "locks itself after one more wrong PIN"),
        (0x0004_0000, "has locked itself"),
    ] {
        token.hsm.set_faults(&[Fault::Flags(flag)]).unwrap();
        let error = refusal(&subject.config, &subject.reach).await;
        expect(&error, ErrorClass::CredentialsRefused, sentence);
        // It may be the right one, and is tried when the token allows it.
        assert_eq!(error.refused, None);
    }
    assert_eq!(token.hsm.logins(), 0);
    token.hsm.set_faults(&[]).unwrap();
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
}

/// Each in a Secret of its own, for keys of their own: as many threads stand at the door at once.
async fn wrong_pins_that_come_at_once_leave_the_last_try() {
    let (token, subject) = Token::with_key();
    let faults = [Fault::Patience(3), Fault::DelayMs("C_Login", 100)];
    token.hsm.set_faults(&faults).unwrap();
    let errors = join_all((0..8).map(|number| wrong(&token, &subject.reach, number))).await;
    assert_eq!(token.hsm.logins(), 2);
    let left_alone = errors.iter().filter(|error| {
        error
            .message
            .contains("locks itself after one more wrong PIN")
    });
    assert_eq!(left_alone.count(), 6, "{errors:?}");
}

/// A token that says nothing of its tries must not be locked by one namespace.
async fn a_tenant_does_not_use_up_the_tries() {
    let (token, subject) = Token::with_key();
    let listed = Reach {
        tenant: Some("team".to_owned()),
        ..token.reach_with(json!({ "namespaces": ["team"] }), SESSIONS)
    };
    let errors = join_all((0..8).map(|number| wrong(&token, &listed, number))).await;
    assert_eq!(token.hsm.logins(), 3);
    let told = errors
        .iter()
        .filter(|error| error.message.contains("several PINs of this namespace"));
    assert_eq!(told.count(), 5, "{errors:?}");
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
}

/// What an issuer with a wrong PIN in a Secret of its own is told.
async fn wrong(token: &Token, reach: &Reach, number: usize) -> KeyError {
    let secret = format!("wrong-{number}");
    token.memory.put(&secret, &[("pin", secret.as_bytes())]);
    let key = json!({ "keyLabel": secret, "pinSecretRef": { "name": secret } });
    refusal(&config(key), reach).await
}

/// A tenant who keeps an old PIN in a Secret is not in the administrator's way.
async fn a_cluster_issuer_does_not_wait_for_a_tenants_old_pin() {
    let (token, subject) = Token::with_key();
    token.memory.put("second", &[("pin", PIN.as_bytes())]);
    let listed = Reach {
        tenant: Some("team".to_owned()),
        ..token.reach_with(json!({ "namespaces": ["team"] }), SESSIONS)
    };
    let tenant = connected(&second(), &listed).await;
    let administrator = connected(&subject.config, &subject.reach).await;
    token.hsm.change_pin("ca", PIN, OTHER_PIN).unwrap();
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(administrator.check().await, Ok(Checked::ConnectAgain));
    // SoftHSM2 sees a PIN that another process changed when it is initialised.
    token.hsm.finalize().unwrap();
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
    let error = sign(&*tenant).await.unwrap_err();
    let sentence = "differs from the one with which";
    expect(&error, ErrorClass::CredentialsRefused, sentence);
}

async fn a_pin_that_differs_from_the_one_of_the_login_is_not_tried() {
    let (token, subject) = Token::with_key();
    let first = connected(&subject.config, &subject.reach).await;
    token.memory.put("second", &[("pin", OTHER_PIN.as_bytes())]);
    for _ in 0..2 {
        let error = refusal(&second(), &subject.reach).await;
        expect(
            &error,
            ErrorClass::CredentialsRefused,
            "differs from the one with which",
        );
        assert!(
            error.message.contains("in the Secrets of all issuers"),
            "{error}"
        );
        // It is tried as soon as it may be.
        assert_eq!(error.refused, None);
    }
    assert_eq!(token.hsm.logins(), 1);
    sign(&*first).await.unwrap();
    token.memory.put("second", &[("pin", PIN.as_bytes())]);
    sign(&*connected(&second(), &subject.reach).await)
        .await
        .unwrap();
    assert_eq!(token.hsm.logins(), 1);
}

async fn a_changed_pin_is_taken_when_no_issuer_holds_the_old_one() {
    let (token, subject) = Token::with_key();
    token.memory.put("second", &[("pin", PIN.as_bytes())]);
    let first = connected(&subject.config, &subject.reach).await;
    let other = connected(&second(), &subject.reach).await;
    token.hsm.change_pin("ca", PIN, OTHER_PIN).unwrap();

    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(first.check().await, Ok(Checked::ConnectAgain));
    let error = refusal(&subject.config, &subject.reach).await;
    expect(
        &error,
        ErrorClass::CredentialsRefused,
        "differs from the one with which",
    );
    sign(&*other).await.unwrap();
    assert_eq!(token.hsm.logins(), 1);

    token.memory.put("second", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(other.check().await, Ok(Checked::ConnectAgain));
    // SoftHSM2 sees a PIN that another process changed when it is initialised.
    token.hsm.finalize().unwrap();
    let again = connected(&second(), &subject.reach).await;
    sign(&*again).await.unwrap();
    let first_again = connected(&subject.config, &subject.reach).await;
    sign(&*first_again).await.unwrap();
    assert_eq!(token.hsm.logins(), 2);

    // What was connected with the old PIN does not sign on the new one's login.
    let error = sign(&*first).await.unwrap_err();
    expect(
        &error,
        ErrorClass::CredentialsRefused,
        "differs from the one with which",
    );
}

async fn a_pin_that_was_changed_under_way_is_tried_once_by_all_sessions() {
    let (token, subject) = Token::with_key();
    token.memory.put("second", &[("pin", PIN.as_bytes())]);
    let first = connected(&subject.config, &subject.reach).await;
    let other = connected(&second(), &subject.reach).await;
    token.hsm.change_pin("ca", PIN, OTHER_PIN).unwrap();
    token.hsm.finalize().unwrap();
    for _ in 0..2 * SESSIONS {
        for signer in [&first, &other] {
            let error = sign(&**signer).await.unwrap_err();
            expect(&error, ErrorClass::CredentialsRefused, REFUSES);
            assert!(error.refused.is_some());
        }
    }
    let error = first.check().await.unwrap_err();
    expect(&error, ErrorClass::CredentialsRefused, REFUSES);
    // One at first, and one that was refused.
    assert_eq!(token.hsm.logins(), 2);
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(first.check().await, Ok(Checked::ConnectAgain));
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
}

async fn the_login_of_somebody_else_is_no_word_on_a_pin() {
    let (token, subject) = Token::with_key();
    let module = Pkcs11::new(token.hsm.module()).unwrap();
    let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(locking).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let session = module.open_ro_session(slots[0]).unwrap();
    let pin = AuthPin::new(PIN.into());
    session.login(UserType::User, Some(&pin)).unwrap();

    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    let error = refusal(&subject.config, &subject.reach).await;
    expect(&error, ErrorClass::CredentialsRefused, REFUSES);
    session.login(UserType::User, Some(&pin)).unwrap();
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
}

async fn a_pin_that_is_not_there_is_asked_for() {
    let (token, subject) = Token::with_key();
    let signer = connected(&subject.config, &subject.reach).await;
    token.memory.put("pin", &[("other", b"1234")]);
    for (change, sentence) in [
        (
            true,
            "the Secret pin has no text under pin; put the token's PIN there",
        ),
        (
            false,
            "the Secret pin does not exist; put the token's PIN there",
        ),
    ] {
        if !change {
            token.memory.remove("pin");
        }
        for error in [
            refusal(&subject.config, &subject.reach).await,
            signer.check().await.unwrap_err(),
        ] {
            expect(&error, ErrorClass::CredentialsRefused, sentence);
            assert_eq!(error.refused, None);
        }
    }
}
