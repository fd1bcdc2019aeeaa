//! PINs: where they come from, and that a wrong one is tried once.

use std::fs;

use futures::future::join_all;
use serde_json::json;
use signet_keys::{Checked, KeyConfig, KeyError, Pkcs11Fault};
use signet_testbed::keyservers::softhsm::Fault;

use super::token::{OTHER_PIN, PIN, Token, config, connected, expect, of_tenant, refusal, sign};

own!["pkcs11":
    a_pin_comes_from_a_secret_a_file_or_the_environment,
    a_tenant_cannot_name_a_pin,
    a_pin_that_is_missing_is_reported_without_its_source,
    a_changed_pin_is_used_without_a_restart,
    a_changed_pin_that_is_wrong_is_reported_immediately,
    a_wrong_pin_is_tried_once_for_all_issuers,
    a_pin_is_tried_again_when_its_source_was_touched,
    no_pin_is_tried_on_a_token_that_is_locked_or_about_to_be,
    many_issuers_with_a_wrong_pin_leave_the_last_try,
    a_pin_that_was_changed_at_the_token_is_tried_once_by_all_sessions,
];

#[track_caller]
fn is_refused(error: &KeyError, config: &KeyConfig) {
    expect(error, config, Pkcs11Fault::PinRefused);
}

/// A second issuer of the token, over another key.
fn second(token: &Token) -> KeyConfig {
    token.make(signet_core::x509::algorithm::KeyAlgorithm::EcP384, "second");
    config(json!({ "keyLabel": "second" }))
}

async fn a_pin_comes_from_a_secret_a_file_or_the_environment() {
    let (token, subject) = Token::with_key();
    let (variable, value) = std::env::vars().find(|(_, value)| is_pin(value)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pin.txt");
    fs::write(&file, format!("{PIN}\n")).unwrap();
    token.memory.put("spare", &[("user", PIN.as_bytes())]);
    for pin in [
        json!({ "secret": { "name": "spare", "key": "user" } }),
        json!({ "file": file }),
    ] {
        let access = token.access_with(json!({ "pin": pin }));
        sign(&*connected(&subject.config, &access).await)
            .await
            .unwrap();
    }
    let (other, subject) = Token::with_key();
    other.hsm.change_pin("ca", PIN, &value).unwrap();
    let access = other.access_with(json!({ "pin": { "env": variable } }));
    sign(&*connected(&subject.config, &access).await)
        .await
        .unwrap();
}

/// Whether the tools take it as a PIN. The environment of a test cannot be set, and has one.
fn is_pin(value: &str) -> bool {
    (4..=32).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A Secret in a tenant's namespace is not read, whatever its name, and the schema has no field
/// for one.
async fn a_tenant_cannot_name_a_pin() {
    let (token, subject) = Token::with_key();
    let access = token.access_with(json!({ "namespaces": ["team"] }));
    let own = crate::memory::Memory::with("pin", "pin", OTHER_PIN.as_bytes());
    let access = signet_keys::Access {
        namespace: own.clone(),
        ..of_tenant(access)
    };
    let named = config(json!({ "keyLabel": "key", "pinSecretRef": { "name": "pin" } }));
    assert_eq!(named, subject.config, "an unknown field is ignored");
    sign(&*connected(&named, &access).await).await.unwrap();
    assert_eq!(own.asked(), [""; 0]);
    assert_eq!(token.memory.asked(), ["secret/pin"]);
    let schema = schemars::schema_for!(signet_keys::Pkcs11);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let fields: Vec<_> = properties.keys().map(String::as_str).collect();
    assert_eq!(fields, ["keyId", "keyLabel", "module", "token"]);
}

async fn a_pin_that_is_missing_is_reported_without_its_source() {
    let (token, subject) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    token.memory.put("pin", &[("other", b"1234")]);
    let error = refusal(&subject.config, &subject.access).await;
    expect(&error, &subject.config, Pkcs11Fault::NoPin);
    token.memory.remove("pin");
    for error in [
        refusal(&subject.config, &subject.access).await,
        signer.check().await.unwrap_err(),
    ] {
        expect(&error, &subject.config, Pkcs11Fault::NoPin);
    }
    for pin in [
        json!({ "file": "/nowhere/pin" }),
        json!({ "env": "SIGNET_NO_SUCH_VARIABLE" }),
    ] {
        let access = token.access_with(json!({ "pin": pin }));
        let error = refusal(&subject.config, &access).await;
        expect(&error, &subject.config, Pkcs11Fault::NoPin);
        let sources = ["nowhere", "NO_SUCH_VARIABLE"];
        assert!(
            sources.iter().all(|it| !error.message.contains(it)),
            "{error}"
        );
    }
}

/// Of all issuers of the token, whichever notices first logs in again.
async fn a_changed_pin_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pin.txt");
    for from_file in [false, true] {
        let (token, subject) = Token::with_key();
        let put = |pin: &str| match from_file {
            true => fs::write(&file, pin).unwrap(),
            false => drop(token.memory.put("pin", &[("pin", pin.as_bytes())])),
        };
        put(PIN);
        let access = match from_file {
            true => token.access_with(json!({ "pin": { "file": file } })),
            false => subject.access.clone(),
        };
        let second = second(&token);
        let first = connected(&subject.config, &access).await;
        let other = connected(&second, &access).await;
        token.hsm.change_pin("ca", PIN, OTHER_PIN).unwrap();
        // The login lasts until the source changes.
        sign(&*first).await.unwrap();
        put(OTHER_PIN);
        assert_eq!(first.check().await, Ok(Checked::Reconnect));
        // SoftHSM2 reads the PIN that another process changed when it is initialized.
        token.hsm.finalize().unwrap();
        let logins = token.hsm.logins();
        sign(&*connected(&subject.config, &access).await)
            .await
            .unwrap();
        // Those that have not noticed sign on.
        sign(&*other).await.unwrap();
        assert_eq!(other.check().await, Ok(Checked::Reconnect));
        sign(&*connected(&second, &access).await).await.unwrap();
        assert_eq!(token.hsm.logins(), logins + 1);
    }
}

async fn a_changed_pin_that_is_wrong_is_reported_immediately() {
    let (token, subject) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(signer.check().await, Ok(Checked::Reconnect));
    for _ in 0..2 {
        is_refused(
            &refusal(&subject.config, &subject.access).await,
            &subject.config,
        );
        is_refused(&sign(&*signer).await.unwrap_err(), &subject.config);
    }
    assert_eq!(token.hsm.logins(), 2);
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(&subject.config, &subject.access).await)
        .await
        .unwrap();
    sign(&*signer).await.unwrap();
}

async fn a_wrong_pin_is_tried_once_for_all_issuers() {
    let (token, subject) = Token::with_key();
    let second = second(&token);
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    for _ in 0..3 {
        for config in [&subject.config, &second] {
            is_refused(&refusal(config, &subject.access).await, config);
        }
    }
    assert_eq!(token.hsm.logins(), 1);
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    // Held, since a token is logged out with its last session.
    let mut signers = Vec::new();
    for config in [&subject.config, &second] {
        let signer = connected(config, &subject.access).await;
        sign(&*signer).await.unwrap();
        signers.push(signer);
    }
    assert_eq!(token.hsm.logins(), 2);
}

/// That is how to have a PIN tried again after the token's own PIN was corrected.
async fn a_pin_is_tried_again_when_its_source_was_touched() {
    let (token, subject) = Token::with_key();
    for tries in 1..=2 {
        token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
        for _ in 0..2 {
            is_refused(
                &refusal(&subject.config, &subject.access).await,
                &subject.config,
            );
            assert_eq!(token.hsm.logins(), tries);
        }
    }
}

/// CKF_USER_PIN_FINAL_TRY and CKF_USER_PIN_LOCKED of the standard.
async fn no_pin_is_tried_on_a_token_that_is_locked_or_about_to_be() {
    let (token, subject) = Token::with_key();
    for (flag, expected) in [
        (0x0002_0000, Pkcs11Fault::PinFinalTry),
        (0x0004_0000, Pkcs11Fault::PinLocked),
    ] {
        token.hsm.set_faults(&[Fault::Flags(flag)]).unwrap();
        let error = refusal(&subject.config, &subject.access).await;
        expect(&error, &subject.config, expected);
    }
    assert_eq!(token.hsm.logins(), 0);
    token.hsm.set_faults(&[]).unwrap();
    sign(&*connected(&subject.config, &subject.access).await)
        .await
        .unwrap();
}

/// For keys of their own, so that as many threads wait for the login lock; and the PIN is touched
/// while they do.
async fn many_issuers_with_a_wrong_pin_leave_the_last_try() {
    let (token, subject) = Token::with_key();
    let faults = [Fault::PinTries(3), Fault::DelayMs("C_Login", 100)];
    token.hsm.set_faults(&faults).unwrap();
    let errors = join_all((0..8).map(|number| {
        token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
        let config = config(json!({ "keyLabel": format!("wrong-{number}") }));
        let access = subject.access.clone();
        async move { (refusal(&config, &access).await, config) }
    }))
    .await;
    for (error, config) in &errors {
        if !error.message.contains("refused its PIN") {
            expect(error, config, Pkcs11Fault::PinFinalTry);
        }
    }
    assert!((1..=2).contains(&token.hsm.logins()), "{errors:?}");
}

async fn a_pin_that_was_changed_at_the_token_is_tried_once_by_all_sessions() {
    let (token, subject) = Token::with_key();
    let second = second(&token);
    let first = connected(&subject.config, &subject.access).await;
    let other = connected(&second, &subject.access).await;
    token.hsm.change_pin("ca", PIN, OTHER_PIN).unwrap();
    token.hsm.finalize().unwrap();
    for _ in 0..8 {
        for (signer, config) in [(&first, &subject.config), (&other, &second)] {
            is_refused(&sign(&**signer).await.unwrap_err(), config);
        }
    }
    is_refused(&first.check().await.unwrap_err(), &subject.config);
    // One at first, and one that was refused.
    assert_eq!(token.hsm.logins(), 2);
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    assert_eq!(first.check().await, Ok(Checked::Reconnect));
    sign(&*connected(&subject.config, &subject.access).await)
        .await
        .unwrap();
}
