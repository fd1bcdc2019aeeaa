//! PKCS#11 tokens and their PINs come from the operator's own list.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_e2e::audit::{Object, calls_of_signet};
use signet_e2e::csr::Csr;
use signet_e2e::runtime::blocking;
use signet_e2e::{Ask, OwnBed};
use signet_testbed::SoftHsm;
use signet_testbed::installation::Operator;
use tempfile::TempDir;

use super::tenant::Tenant;

/// The tokens behind the module, by label, of which the operator lists the first.
const LISTED: &str = "listed";
const UNLISTED: &str = "unlisted";
const PIN: &str = "pin-of-the-token";

/// An HSM with two tokens, each with a key of the same label.
async fn hsm() -> Result<SoftHsm> {
    blocking(|| {
        let hsm = SoftHsm::new()?;
        for token in [LISTED, UNLISTED] {
            hsm.init_token(token, "pin-of-the-officer", PIN)?;
            hsm.make_key(token, PIN, "EC:prime256v1", "ca", "01")?;
        }
        Ok(hsm)
    })
    .await
}

fn key(module: &str, token: &str) -> Value {
    json!({ "pkcs11": { "module": module, "token": token, "keyLabel": "ca" } })
}

/// An operator that lists one token, for this tenant, with its PIN in a Secret.
async fn operator(bed: &OwnBed, hsm: &SoftHsm, tenant: &Tenant) -> Result<(Operator, TempDir)> {
    let secret = tenant.unique("token-pin");
    tenant
        .put_cluster_secret(&secret, json!({ "pin": PIN }))
        .await?;
    let token = json!({
        "name": LISTED,
        "label": LISTED,
        "pin": { "secret": { "name": secret } },
        "namespaces": [tenant.name()],
    });
    let module = json!({ "name": "hsm", "path": hsm.module(), "tokens": [token] });
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("modules.yaml");
    std::fs::write(&file, json!({ "modules": [module] }).to_string())?;
    let file = file.display().to_string();
    let operator = bed.start_operator(&["--pkcs11-modules", &file]).await?;
    Ok((operator, folder))
}

/// Whether it is listed for others, is in the HSM and not listed, or does not exist.
pub(crate) async fn an_unlisted_token_is_reported_like_a_missing_one(bed: OwnBed) -> Result<()> {
    let hsm = hsm().await?;
    let listed = Tenant::new(bed.bed(), "listed").await?;
    let other = Tenant::new(bed.bed(), "not-listed").await?;
    let (operator, _folder) = operator(&bed, &hsm, &listed).await?;
    let mut messages = Vec::new();
    for (number, (module, token)) in [
        ("hsm", LISTED),
        ("hsm", UNLISTED),
        ("hsm", "missing"),
        ("missing", LISTED),
    ]
    .into_iter()
    .enumerate()
    {
        let issuer = other
            .has(&format!("ca-{number}"), key(module, token))
            .await?;
        let message = other.wait_until_not_ready(&issuer, "KeyNotFound").await?;
        let names = format!("no token {token} of a PKCS#11 module {module} for");
        ensure!(message.contains(&names), "{message}");
        messages.push(message.replace(&names, ""));
    }
    messages.dedup();
    ensure!(messages.len() == 1, "{messages:?}");
    ensure!(hsm.logins() == 0, "a tenant came as far as the token");

    let unlisted = listed.has("unlisted", key("hsm", UNLISTED)).await?;
    listed
        .wait_until_not_ready(&unlisted, "KeyNotFound")
        .await?;
    let issuer = listed.has("ca", key("hsm", LISTED)).await?;
    listed.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = listed.ask(&Ask::new(&issuer, &csr)).await?;
    listed.issued(&request, &csr).await?;
    operator.stop().await?;
    Ok(())
}

/// A tenant who could name a PIN could guess it, and use up the token's tries.
pub(crate) async fn a_tenants_secret_is_not_used_as_pin(bed: OwnBed) -> Result<()> {
    let hsm = hsm().await?;
    let tenant = Tenant::new(bed.bed(), "guesses").await?;
    let (operator, _folder) = operator(&bed, &hsm, &tenant).await?;
    tenant.secret("pin", json!({ "pin": "a-guess" })).await?;
    let mut named = key("hsm", LISTED);
    named["pkcs11"]["pinSecretRef"] = json!({ "name": "pin" });
    let refused = tenant.may_not_write(&named).await?;
    ensure!(
        refused.contains("field not declared in schema"),
        "{refused}"
    );
    // Without strict validation, the API server drops the field.
    let issuer = tenant.has("ca", named).await?;
    tenant.wait_until_ready(&issuer).await?;
    ensure!(hsm.logins() == 1, "{} PINs were tried", hsm.logins());
    let message = tenant.visible_text(&issuer).await?;
    ensure!(
        !message.contains(PIN) && !message.contains("token-pin"),
        "{message}"
    );
    let is_theirs = |object: &Object| object.name == "pin" && *object.namespace == *tenant.name();
    let calls = calls_of_signet(&bed)?.into_iter();
    let read: Vec<_> = calls
        .filter_map(|call| call.object_ref)
        .filter(is_theirs)
        .collect();
    ensure!(read.is_empty(), "{read:?}");
    operator.stop().await?;
    Ok(())
}
