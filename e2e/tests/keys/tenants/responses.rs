//! No way to read what stands at an address. An Issuer does not show the network.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_e2e::TestNamespace;
use signet_e2e::keys::secrets;
use signet_e2e::runtime::blocking;
use signet_testbed::Proxy;
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until};

use super::tenant::{Tenant, by_token, vault};

shared![
    a_redirect_is_not_followed,
    only_the_error_of_a_response_is_shown,
    a_server_under_another_ca_is_not_talked_to,
];

/// What a server of the network, which is neither Vault nor AWS, has on its pages.
const SECRET: &str = "the-intranet-says-hunter2";
/// Maximum length of an error that is shown, longer than the message around it.
const MAX_SHOWN: usize = 200;

/// A server that is not there, behind a proxy that responds for it.
async fn server() -> Result<Proxy> {
    blocking(|| Proxy::https("https://127.0.0.1:9", None)).await
}

async fn tenant(test: &TestNamespace, name: &str) -> Result<Tenant> {
    let tenant = Tenant::new(test.bed(), name).await?;
    let token = secrets::note("s.of-the-tenant-alone");
    tenant
        .secret("vault-token", json!({ "token": token }))
        .await?;
    let secret = secrets::note("secret-access-key-of-the-tenant");
    let access_key = json!({ "access-key-id": "AKIATENANT", "secret-access-key": secret });
    tenant.secret("aws", access_key).await?;
    Ok(tenant)
}

/// A key at a server, by each backend that calls one.
fn keys(server: &Proxy) -> [(&'static str, Value); 3] {
    let (address, pem) = (server.address(), server.ca_pem());
    let aws = |role: Option<&str>| {
        json!({ "awsKms": {
            "keyId": "alias/ca", "region": "eu-central-1", "endpoint": address,
            "stsEndpoint": address, "caBundle": { "inline": pem }, "roleArn": role,
            "credentials": { "secretRef": { "name": "aws" } },
        }})
    };
    [
        ("vault", vault(&address, Some(pem), by_token())),
        ("kms", aws(None)),
        ("sts", aws(Some("arn:aws:iam::111122223333:role/r"))),
    ]
}

/// Waits for a connection after so many.
async fn is_called(server: &Proxy, before: usize) -> Result<()> {
    let observe = async || {
        let connections = server.connections();
        Ok(Observation::reached_if(connections > before, connections))
    };
    until("another connection", observe).await
}

async fn a_redirect_is_not_followed(test: &TestNamespace) -> Result<()> {
    let tenant = tenant(test, "redirected").await?;
    let (first, second) = (server().await?, server().await?);
    first.add(
        Requests::All,
        Fault::redirect(&format!("{}/v1/hidden", second.address())),
    );
    for (name, key) in keys(&first) {
        let before = first.connections();
        let issuer = tenant.has(name, key).await?;
        let message = tenant
            .wait_until_not_ready(&issuer, "KeyInvalidResponse")
            .await?;
        ensure!(message.contains("not followed"), "{name}: {message}");
        ensure!(first.connections() > before, "{name}: nothing was called");
    }
    ensure!(second.connections() == 0, "a redirect was followed");
    Ok(())
}

/// Responses of servers that are not what the tenant claims, and errors that are long.
fn responses() -> Vec<Fault> {
    let page = |status: u16| Fault::Response {
        status,
        headers: vec![
            ("content-type".into(), "text/html".into()),
            (
                "www-authenticate".into(),
                format!("Basic realm=\"{SECRET}\""),
            ),
            ("server".into(), SECRET.into()),
        ],
        body: format!("<html><title>{SECRET}</title></html>"),
    };
    let other_fields = json!({
        "errors": [], "password": SECRET, "data": { "keys": { "1": SECRET }, "name": SECRET },
        "Account": SECRET, "warnings": [SECRET], "detail": SECRET,
    });
    let statuses = [200, 204, 400, 401, 403, 404, 418, 500, 503];
    let mut responses: Vec<_> = statuses.into_iter().map(page).collect();
    responses.extend(statuses.map(|status| Fault::json(status, &other_fields.to_string())));
    responses
}

async fn only_the_error_of_a_response_is_shown(test: &TestNamespace) -> Result<()> {
    let tenant = tenant(test, "window").await?;
    let mut issuers = Vec::new();
    let mut servers = Vec::new();
    for (number, response) in responses().into_iter().enumerate() {
        let server = server().await?;
        server.add(Requests::All, response);
        for (name, key) in keys(&server) {
            issuers.push(tenant.has(&format!("{name}-{number}"), key).await?);
        }
        servers.push(server);
    }
    for issuer in &issuers {
        tenant.is_not_ready(issuer, "").await?;
        let message = tenant.visible_text(issuer).await?;
        ensure!(!message.contains("intranet"), "{}: {message}", issuer.name);
    }
    for server in &servers {
        is_called(server, 0).await?;
    }
    a_long_error_is_cut(&tenant).await?;
    let log = std::fs::read_to_string(test.bed().operator_log())?;
    ensure!(!log.contains(SECRET), "it is in the log");
    Ok(())
}

async fn a_long_error_is_cut(tenant: &Tenant) -> Result<()> {
    let long = format!("{}{SECRET}", "x".repeat(MAX_SHOWN));
    for (name, fault) in [
        (
            "vault",
            Fault::json(400, &json!({ "errors": [long] }).to_string()),
        ),
        ("kms", Fault::aws_error(400, "ValidationException", &long)),
    ] {
        let server = server().await?;
        server.add(Requests::All, fault);
        let key = keys(&server).into_iter().find(|(of, _)| *of == name);
        let key = key.map(|(_, key)| key).unwrap_or_default();
        let issuer = tenant.has(&format!("long-{name}"), key).await?;
        let message = tenant.is_not_ready(&issuer, "xxx").await?;
        let shown = message.matches('x').count();
        ensure!(
            (150..=MAX_SHOWN + 5).contains(&shown),
            "{name}: {shown} of {message}"
        );
        ensure!(
            !tenant.visible_text(&issuer).await?.contains(SECRET),
            "{name}: {message}"
        );
    }
    Ok(())
}

/// TLS verification cannot be switched off: a server that is not under the CA that the tenant
/// names gets no request, and so no credential.
async fn a_server_under_another_ca_is_not_talked_to(test: &TestNamespace) -> Result<()> {
    let tenant = tenant(test, "other-ca").await?;
    let (server, other) = (server().await?, server().await?);
    for (name, key) in keys(&server) {
        for (which, bundle) in [("other", Some(other.ca_pem())), ("none", None)] {
            let mut key = key.clone();
            for backend in key
                .as_object_mut()
                .into_iter()
                .flat_map(|key| key.values_mut())
            {
                match bundle {
                    Some(pem) => backend["caBundle"] = json!({ "inline": pem }),
                    None => backend["caBundle"] = Value::Null,
                }
            }
            let before = server.connections();
            let issuer = tenant.has(&format!("{name}-{which}"), key).await?;
            tenant
                .wait_until_not_ready(&issuer, "KeyUnreachable")
                .await?;
            let called = is_called(&server, before).await;
            called.with_context(|| format!("{name} {which}"))?;
        }
    }
    ensure!(
        server.requests().is_empty(),
        "a request came: {:?}",
        server.requests()
    );
    Ok(())
}
