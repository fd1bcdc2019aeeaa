//! What the spec forbids to create.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::{TestNamespace, spec};

use super::Subject;

shared![
    nothing_is_created_on_an_empty_cluster_where_it_is_forbidden,
    a_rebuilt_cluster_comes_back_with_the_expected_root_or_not_at_all,
];

async fn nothing_is_created_on_an_empty_cluster_where_it_is_forbidden(
    test: &TestNamespace,
) -> Result<()> {
    for (pin, expected) in [
        (json!({ "creation": "Forbidden" }), "creation is Forbidden"),
        (
            json!({ "expectedRoot": "0".repeat(64) }),
            "there is no CA with the root 0000",
        ),
    ] {
        let name = match pin.get("creation") {
            Some(_) => "forbidden",
            None => "pinned",
        };
        let key = test.unique(name);
        let mut spec = spec::self_signed(&key);
        for (field, value) in pin.as_object().into_iter().flatten() {
            spec["certificate"][field] = value.clone();
        }
        let issuer = test.create_issuer(Issuer, name, spec).await?;
        let message = test
            .wait_until_not_ready(&issuer, "CreationForbidden")
            .await?;
        ensure!(message.contains(expected), "{message}");
        ensure!(test.secret(&key).await.is_err(), "a key was created");
        let allowed = json!({ "certificate": { "creation": null, "expectedRoot": null } });
        test.patch_issuer(&issuer, allowed).await?;
        test.wait_until_ready(&issuer).await?;
    }
    Ok(())
}

async fn a_rebuilt_cluster_comes_back_with_the_expected_root_or_not_at_all(
    test: &TestNamespace,
) -> Result<()> {
    let subject = Subject::new(test).await?;
    subject.delete_issuer().await?;
    subject.delete_generations().await?;
    let mut spec = spec::self_signed(&subject.key);
    spec["certificate"]["creation"] = json!("Forbidden");
    spec["certificate"]["expectedRoot"] = json!("0".repeat(64));
    test.create_issuer(ClusterIssuer, "root", spec).await?;
    let message = test.wait_until_not_ready(&subject.issuer, "CaLost").await?;
    ensure!(message.contains(&subject.root()?), "{message}");
    let expected = json!({ "certificate": { "expectedRoot": subject.root()? } });
    test.patch_issuer(&subject.issuer, expected).await?;
    subject.is_back().await
}
