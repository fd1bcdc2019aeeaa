//! A PKCS#11 module is named from the operator's own list, and a login is a secret too.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_e2e::csr::Csr;
use signet_e2e::runner::blocking;
use signet_e2e::{Ask, OwnBed};
use signet_testbed::SoftHsm;
use signet_testbed::installation::Operator;
use tempfile::TempDir;

use super::tenant::Tenant;

const TOKEN: &str = "of-the-platform";
const PIN: &str = "pin-of-the-token";

/// An HSM with a key for each of two tenants.
async fn hsm() -> Result<SoftHsm> {
    blocking(|| {
        let hsm = SoftHsm::new()?;
        hsm.init_token(TOKEN, "pin-of-the-officer", PIN)?;
        for (label, id) in [("first", "01"), ("second", "02")] {
            hsm.make_key(TOKEN, PIN, "EC:prime256v1", label, id)?;
        }
        Ok(hsm)
    })
    .await
}

fn key(module: &str, label: &str) -> Value {
    json!({ "pkcs11": {
        "module": module, "tokenLabel": TOKEN, "keyLabel": label, "pinSecretRef": { "name": "pin" },
    }})
}

/// An operator that lists a module for these namespaces.
pub(super) async fn operator(
    bed: &OwnBed,
    module: PathBuf,
    namespaces: &[&str],
) -> Result<(Operator, TempDir)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("modules.yaml");
    let list = json!({ "modules": [{ "name": "hsm", "path": module, "namespaces": namespaces }] });
    std::fs::write(&file, list.to_string())?;
    let file = file.display().to_string();
    let operator = bed.start_operator(&["--pkcs11-modules", &file]).await?;
    Ok((operator, folder))
}

/// One that is not listed for a namespace is as if there were none: which modules the operator
/// has is none of a tenant's business.
pub(crate) async fn a_module_is_there_for_the_namespaces_that_are_listed(
    bed: OwnBed,
) -> Result<()> {
    let hsm = hsm().await?;
    let listed = Tenant::new(bed.bed(), "listed").await?;
    let other = Tenant::new(bed.bed(), "not-listed").await?;
    let (operator, _folder) = operator(&bed, hsm.module(), &[listed.name()]).await?;
    for tenant in [&listed, &other] {
        tenant.secret("pin", json!({ "pin": PIN })).await?;
    }
    let there = other.has("there", key("hsm", "first")).await?;
    let nowhere = other.has("nowhere", key("none", "first")).await?;
    let unknown = "there is no PKCS#11 module";
    let told = other.is_not_ready(&there, unknown).await?;
    let same = other.is_not_ready(&nowhere, unknown).await?;
    ensure!(told.replace(" hsm ", " none ") == same, "{told}\n{same}");
    ensure!(hsm.logins() == 0, "a tenant came as far as the token");

    let issuer = listed.has("ca", key("hsm", "first")).await?;
    listed.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let request = listed.ask(&Ask::new(&issuer, &csr)).await?;
    listed.issued(&request, &csr).await?;
    operator.stop().await?;
    Ok(())
}

/// A login is that of the whole process. Were the token asked, it would say that it is logged in,
/// whatever the PIN.
pub(crate) async fn a_wrong_pin_is_wrong_on_a_token_that_is_logged_in(bed: OwnBed) -> Result<()> {
    let hsm = hsm().await?;
    let first = Tenant::new(bed.bed(), "first").await?;
    let second = Tenant::new(bed.bed(), "second").await?;
    let both = [first.name(), second.name()];
    let (operator, _folder) = operator(&bed, hsm.module(), &both).await?;
    first.secret("pin", json!({ "pin": PIN })).await?;
    second.secret("pin", json!({ "pin": "a-guess" })).await?;
    let issuer = first.has("ca", key("hsm", "first")).await?;
    first.wait_until_ready(&issuer).await?;
    let logins = hsm.logins();

    // Its own key and that of the other tenant.
    for label in ["second", "first"] {
        let thief = second
            .has(&format!("by-{label}"), key("hsm", label))
            .await?;
        let told = second
            .wait_until_not_ready(&thief, "KeyCredentialsRefused")
            .await?;
        ensure!(told.contains("the PIN differs"), "{told}");
        ensure!(!told.contains(PIN) && !told.contains("a-guess"), "{told}");
    }
    ensure!(hsm.logins() == logins, "a guess costs the token a try");
    let csr = Csr::for_dns("shop.example")?;
    let request = first.ask(&Ask::new(&issuer, &csr)).await?;
    first.issued(&request, &csr).await?;
    operator.stop().await?;
    Ok(())
}
