//! Logging in with a token of a ServiceAccount, which the API server of the test makes and
//! reviews.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_e2e::keys::{self, VaultKey, openbao};
use signet_e2e::runtime::blocking;
use signet_e2e::{Bed, IssuerRef, TestNamespace};
use signet_testbed::proxy::Requests;

shared![
    vault_reviews_the_token_of_a_service_account,
    vault_checks_the_token_of_a_service_account_by_itself,
    a_service_account_assumes_a_role_of_aws,
];

const LOGIN: &str = "ca-login";

/// Without the Role there is no token, and the condition names the Role. With it, the token has
/// exactly the issuer's audience: OpenBao's role asks for no other, and one that asks for less or
/// more gets none.
async fn vault_reviews_the_token_of_a_service_account(test: &TestNamespace) -> Result<()> {
    let key = keys::vault().await?;
    let kubernetes = Kubernetes::of(test).await?;
    let (namespace, policy) = (test.name().to_owned(), key.policy().to_owned());
    blocking(move || {
        let server = openbao()?;
        server.enable_kubernetes(&kubernetes.server, &kubernetes.ca, &kubernetes.reviewer)?;
        for (role, issuer) in [("right", "ca"), ("wrong", "cab")] {
            let audience = format!("signet://{namespace}/{issuer}");
            server.kubernetes_role(role, &namespace, LOGIN, &audience, &policy)?;
        }
        Ok(())
    })
    .await?;
    let issuer = test
        .create_issuer(Issuer, "ca", by(&key, "kubernetes", "right"))
        .await?;
    say_what_role_is_missing(test, &issuer).await?;
    test.lets_signet_make_tokens_of(LOGIN).await?;
    test.wait_until_ready(&issuer).await?;
    test.obtain(&issuer).await?;
    only_by_the_right_role(test, &issuer, &key, "kubernetes").await
}

/// By the public key of the API server, which OpenBao is given.
async fn vault_checks_the_token_of_a_service_account_by_itself(test: &TestNamespace) -> Result<()> {
    let key = keys::vault().await?;
    let public = std::fs::read_to_string(test.bed().plane().service_account_key())?;
    let (namespace, policy) = (test.name().to_owned(), key.policy().to_owned());
    blocking(move || {
        let server = openbao()?;
        server.enable_auth("jwt")?;
        server.configure_jwt(&[&public], None)?;
        let subject = format!("system:serviceaccount:{namespace}:{LOGIN}");
        for (role, issuer) in [("right", "ca"), ("wrong", "cab")] {
            let audience = format!("signet://{namespace}/{issuer}");
            server.jwt_role(role, &subject, &audience, &policy)?;
        }
        Ok(())
    })
    .await?;
    test.robot(LOGIN).await?;
    test.lets_signet_make_tokens_of(LOGIN).await?;
    let issuer = test.issuer(Issuer, "ca", by(&key, "jwt", "right")).await?;
    test.obtain(&issuer).await?;
    only_by_the_right_role(test, &issuer, &key, "jwt").await
}

/// The spec of an issuer that logs in by this method, in this role.
fn by(key: &VaultKey, method: &str, role: &str) -> Value {
    let auth = json!({ "role": role, "serviceAccountRef": { "name": LOGIN } });
    let key = key.config_with(json!({ method: auth }));
    json!({ "key": key, "certificate": { "selfSigned": {} } })
}

/// The same ServiceAccount and key, and a role that wants another issuer's audience.
async fn only_by_the_right_role(
    test: &TestNamespace,
    issuer: &IssuerRef,
    key: &VaultKey,
    method: &str,
) -> Result<()> {
    test.patch_issuer(issuer, by(key, method, "wrong")).await?;
    test.wait_until_not_ready(issuer, "KeyCredentialsRefused")
        .await?;
    test.patch_issuer(issuer, by(key, method, "right")).await?;
    test.wait_until_ready(issuer).await?;
    Ok(())
}

/// More than a login takes attempts: one that gets no response in time is tried again.
const SIGNATURES: usize = 5;

/// The trust policy of the role wants the ServiceAccount, and the audience of this issuer. The role
/// is assumed for many signatures.
async fn a_service_account_assumes_a_role_of_aws(test: &TestNamespace) -> Result<()> {
    let key = keys::kms().await?;
    test.robot(LOGIN).await?;
    test.lets_signet_make_tokens_of(LOGIN).await?;
    let namespace = test.name().to_owned();
    let role_key = key.clone();
    let role = blocking(move || {
        let audience = format!("signet://{namespace}/ca");
        role_key.role_of((&namespace, LOGIN), &audience)
    })
    .await?;
    let login = json!({ "roleArn": role, "serviceAccountRef": { "name": LOGIN } });
    let config = key.config_with(key.id(), json!({ "webIdentity": login }));
    let spec = json!({ "key": config, "certificate": { "selfSigned": {} } });
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    for _ in 0..SIGNATURES {
        test.obtain(&issuer).await?;
    }
    let assumed = Requests::Action("AssumeRoleWithWebIdentity".to_owned());
    let times = key.proxy().count(&assumed);
    ensure!(
        (1..SIGNATURES).contains(&times),
        "the role was assumed {times} times for {SIGNATURES} signatures"
    );
    Ok(())
}

async fn say_what_role_is_missing(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    test.robot(LOGIN).await?;
    let message = test
        .wait_until_not_ready(issuer, "KeyCredentialsRefused")
        .await?;
    for part in ["serviceaccounts/token", "Role", test.name(), LOGIN] {
        ensure!(message.contains(part), "no {part} in {message}");
    }
    Ok(())
}

/// The API server, as OpenBao is configured with it.
pub(crate) struct Kubernetes {
    pub(crate) server: String,
    pub(crate) ca: String,
    pub(crate) reviewer: String,
}

impl Kubernetes {
    pub(crate) async fn of(test: &TestNamespace) -> Result<Self> {
        let bed: &Bed = test.bed();
        let config = Kubeconfig::read_from(bed.plane().kubeconfig())?;
        let cluster = config
            .clusters
            .first()
            .and_then(|named| named.cluster.as_ref());
        let cluster = cluster.context("the kubeconfig has a cluster")?;
        let ca = cluster.certificate_authority_data.as_ref();
        let ca = STANDARD.decode(ca.context("it has a CA")?)?;
        Ok(Self {
            server: cluster.server.clone().context("it has a server")?,
            ca: String::from_utf8(ca)?,
            reviewer: reviewer(test).await?,
        })
    }
}

/// A token that may create TokenReviews and nothing else.
async fn reviewer(test: &TestNamespace) -> Result<String> {
    const API: &str = "rbac.authorization.k8s.io";
    const NAME: &str = "reviewer";
    test.robot(NAME).await?;
    test.create_object(json!({
        "apiVersion": format!("{API}/v1"), "kind": "ClusterRoleBinding",
        "metadata": { "name": test.unique(NAME) },
        "roleRef": { "apiGroup": API, "kind": "ClusterRole", "name": "system:auth-delegator" },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": test.name() }],
    }))
    .await?;
    test.token_of(NAME, None).await
}
