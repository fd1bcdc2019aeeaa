//! What a mount, an issuer or a server refuses, each with a message of its own.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signet_keys::{ErrorClass, KeyError};
use signet_testbed::OpenBao;
use signet_testbed::proxy::{Fault, Requests};

use super::bed::Bed;
use crate::vault_transit::bed::{MOUNT, server};

own!("vaultPki::errors":
    an_issuer_with_path_length_0_refuses,
    an_issuer_that_does_not_exist_is_named,
    a_mount_without_a_ca_is_named,
    a_token_without_the_permission_is_named,
    a_mount_that_does_not_exist_is_named,
    an_engine_that_is_not_pki_is_named,
    a_server_that_is_sealed_or_stopped_can_be_retried,
    a_throttled_call_can_be_retried,
    a_response_without_end_is_not_read_to_its_end,
    a_response_that_is_not_vaults_is_named,
);

/// Signs, unless the server was too slow to respond.
async fn error(bed: &Bed, fields: &Value) -> KeyError {
    let sign = async || bed.sign(fields).await;
    crate::rig::responded(sign).await.unwrap_err()
}

#[track_caller]
fn is(error: &KeyError, class: ErrorClass, code: &str, parts: &[&str]) {
    assert_eq!((error.class, error.code), (class, code), "{error}");
    for part in parts {
        assert!(error.message.contains(part), "{part}: {error}");
    }
}

async fn an_issuer_with_path_length_0_refuses() {
    let bed = Bed::without_ca(server());
    bed.make_root(&json!({ "max_path_length": 0 }));
    let error = error(&bed, &json!({})).await;
    let issuer = format!("the PKI issuer default at {} of the Vault at ", bed.mount);
    is(
        &error,
        ErrorClass::KeyUnusable,
        "Refused",
        &[&issuer, "path length"],
    );
    assert!(!error.class.is_transient());
}

async fn an_issuer_that_does_not_exist_is_named() {
    let bed = Bed::new();
    let fields = json!({ "issuerRef": "nowhere" });
    let signed = error(&bed, &fields).await;
    let read = bed.chain(&fields).await.unwrap_err();
    for error in [signed, read] {
        let parts = ["the PKI issuer nowhere at ", "vaultPki.issuerRef"];
        is(&error, ErrorClass::KeyNotFound, "NoIssuer", &parts);
        assert!(!error.class.is_transient());
    }
}

async fn a_mount_without_a_ca_is_named() {
    let bed = Bed::without_ca(server());
    let error = error(&bed, &json!({})).await;
    let parts = ["has no certificate or no key"];
    is(&error, ErrorClass::KeyNotFound, "NoIssuer", &parts);
}

/// A token that may do nothing at a mount is denied one that does not exist in the same way.
async fn a_token_without_the_permission_is_named() {
    let bed = Bed::new();
    server()
        .policy(
            "pki-nothing",
            "path \"nothing\" { capabilities = [\"read\"] }",
        )
        .unwrap();
    bed.log_in_with(&server().token("pki-nothing", &[]).unwrap());
    for mount in [bed.mount.as_str(), "pki-nowhere"] {
        let error = error(&bed, &json!({ "mount": mount })).await;
        let path = format!("update on {mount}/issuer/default/sign-intermediate");
        let parts = [&path, "vaultPki.mount"];
        is(
            &error,
            ErrorClass::CredentialsRefused,
            "TokenDenied",
            &parts,
        );
    }
}

async fn a_mount_that_does_not_exist_is_named() {
    let bed = Bed::new();
    bed.log_in_with(server().root_token());
    let fields = json!({ "mount": "pki-nowhere" });
    let signed = error(&bed, &fields).await;
    let parts = ["has nothing mounted at pki-nowhere", "vaultPki.mount"];
    is(&signed, ErrorClass::KeyNotFound, "NoMount", &parts);
}

async fn an_engine_that_is_not_pki_is_named() {
    let bed = Bed::new();
    bed.log_in_with(server().root_token());
    let error = error(&bed, &json!({ "mount": MOUNT })).await;
    is(
        &error,
        ErrorClass::KeyNotFound,
        "NotPki",
        &["vaultPki.mount"],
    );
}

async fn a_server_that_is_sealed_or_stopped_can_be_retried() {
    let own = Arc::new(OpenBao::start().unwrap());
    let bed = Bed::without_ca(own.clone());
    bed.make_root(&json!({}));
    own.seal().unwrap();
    let sealed = bed.sign(&json!({})).await.unwrap_err();
    is(&sealed, ErrorClass::Unreachable, "Sealed", &[]);
    own.unseal().unwrap();
    crate::rig::responded(async || bed.sign(&json!({})).await)
        .await
        .unwrap();
    own.stop().unwrap();
    let stopped = bed.sign(&json!({})).await.unwrap_err();
    is(&stopped, ErrorClass::Unreachable, "NotConnected", &[]);
    assert!(sealed.class.is_transient() && stopped.class.is_transient());
}

async fn a_throttled_call_can_be_retried() {
    let (bed, proxy) = Bed::new().proxied();
    let sign = Requests::Path("/sign-intermediate".to_owned());
    proxy.add(sign, Fault::too_many_requests(7));
    let error = error(&bed, &json!({})).await;
    let class = ErrorClass::Throttled(Some(Duration::from_secs(7)));
    is(&error, class, "Throttled", &[]);
}

async fn a_response_without_end_is_not_read_to_its_end() {
    let (bed, proxy) = Bed::new().proxied();
    proxy.add(
        Requests::Path("/issuer/".to_owned()),
        Fault::oversized(8 << 20),
    );
    let signed = error(&bed, &json!({})).await;
    let read = bed.chain(&json!({})).await.unwrap_err();
    for error in [signed, read] {
        is(&error, ErrorClass::InvalidResponse, "TooLarge", &[]);
    }
}

async fn a_response_that_is_not_vaults_is_named() {
    let (bed, proxy) = Bed::new().proxied();
    for answer in [Fault::not_json(), Fault::json(200, "{\"data\":{}}")] {
        proxy.clear();
        proxy.add(Requests::Path("/issuer/".to_owned()), answer);
        let signed = error(&bed, &json!({})).await;
        let read = bed.chain(&json!({})).await.unwrap_err();
        for error in [signed, read] {
            let parts = ["vaultPki.address"];
            is(
                &error,
                ErrorClass::InvalidResponse,
                "InvalidResponse",
                &parts,
            );
        }
    }
}
