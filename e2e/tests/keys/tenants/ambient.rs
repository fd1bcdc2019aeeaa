//! No ambient credential.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use signet_e2e::keys::{self, KmsKey, RemoteKey};
use signet_e2e::{OwnBed, ready_condition};
use signet_testbed::installation::Operator;

use super::tenant::{Tenant, cluster_issuer};

/// A region that does not exist: its endpoint's name does not resolve.
const NO_REGION: &str = "xx-nowhere-1";

/// A key in the emulator of AWS, and the operator with the access key for it in its environment.
struct Aws(Arc<KmsKey>);

impl Aws {
    async fn start() -> Result<Self> {
        Ok(Self(keys::kms().await?))
    }

    fn key(&self) -> Value {
        self.0.config_without_credentials()
    }

    async fn operator(&self, bed: &OwnBed, flags: &[&str]) -> Result<Operator> {
        let login = self.0.credential();
        let environment = [
            ("AWS_ACCESS_KEY_ID", login["access-key-id"].as_str()),
            ("AWS_SECRET_ACCESS_KEY", login["secret-access-key"].as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Operator::start_with(&bed.operator_options(flags), &environment).await
    }
}

pub(crate) async fn a_tenant_cannot_use_the_operators_own_credentials(bed: OwnBed) -> Result<()> {
    let aws = Aws::start().await?;
    // So that nothing but the rule keeps the tenant from the server.
    let operator = aws
        .operator(&bed, &["--issuer-local-addresses", "true"])
        .await?;
    let tenant = Tenant::new(bed.bed(), "ambient").await?;
    let refused = tenant.has("refused", aws.key()).await?;
    let message = tenant
        .wait_until_not_ready(&refused, "KeyCredentialsRefused")
        .await?;
    ensure!(
        message.contains("--issuer-ambient-credentials=true"),
        "{message}"
    );
    ensure!(
        aws.0.proxy().connections() == 0,
        "AWS was called for a tenant"
    );

    let allowed = cluster_issuer(&tenant, "ambient", aws.key()).await?;
    tenant.wait_until_ready(&allowed).await?;
    ensure!(aws.0.proxy().connections() > 0, "AWS was not called");
    let message = tenant.visible_text(&refused).await?;
    ensure!(
        !message.contains(&aws.0.credential()["access-key-id"]),
        "{message}"
    );
    operator.stop().await?;
    Ok(())
}

pub(crate) async fn a_flag_takes_them_from_cluster_issuers(bed: OwnBed) -> Result<()> {
    let aws = Aws::start().await?;
    let operator = aws
        .operator(&bed, &["--cluster-issuer-ambient-credentials", "false"])
        .await?;
    let tenant = Tenant::new(bed.bed(), "none").await?;
    let refused = cluster_issuer(&tenant, "none", aws.key()).await?;
    let message = tenant
        .wait_until_not_ready(&refused, "KeyCredentialsRefused")
        .await?;
    let flag = "--cluster-issuer-ambient-credentials=true";
    ensure!(message.contains(flag), "{message}");
    ensure!(aws.0.proxy().connections() == 0, "AWS was called");
    operator.stop().await?;
    Ok(())
}

pub(crate) async fn a_flag_lends_them_but_not_to_an_address_of_a_tenants_choice(
    bed: OwnBed,
) -> Result<()> {
    let aws = Aws::start().await?;
    let flags = [
        "--issuer-ambient-credentials",
        "true",
        "--issuer-local-addresses",
        "true",
    ];
    let operator = aws.operator(&bed, &flags).await?;
    let tenant = Tenant::new(bed.bed(), "lent").await?;
    let lent = tenant
        .has(
            "lent",
            json!({ "awsKms": { "keyId": aws.0.id(), "region": NO_REGION } }),
        )
        .await?;
    let elsewhere = tenant.has("elsewhere", aws.key()).await?;
    let message = tenant
        .wait_until_not_ready(&elsewhere, "KeyCredentialsRefused")
        .await?;
    ensure!(message.contains("may not set endpoint"), "{message}");
    ensure!(
        aws.0.proxy().connections() == 0,
        "AWS was called with what is not the tenant's"
    );
    // The credentials are there; it is the region that is not.
    let called = |ready: &Condition| ready.reason == "KeyUnreachable";
    let status = tenant.wait_for_issuer(&lent, "calling AWS", called).await?;
    let message = ready_condition(&status).map(|ready| ready.message.clone());
    ensure!(
        message
            .as_ref()
            .is_some_and(|message| message.contains(NO_REGION)),
        "{message:?}"
    );
    operator.stop().await?;
    Ok(())
}
