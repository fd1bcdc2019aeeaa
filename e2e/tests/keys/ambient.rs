//! The operator's own credentials for AWS, from wherever the SDK looks for them in a cluster.
//! tenants::ambient is about who may use them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, KmsKey, ministack, secrets};
use signet_e2e::runner::blocking;
use signet_e2e::service_account::API_SERVER;
use signet_e2e::{Bed, OwnBed, TestNamespace};
use signet_installation::Operator;
use signet_keyservers::Proxy;
use signet_keyservers::ministack::ACCOUNT;
use signet_keyservers::proxy::{Fault, Requests};

const AUDIENCE: &str = "sts.amazonaws.com";
const ROBOT: &str = "signet-robot";

/// IRSA: the pod has a token of its ServiceAccount in a file, and environment variables name the
/// role.
pub(crate) async fn a_role_of_its_service_account() -> Result<()> {
    let bed = Bed::own().await?;
    let test = TestNamespace::create(bed.bed(), "irsa").await?;
    let key = keys::kms().await?;
    let (namespace, role_key) = (test.name().to_owned(), Arc::clone(&key));
    let role = blocking(move || {
        let server = ministack()?;
        let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{API_SERVER}");
        let subject = format!("system:serviceaccount:{namespace}:{ROBOT}");
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{API_SERVER}:sub"): subject } },
        }]});
        let policy = KmsKey::policy_for(&server.key_arn(role_key.id()));
        server.make_role(&format!("role-{}", role_key.user()), &trust, &policy)
    })
    .await?;
    let sts = blocking(|| Proxy::http(&ministack()?.endpoint(), None)).await?;
    let token = token_file(&test).await?;
    let environment = [
        ("AWS_ROLE_ARN", role.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", text(&token)?),
        ("AWS_ENDPOINT_URL_STS", &sts.address()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    issues(&bed, &test, &key, &environment).await?;
    let assumed = Requests::Action("AssumeRoleWithWebIdentity".to_owned());
    ensure!(sts.count(&assumed) >= 1, "the role was not assumed");
    Ok(())
}

/// EKS Pod Identity: an agent on the node gives credentials for a token in a file. The agent is a
/// double, since there is no node.
pub(crate) async fn the_agent_of_pod_identity() -> Result<()> {
    let bed = Bed::own().await?;
    let test = TestNamespace::create(bed.bed(), "pod-identity").await?;
    let key = keys::kms().await?;
    let agent = Requests::Path("/v1/credentials".to_owned());
    let server = blocking(|| Proxy::http("http://127.0.0.1:9", None)).await?;
    server.add(
        agent.clone(),
        Fault::json(200, &credentials(&key).await?.to_string()),
    );
    let token = token_file(&test).await?;
    let uri = format!("{}/v1/credentials", server.address());
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text(&token)?),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    issues(&bed, &test, &key, &environment).await?;
    let asked = server.requests();
    let with_token = asked
        .iter()
        .all(|request| request.headers.iter().any(|name| name == "authorization"));
    ensure!(!asked.is_empty() && with_token, "{asked:?}");
    Ok(())
}

/// The role of a node, from the metadata service (IMDSv2), which is a double.
pub(crate) async fn the_role_of_its_node() -> Result<()> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let bed = Bed::own().await?;
    let test = TestNamespace::create(bed.bed(), "imds").await?;
    let key = keys::kms().await?;
    let server = blocking(|| Proxy::http("http://127.0.0.1:9", None)).await?;
    let plain = |body: &str| Fault::Answer {
        status: 200,
        headers: vec![("x-aws-ec2-metadata-token-ttl-seconds".into(), "300".into())],
        body: body.to_owned(),
    };
    let path = |path: &str| Requests::Path(path.to_owned());
    let mut of_node = credentials(&key).await?;
    of_node["Code"] = json!("Success");
    of_node["Type"] = json!("AWS-HMAC");
    // The first that fits answers.
    server.add(path("/latest/api/token"), plain("a-token-of-a-session"));
    server.add(
        path(&format!("{ROLES}node")),
        Fault::json(200, &of_node.to_string()),
    );
    server.add(path(ROLES), plain("node"));
    let address = server.address();
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", address.as_str())];
    issues(&bed, &test, &key, &environment).await
}

/// Whether a ClusterIssuer that names no credentials issues, with this environment.
async fn issues(
    bed: &OwnBed,
    test: &TestNamespace,
    key: &KmsKey,
    environment: &[(&str, &str)],
) -> Result<()> {
    let operator = Operator::start_with(&bed.bed().operator_options(&[]), environment).await?;
    let key = key.config_without_credentials();
    let spec = json!({ "key": key, "certificate": { "selfSigned": {} } });
    let issuer = test.issuer(ClusterIssuer, "ambient", spec).await?;
    test.obtain(&issuer).await?;
    operator.stop().await?;
    Ok(())
}

/// What an agent or a metadata service gives: credentials of a role that may sign with the key.
async fn credentials(key: &Arc<KmsKey>) -> Result<Value> {
    let key = Arc::clone(key);
    let session = blocking(move || {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
            "Action": "sts:AssumeRole",
        }]});
        let server = ministack()?;
        let policy = KmsKey::policy_for(&server.key_arn(key.id()));
        let role = server.make_role(&format!("role-{}", key.user()), &trust, &policy)?;
        server.assume_role(&role)
    })
    .await?;
    Ok(json!({
        "AccessKeyId": session.id,
        "SecretAccessKey": secrets::note(session.secret),
        "Token": secrets::note(session.token),
        "Expiration": "2099-01-01T00:00:00Z",
    }))
}

/// A file with a token of a ServiceAccount, as the kubelet puts it into a pod.
async fn token_file(test: &TestNamespace) -> Result<PathBuf> {
    test.robot(ROBOT).await?;
    let token = test.token_of(ROBOT, Some(AUDIENCE)).await?;
    let path = test
        .bed()
        .plane()
        .logs()
        .join(format!("token-{}", test.name()));
    std::fs::write(&path, token)?;
    Ok(path)
}

fn text(path: &std::path::Path) -> Result<&str> {
    path.to_str().context("the path is text")
}
