//! Tokens that end, are revoked and replaced under way.

use std::sync::Arc;

use serde_json::{Value, json};
use signet_keys::{Checked, ErrorClass, Signer};
use signet_keyservers::proxy::{Proxy, Requests};
use tokio::task::JoinSet;

use super::bed::{Bed, server};
use crate::rig::Subject;
use crate::root::to_be_signed;

own!("vaultTransit::token":
    a_revoked_token_is_replaced_at_once_by_one_login,
    a_token_is_renewed_and_at_its_greatest_age_got_anew,
    a_token_from_a_secret_is_renewed,
    a_revoked_token_from_a_secret_is_refused_until_the_secret_changes,
    a_changed_secret_is_picked_up_by_a_check,
    a_token_that_may_not_sign_is_told_from_one_that_is_none,
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

async fn a_token_is_renewed_and_at_its_greatest_age_got_anew() {
    let (_bed, proxy, subject) = app_role(&json!({ "token_ttl": "3s", "token_max_ttl": "5s" }));
    let signer = subject.connected().await.signer;
    let (login, renewal) = (path("/login"), path("/auth/token/renew-self"));
    while proxy.count(&renewal) == 0 {
        sign(&*signer, "a").await;
    }
    while proxy.count(&login) < 2 {
        sign(&*signer, "b").await;
    }
    // It never came to the point that a token was denied, which would be asked for twice.
    let signed = proxy.count(&path("/transit/sign/"));
    sign(&*signer, "c").await;
    assert_eq!(proxy.count(&path("/transit/sign/")), signed + 1);
}

async fn a_token_from_a_secret_is_renewed() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let token = server().token(&bed.policy, &["-period=3s"]).unwrap();
    bed.memory.put("vault", &[("token", token.as_bytes())]);
    let mut subject = bed.subject();
    subject.secrets.push(token);
    let signer = subject.connected().await.signer;
    while proxy.count(&path("/auth/token/renew-self")) < 3 {
        sign(&*signer, "a").await;
    }
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
        assert!(
            error.message.contains("does not accept the token"),
            "{error}"
        );
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
        Checked::Same { .. }
    ));
    server().revoke(&bed.token).unwrap();
    let signed = proxy.count(&path("/transit/sign/"));
    sign(&*signer, "b").await;
    assert_eq!(proxy.count(&path("/transit/sign/")), signed + 1);
}

async fn a_token_that_may_not_sign_is_told_from_one_that_is_none() {
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
        Checked::Same { .. }
    ));
}
