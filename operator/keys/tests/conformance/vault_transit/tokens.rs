//! Tokens that end, are revoked and replaced under way.

use std::sync::Arc;

use serde_json::{Value, json};
use signet_keys::{Checked, ErrorClass, Signer};
use signet_testbed::proxy::{Fault, Proxy, Requests};
use signet_testbed::wait::{Observation, until};
use tokio::task::JoinSet;

use super::bed::{Bed, server};
use crate::rig::{Subject, responded};
use crate::root::to_be_signed;

own!("vaultTransit::token":
    a_revoked_token_is_replaced_at_once_by_one_login,
    a_token_is_renewed_and_replaced_at_its_maximum_age,
    a_token_from_a_secret_is_renewed,
    a_renewal_that_fails_for_now_is_tried_again_and_loses_no_token,
    a_login_that_is_of_no_use_any_more_is_given_back,
    a_revoked_token_from_a_secret_is_refused_until_the_secret_changes,
    a_changed_secret_is_picked_up_by_a_check,
    distinguishes_a_token_that_may_not_sign_from_an_invalid_one,
);

fn path(part: &str) -> Requests {
    Requests::Path(part.to_owned())
}

async fn sign(signer: &dyn Signer, uid: &str) {
    signer.sign(&to_be_signed(signer, uid)).await.unwrap();
}

/// Logs in by an AppRole of its own, at a mount of its own, through a proxy.
fn app_role(role: &Value) -> (Bed, Arc<Proxy>, Subject) {
    let (bed, proxy) = Bed::behind_a_proxy();
    let mount = format!("approle-{}", bed.key);
    let path = format!("auth/{mount}/role/signet");
    let mut role = role.clone();
    role["token_policies"] = json!(bed.policy);
    let enable = ["auth", "enable", &format!("-path={mount}"), "approle"];
    server().bao(&enable).unwrap();
    server().write(&path, &role).unwrap();
    let role_id = server().read(&format!("{path}/role-id")).unwrap();
    let secret_id = [
        "write",
        "-f",
        "-field=secret_id",
        &format!("{path}/secret-id"),
    ];
    let secret_id = server().bao(&secret_id).unwrap();
    bed.memory.put("approle", &[("id", secret_id.as_bytes())]);
    let mut subject = bed.subject_by(&json!({ "appRole": {
        "roleId": role_id["role_id"],
        "mount": mount,
        "secretIdRef": { "name": "approle", "key": "id" },
    }}));
    subject.secrets.push(secret_id);
    (bed, proxy, subject)
}

async fn a_revoked_token_is_replaced_at_once_by_one_login() {
    let (bed, proxy, subject) = app_role(&json!({ "token_ttl": "1h" }));
    let login = path("/login");
    let signer = subject.connected().await.signer;
    sign(&*signer, "a").await;
    assert_eq!(proxy.count(&login), 1);
    let logins = format!("auth/approle-{}/login", bed.key);
    server().revoke_prefix(&logins).unwrap();
    let mut signatures = JoinSet::new();
    for number in 0..50 {
        let signer = signer.clone();
        signatures.spawn(async move { sign(&*signer, &number.to_string()).await });
    }
    signatures.join_all().await;
    assert_eq!(proxy.count(&login), 2);
}

/// Signs, again and again, until the server has had so many requests of a kind.
async fn sign_until(signer: &dyn Signer, proxy: &Proxy, requests: &Requests, times: usize) {
    let signed = async || {
        let tbs = to_be_signed(signer, "a");
        responded(async || signer.sign(&tbs).await).await?;
        let count = proxy.count(requests);
        Ok(Observation::reached_if(count >= times, count))
    };
    until(format!("{times} requests: {requests:?}"), signed)
        .await
        .unwrap();
}

async fn a_token_is_renewed_and_replaced_at_its_maximum_age() {
    let (_bed, proxy, subject) = app_role(&json!({ "token_ttl": "12s", "token_max_ttl": "20s" }));
    let signer = subject.connected().await.signer;
    let (login, renewal) = (path("/login"), path("/auth/token/renew-self"));
    sign_until(&*signer, &proxy, &renewal, 1).await;
    sign_until(&*signer, &proxy, &login, 2).await;
    // It never came to the point that a token was denied, which would be asked for twice.
    let signed = proxy.count(&path("/transit/sign/"));
    sign(&*signer, "c").await;
    assert_eq!(proxy.count(&path("/transit/sign/")), signed + 1);
}

async fn a_token_from_a_secret_is_renewed() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let token = server().token(&bed.policy, &["-period=12s"]).unwrap();
    bed.memory.put("vault", &[("token", token.as_bytes())]);
    let mut subject = bed.subject();
    subject.secrets.push(token);
    let signer = subject.connected().await.signer;
    sign_until(&*signer, &proxy, &path("/auth/token/renew-self"), 3).await;
}

/// As a sealed server or one on standby responds.
async fn a_renewal_that_fails_for_now_is_tried_again_and_loses_no_token() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let token = server().token(&bed.policy, &["-period=12s"]).unwrap();
    bed.memory.put("vault", &[("token", token.as_bytes())]);
    let mut subject = bed.subject();
    subject.secrets.push(token);
    let signer = subject.connected().await.signer;
    let renewal = path("/auth/token/renew-self");
    let sealed = Fault::json(503, r#"{"errors":["Vault is sealed"]}"#);
    proxy.add_times(renewal.clone(), sealed, 1);
    sign_until(&*signer, &proxy, &renewal, 3).await;
}

/// Of a connection that failed, and of one that is no longer used.
async fn a_login_that_is_of_no_use_any_more_is_given_back() {
    let (bed, proxy, subject) = app_role(&json!({ "token_ttl": "1h" }));
    let tokens = format!("sys/leases/lookup/auth/approle-{}/login", bed.key);
    let given_back = async |times: usize| {
        let observe = async || {
            let revoked = proxy.count(&path("/auth/token/revoke-self"));
            let none = server().bao(&["list", &tokens]).is_err();
            Ok(Observation::reached_if(revoked >= times && none, revoked))
        };
        let what = format!("{times} revocations, and no token in {tokens}");
        until(what, observe).await.unwrap();
    };
    let nothing = r#"path "none" { capabilities = ["read"] }"#;
    server().policy(&bed.policy, nothing).unwrap();
    subject.connect().await.unwrap_err();
    given_back(1).await;
    server().signing_policy("transit", &bed.key).unwrap();
    let signer = subject.connected().await.signer;
    assert!(server().bao(&["list", &tokens]).is_ok(), "there is a token");
    drop(signer);
    given_back(2).await;
}

async fn a_revoked_token_from_a_secret_is_refused_until_the_secret_changes() {
    let bed = Bed::new();
    let mut subject = bed.subject();
    let another = server().token(&bed.policy, &[]).unwrap();
    subject.secrets.push(another.clone());
    let signer = subject.connected().await.signer;
    sign(&*signer, "a").await;
    server().revoke(&bed.token).unwrap();
    let signed = signer.sign(&to_be_signed(&*signer, "b")).await;
    let checked = signer.check().await;
    for error in [signed.unwrap_err(), checked.unwrap_err()] {
        assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
        assert_eq!(error.code, "TokenRefused", "{error}");
    }
    bed.memory.put("vault", &[("token", another.as_bytes())]);
    sign(&*signer, "c").await;
}

async fn a_changed_secret_is_picked_up_by_a_check() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let mut subject = bed.subject();
    let another = server().token(&bed.policy, &[]).unwrap();
    subject.secrets.push(another.clone());
    let signer = subject.connected().await.signer;
    sign(&*signer, "a").await;
    bed.memory.put("vault", &[("token", another.as_bytes())]);
    assert!(matches!(
        signer.check().await.unwrap(),
        Checked::Unchanged { .. }
    ));
    server().revoke(&bed.token).unwrap();
    let signed = proxy.count(&path("/transit/sign/"));
    sign(&*signer, "b").await;
    assert_eq!(proxy.count(&path("/transit/sign/")), signed + 1);
}

async fn distinguishes_a_token_that_may_not_sign_from_an_invalid_one() {
    let bed = Bed::new();
    let subject = bed.subject();
    let signer = subject.connected().await.signer;
    let read = format!(
        "path \"transit/keys/{}\" {{ capabilities = [\"read\"] }}",
        bed.key
    );
    server().policy(&bed.policy, &read).unwrap();
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    let expected = format!("denies update on transit/sign/{} to the token", bed.key);
    assert!(error.message.contains(&expected), "{error}");
    assert!(matches!(
        signer.check().await.unwrap(),
        Checked::Unchanged { .. }
    ));
}
