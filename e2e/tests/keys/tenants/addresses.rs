//! No request to what only the operator can reach.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_e2e::OwnBed;
use signet_e2e::runtime::blocking;
use signet_testbed::Proxy;

use super::tenant::{Tenant, by_token, vault};

/// Hosts that lead to the operator's own computer, however they are written, and to where clouds
/// have their metadata.
const HOSTS: [&str; 11] = [
    "127.0.0.1",
    "127.8.8.8",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "LOCALHOST",
    "169.254.169.254",
];

/// An address of a net for documentation (RFC 5737), which the operator's flag lists.
const API_SERVER: &str = "203.0.113.1";

pub(crate) async fn what_only_the_operator_can_reach_is_refused_and_not_called(
    bed: OwnBed,
) -> Result<()> {
    let listed = format!("--api-server-addresses={API_SERVER}");
    let operator = bed.start_operator(&[&listed]).await?;
    let tenant = Tenant::new(bed.bed(), "addresses").await?;
    tenant
        .secret("vault-token", json!({ "token": "s.of-the-tenant" }))
        .await?;
    let access_key =
        json!({ "access-key-id": "AKIATENANT", "secret-access-key": "secret-of-the-tenant" });
    tenant.secret("aws", access_key).await?;
    let listening = blocking(|| Proxy::https("https://127.0.0.1:9", None)).await?;
    let port = listening.port();
    let mut issuers = Vec::new();
    for (number, host) in HOSTS.into_iter().enumerate() {
        let address = format!("https://{host}:{port}");
        let ca = Some(listening.ca_pem());
        let key = vault(&address, ca, by_token());
        issuers.push((
            tenant.has(&format!("vault-{number}"), key).await?,
            address.clone(),
        ));
        let spec = json!({
            "key": { "software": { "secretName": format!("pki-{number}") } },
            "certificate": { "vaultPki": {
                "address": address,
                "caBundle": { "inline": listening.ca_pem() },
                "auth": by_token(),
            }},
        });
        let pki = tenant.has_spec(&format!("pki-{number}"), spec).await?;
        issuers.push((pki, address.clone()));
        let role = "arn:aws:iam::111122223333:role/r";
        for (field, role) in [("endpoint", None), ("stsEndpoint", Some(role))] {
            let key = json!({ "awsKms": {
                "keyId": "alias/ca", "region": "eu-central-1", field: address,
                "roleArn": role,
                "credentials": { "secretRef": { "name": "aws" } },
                "caBundle": { "inline": listening.ca_pem() },
            }});
            let name = format!("aws-{}-{number}", field.to_lowercase());
            issuers.push((tenant.has(&name, key).await?, address.clone()));
        }
    }
    // The API server itself, which listens, and would show whether it does; as the operator calls
    // it, and at another address.
    let called = bed.plane().server();
    let listed = format!("https://{API_SERVER}");
    for (name, server) in [("called", called), ("listed", listed)] {
        let key = vault(&server, None, by_token());
        issuers.push((tenant.has(name, key).await?, server));
    }
    for (issuer, address) in &issuers {
        let refused = tenant.is_not_ready(issuer, "which an Issuer may not").await;
        refused.with_context(|| address.clone())?;
    }
    ensure!(listening.connections() == 0, "something was called");
    operator.stop().await?;
    Ok(())
}
