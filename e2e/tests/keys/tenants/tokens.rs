//! A ServiceAccount's token is made in its own namespace, and for one purpose.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewStatus};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use signet_e2e::keys::secrets;
use signet_e2e::runtime::blocking;
use signet_e2e::{Bed, TestNamespace};
use signet_testbed::Proxy;
use signet_testbed::wait::until_done;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::tenant::{Tenant, vault};

shared![
    a_token_is_made_where_a_role_allows_it_and_is_good_for_nothing_else,
    a_secret_with_a_service_accounts_token_is_never_sent,
];

/// A tenant's server, which keeps what it is sent: the token of the first login.
async fn stolen(listener: TcpListener) -> Result<String> {
    let (mut stream, _) = listener.accept().await?;
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await?;
        ensure!(read > 0, "the request broke off");
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        if let Ok(login) = serde_json::from_str::<Value>(body) {
            stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                .await?;
            let jwt = login["jwt"].as_str().context("a login has a token")?;
            return Ok(secrets::note(jwt));
        }
    }
}

fn claims(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).context("a token has three parts")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

async fn review(bed: &Bed, token: &str, audiences: &[&str]) -> Result<TokenReviewStatus> {
    let reviews: Api<TokenReview> = Api::all(bed.client());
    let review = json!({ "spec": { "token": token, "audiences": audiences } });
    let response = reviews
        .create(&PostParams::default(), &serde_json::from_value(review)?)
        .await?;
    response.status.context("a review has a status")
}

async fn a_token_is_made_where_a_role_allows_it_and_is_good_for_nothing_else(
    test: &TestNamespace,
) -> Result<()> {
    let tenant = Tenant::new(test.bed(), "tokens").await?;
    let other = Tenant::new(test.bed(), "robots").await?;
    for namespace in [&tenant, &other] {
        namespace.robot("robot").await?;
    }
    // What another namespace allows is nothing here.
    other.lets_signet_make_tokens_of("robot").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let upstream = format!("http://{}", listener.local_addr()?);
    let server = blocking(move || Proxy::https(&upstream, None)).await?;
    let auth = json!({ "kubernetes": { "role": "r", "serviceAccountRef": { "name": "robot" } } });
    let key = vault(&server.address(), Some(server.ca_pem()), auth);
    let issuer = tenant.has("ca", key).await?;
    let message = tenant
        .wait_until_not_ready(&issuer, "KeyCredentialsRefused")
        .await?;
    ensure!(
        message.contains("with a Role and a RoleBinding in the namespace"),
        "{message}"
    );
    ensure!(server.connections() == 0, "it was called without a token");

    tenant.lets_signet_make_tokens_of("robot").await?;
    let token = until_done("a login with a token", stolen(listener)).await?;
    let audience = format!("signet://{}/ca", tenant.name());
    let claims = claims(&token)?;
    ensure!(claims["aud"] == json!([audience]), "{}", claims["aud"]);
    let subject = format!("system:serviceaccount:{}:robot", tenant.name());
    ensure!(claims["sub"] == json!(subject), "{}", claims["sub"]);
    let of_signet = review(test.bed(), &token, &[&audience]).await?;
    ensure!(
        of_signet.authenticated == Some(true),
        "{:?}",
        of_signet.error
    );
    // No audience is the API server's own.
    for audiences in [&[][..], &["signet://ca"], &["vault"]] {
        let elsewhere = review(test.bed(), &token, audiences).await?;
        ensure!(elsewhere.authenticated != Some(true), "{audiences:?}");
    }
    let message = tenant.visible_text(&issuer).await?;
    ensure!(!message.contains(&token), "the token is shown");
    Ok(())
}

/// Who may write Issuers need not be who may act as the namespace's ServiceAccounts, which may
/// have rights beyond it.
async fn a_secret_with_a_service_accounts_token_is_never_sent(test: &TestNamespace) -> Result<()> {
    let tenant = Tenant::new(test.bed(), "token-secrets").await?;
    tenant.robot("robot").await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": "robot", "annotations": { "kubernetes.io/service-account.name": "robot" },
        },
    });
    tenant.create_object(secret).await?;
    let server = blocking(|| Proxy::https("https://127.0.0.1:9", None)).await?;
    let auth = json!({ "tokenRef": { "name": "robot", "key": "token" } });
    let key = vault(&server.address(), Some(server.ca_pem()), auth);
    let issuer = tenant.has("ca", key).await?;
    let message = tenant
        .wait_until_not_ready(&issuer, "KeyCredentialsRefused")
        .await?;
    ensure!(
        message.contains("holds a ServiceAccount's token"),
        "{message}"
    );
    ensure!(server.connections() == 0, "it was called");
    Ok(())
}
