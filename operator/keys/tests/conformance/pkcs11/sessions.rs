//! Sessions: how many there are, what they survive, and which issuers a module that hangs affects.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Access, KeyConfig, KeyError, Pkcs11Fault, Signer};
use signet_testbed::SoftHsm;
use signet_testbed::keyservers::softhsm::Fault;

use super::token::{PIN, SO_PIN, Token, config, connected, expect, is_same, listed, refusal, sign};
use crate::rig::Subject;

own!["pkcs11":
    a_key_has_at_most_its_maximum_of_sessions,
    a_key_has_one_pool_whatever_an_issuer_calls_it,
    a_name_that_was_given_to_another_key_leads_to_its_pool,
    a_key_without_a_session_gets_one_of_another_key,
    a_module_has_at_most_its_maximum_of_sessions,
    each_token_has_a_session_whatever_others_use,
    a_token_that_was_logged_out_is_logged_in_to_again,
    a_token_that_was_removed_and_inserted_again_signs,
    a_module_that_was_finalized_is_initialized_again,
    a_module_that_hangs_affects_only_its_own_issuers,
    a_module_that_hangs_while_connecting_holds_no_more_threads_than_sessions,
    a_module_that_hangs_while_it_is_loaded_is_loaded_once,
    sessions_end_with_the_last_signer,
];

/// The token, a key, and what an issuer may reach with this many sessions for each key.
fn with_sessions(per_key: u16) -> (Token, Subject) {
    with_limits(json!({ "maxSessionsPerKey": per_key }))
}

fn with_limits(limits: serde_json::Value) -> (Token, Subject) {
    let (token, subject) = Token::with_key();
    let access = token.listing(json!([listed(json!({}))]), limits);
    (token, Subject { access, ..subject })
}

/// Signs more often in parallel than the key has sessions.
async fn sign_much(signer: &dyn Signer) {
    let signed = join_all((0..20).map(|_| sign(signer))).await;
    assert_eq!(signed, vec![Ok(()); 20]);
}

fn opened(token: &Token) -> usize {
    token.hsm.calls("C_OpenSession").len()
}

async fn a_key_has_at_most_its_maximum_of_sessions() {
    let (token, subject) = with_sessions(3);
    let first = connected(&subject.config, &subject.access).await;
    let other = connected(&subject.config, &subject.access).await;
    let signed = join_all((0..50).flat_map(|_| [sign(&*first), sign(&*other)])).await;
    assert_eq!(signed, vec![Ok(()); 100]);
    assert!((1..=3).contains(&opened(&token)), "{}", opened(&token));
    assert_eq!(token.hsm.logins(), 1);
}

async fn a_key_has_one_pool_whatever_an_issuer_calls_it() {
    let (token, subject) = with_sessions(2);
    let by_id = config(json!({ "keyId": "00" }));
    let by_both = config(json!({ "keyLabel": "key", "keyId": "00" }));
    let mut signers = Vec::new();
    for config in [&subject.config, &by_id, &by_both] {
        signers.push(connected(config, &subject.access).await);
    }
    let signed = join_all((0..60).map(|number| sign(&*signers[number % 3]))).await;
    assert_eq!(signed, vec![Ok(()); 60]);
    for signer in &signers {
        assert_eq!(signer.public_key().spki_der(), subject.spki_der);
        is_same(&**signer).await;
    }
    assert!((1..=2).contains(&opened(&token)), "{}", opened(&token));
}

/// Each issuer continues with its own key, or stops.
async fn a_name_that_was_given_to_another_key_leads_to_its_pool() {
    let (token, subject) = with_sessions(2);
    let other = token.subject(KeyAlgorithm::EcP256, "other");
    let by_id = config(json!({ "keyId": "00" }));
    let by_label = connected(&subject.config, &subject.access).await;
    let by_id = connected(&by_id, &subject.access).await;
    token.hsm.relabel("ca", PIN, "key", "before").unwrap();
    token.hsm.relabel("ca", PIN, "other", "key").unwrap();
    let error = by_label.check().await.unwrap_err();
    expect(&error, &subject.config, Pkcs11Fault::KeyReplaced);
    let again = connected(&subject.config, &subject.access).await;
    assert_eq!(again.public_key().spki_der(), other.spki_der);
    for signer in [&again, &by_id] {
        sign_much(&**signer).await;
        is_same(&**signer).await;
    }
    assert_eq!(by_id.public_key().spki_der(), subject.spki_der);
}

async fn a_key_without_a_session_gets_one_of_another_key() {
    let (token, subject) = with_limits(json!({ "maxSessions": 2 }));
    let another = token.subject(KeyAlgorithm::EcP384, "another");
    token
        .hsm
        .set_faults(&[Fault::DelayMs("C_Sign", 20)])
        .unwrap();
    let first = connected(&subject.config, &subject.access).await;
    sign_much(&*first).await;
    assert_eq!(opened(&token), 2);
    let second = connected(&another.config, &subject.access).await;
    let busy = sign_much(&*first);
    let served = until(async || sign(&*second).await.is_ok());
    tokio::join!(busy, served);
    assert_eq!(opened(&token), 3, "one was closed for it");
    sign_much(&*first).await;
    sign_much(&*second).await;
}

async fn a_module_has_at_most_its_maximum_of_sessions() {
    let (token, subject) = with_limits(json!({ "maxSessions": 1 }));
    let another = token.subject(KeyAlgorithm::EcP384, "another");
    let first = connected(&subject.config, &subject.access).await;
    sign_much(&*first).await;
    // It is found in the session that there is.
    let second = connected(&another.config, &subject.access).await;
    expect(
        &sign(&*second).await.unwrap_err(),
        &another.config,
        Pkcs11Fault::NoSession(0),
    );
    sign_much(&*first).await;
    assert_eq!(opened(&token), 1);
    drop(first);
    until(async || sign(&*second).await.is_ok()).await;
}

async fn each_token_has_a_session_whatever_others_use() {
    let (token, subject) = Token::with_key();
    token.hsm.init_token("other", SO_PIN, PIN).unwrap();
    token
        .hsm
        .make_key("other", PIN, "EC:prime256v1", "key", "01")
        .unwrap();
    let entries = ["ca", "other"].map(|name| listed(json!({ "name": name, "label": name })));
    let access = token.listing(json!(entries), json!({ "maxSessions": 2 }));
    let first = connected(&subject.config, &access).await;
    sign_much(&*first).await;
    assert_eq!(opened(&token), 1);
    let other = config(json!({ "token": "other", "keyLabel": "key" }));
    sign_much(&*connected(&other, &access).await).await;
    assert_eq!(opened(&token), 2);
}

/// The key signs in each session after this happened.
async fn survives(what: impl Fn(&SoftHsm)) -> Token {
    let (token, subject) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    for _ in 0..3 {
        what(&token.hsm);
        sign(&*signer).await.unwrap();
        what(&token.hsm);
        is_same(&*signer).await;
    }
    let signed = join_all((0..20).map(|_| sign(&*signer))).await;
    assert_eq!(signed, vec![Ok(()); 20]);
    token
}

async fn a_token_that_was_logged_out_is_logged_in_to_again() {
    let token = survives(|hsm| hsm.log_out().unwrap()).await;
    assert!(token.hsm.logins() > 1);
    survives(|hsm| hsm.close_sessions().unwrap()).await;
}

async fn a_token_that_was_removed_and_inserted_again_signs() {
    let (token, subject) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    for _ in 0..2 {
        token.hsm.set_faults(&[Fault::Remove]).unwrap();
        for _ in 0..2 {
            let error = sign(&*signer).await.unwrap_err();
            expect(&error, &subject.config, Pkcs11Fault::TokenRemoved);
            let error = signer.check().await.unwrap_err();
            expect(&error, &subject.config, Pkcs11Fault::TokenRemoved);
        }
        token.hsm.set_faults(&[]).unwrap();
        sign(&*signer).await.unwrap();
        is_same(&*signer).await;
    }
}

async fn a_module_that_was_finalized_is_initialized_again() {
    let token = survives(|hsm| hsm.finalize().unwrap()).await;
    assert!(token.hsm.calls("C_Initialize").len() > 1);
}

#[track_caller]
fn expect_hangs(error: &KeyError, config: &KeyConfig) {
    expect(error, config, Pkcs11Fault::Hangs);
}

/// The error that a call returns without waiting.
#[track_caller]
fn at_once<T: std::fmt::Debug>(call: impl Future<Output = Result<T, KeyError>>) -> KeyError {
    call.now_or_never().unwrap().unwrap_err()
}

async fn a_module_that_hangs_affects_only_its_own_issuers() {
    let (token, subject) = with_sessions(2);
    let [another, unheard] =
        ["another", "unheard-of"].map(|label| token.subject(KeyAlgorithm::EcP384, label));
    let (_other, elsewhere) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    let healthy = connected(&elsewhere.config, &elsewhere.access).await;
    let other_key = connected(&another.config, &subject.access).await;
    token.hsm.set_faults(&[Fault::Hang("C_Sign")]).unwrap();
    let (hanging, signed) = tokio::join!(
        join_all((0..2).map(|_| sign(&*signer))),
        join_all((0..50).map(|_| sign(&*healthy))),
    );
    assert_eq!(signed, vec![Ok(()); 50]);
    for error in hanging {
        expect_hangs(&error.unwrap_err(), &subject.config);
    }
    // Both threads hang, and no caller waits for them.
    expect_hangs(&at_once(sign(&*signer)), &subject.config);
    expect_hangs(&at_once(signer.check()), &subject.config);
    sign(&*healthy).await.unwrap();
    is_same(&*healthy).await;
    // Another key of the token has its own threads. A new one gets none, or each that is tried
    // would add threads that hang.
    is_same(&*other_key).await;
    let error = refusal(&unheard.config, &subject.access).await;
    expect_hangs(&error, &unheard.config);
    token.hsm.set_faults(&[]).unwrap();
    until(async || connects(&unheard.config, &subject.access).await).await;
    until(async || sign(&*signer).await.is_ok()).await;
    is_same(&*signer).await;
}

async fn a_module_that_hangs_while_connecting_holds_no_more_threads_than_sessions() {
    let (token, subject) = with_sessions(2);
    let Subject { config, access, .. } = &subject;
    token
        .hsm
        .set_faults(&[Fault::Hang("C_FindObjectsInit")])
        .unwrap();
    let two = tokio::join!(refusal(config, access), refusal(config, access));
    for error in [two.0, two.1] {
        expect_hangs(&error, config);
    }
    for _ in 0..3 {
        let error = refusal(config, access).now_or_never().unwrap();
        expect_hangs(&error, config);
    }
    token.hsm.set_faults(&[]).unwrap();
    until(async || connects(config, access).await).await;
}

async fn a_module_that_hangs_while_it_is_loaded_is_loaded_once() {
    let (token, subject) = with_sessions(2);
    let Subject { config, access, .. } = &subject;
    token
        .hsm
        .set_faults(&[Fault::Hang("C_Initialize")])
        .unwrap();
    let two = tokio::join!(refusal(config, access), refusal(config, access));
    for error in [two.0, two.1] {
        expect_hangs(&error, config);
    }
    token.hsm.set_faults(&[]).unwrap();
    until(async || connects(config, access).await).await;
    assert_eq!(token.hsm.calls("C_Initialize").len(), 1);
}

async fn sessions_end_with_the_last_signer() {
    let (token, subject) = with_sessions(3);
    let first = connected(&subject.config, &subject.access).await;
    let last = connected(&subject.config, &subject.access).await;
    join_all((0..20).map(|_| sign(&*first))).await;
    let closed = || token.hsm.calls("C_CloseSession").len();
    drop(first);
    sign(&*last).await.unwrap();
    assert_eq!(closed(), 0);
    drop(last);
    until(async || closed() == opened(&token)).await;
}

async fn connects(config: &KeyConfig, access: &Access) -> bool {
    super::token::connect(config, access).await.is_ok()
}

/// Waits for this to become true. Each test has a deadline.
pub(super) async fn until(condition: impl AsyncFn() -> bool) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
