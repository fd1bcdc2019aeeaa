//! The operator's own credentials for AWS, from wherever the SDK looks for them in a cluster.
//! tenants::ambient is about who may use them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, KmsKey, ministack, secrets};
use signet_e2e::runtime::blocking;
use signet_e2e::{OwnBed, TestNamespace};
use signet_testbed::Proxy;
use signet_testbed::forward_proxy::{ForwardProxy, PASSWORD};
use signet_testbed::installation::Operator;
use signet_testbed::keyservers::ministack::ACCOUNT;
use signet_testbed::proxy::{Fault, Requests};

const AUDIENCE: &str = "sts.amazonaws.com";
const ROBOT: &str = "signet-robot";
/// The AWS environment of the user who runs the tests does not count.
const NOTHING_ELSE: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", ""),
    ("AWS_SECRET_ACCESS_KEY", ""),
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
];

/// IRSA: the pod has a token of its ServiceAccount in a file, and environment variables name the
/// role.
pub(crate) async fn a_role_of_its_service_account(bed: OwnBed) -> Result<()> {
    let sts = blocking(|| Proxy::http(&ministack()?.endpoint(), None)).await?;
    assumes_a_role(&bed, "irsa", &sts, &[]).await
}

/// The same in a network whose one way out is an HTTP proxy.
pub(crate) async fn a_role_through_the_proxy(bed: OwnBed) -> Result<()> {
    let forward = blocking(ForwardProxy::start).await?;
    secrets::note(PASSWORD);
    let sts = blocking(|| Proxy::https(&ministack()?.endpoint(), None)).await?;
    // Where the SDK looks for the system's roots.
    let roots = bed.plane().logs().join("sts-roots.pem");
    std::fs::write(&roots, sts.ca_pem())?;
    let url = forward.url();
    let environment = [
        ("SIGNET_CLUSTER_ISSUER_PROXY", url.as_str()),
        ("SSL_CERT_FILE", text(&roots)?),
    ];
    assumes_a_role(&bed, "irsa-proxied", &sts, &environment).await?;
    let tunnels = forward.tunnels_to(sts.port())?;
    ensure!(tunnels >= 1, "STS was called directly");
    Ok(())
}

async fn assumes_a_role(
    bed: &OwnBed,
    name: &str,
    sts: &Proxy,
    environment: &[(&str, &str)],
) -> Result<()> {
    let test = TestNamespace::create(bed.bed(), name).await?;
    let key = keys::kms().await?;
    let (namespace, role_key) = (test.name().to_owned(), Arc::clone(&key));
    let role = blocking(move || role_key.role_of((&namespace, ROBOT), AUDIENCE)).await?;
    let token = token_file(&test).await?;
    let address = sts.address();
    let of_role = [
        ("AWS_ROLE_ARN", role.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", text(&token)?),
        ("AWS_ENDPOINT_URL_STS", &address),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    issues(bed, &test, &key, &[&of_role, environment].concat()).await?;
    let assumed = Requests::Action("AssumeRoleWithWebIdentity".to_owned());
    ensure!(sts.count(&assumed) >= 1, "the role was not assumed");
    Ok(())
}

/// EKS Pod Identity: an agent on the node gives credentials for a token in a file. The agent is a
/// double, since there is no node.
pub(crate) async fn the_agent_of_pod_identity(bed: OwnBed) -> Result<()> {
    let test = TestNamespace::create(bed.bed(), "pod-identity").await?;
    let key = keys::kms().await?;
    let server = blocking(|| Proxy::http("http://127.0.0.1:9", None)).await?;
    let token = token_file(&test).await?;
    let agent = Requests::Carrying {
        path: "/v1/credentials".to_owned(),
        header: "authorization",
        value: std::fs::read_to_string(&token)?,
    };
    server.add(
        agent.clone(),
        Fault::json(200, &credentials(&key).await?.to_string()),
    );
    let uri = format!("{}/v1/credentials", server.address());
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text(&token)?),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    issues(&bed, &test, &key, &environment).await?;
    ensure!(server.count(&agent) >= 1, "{:?}", server.requests());
    Ok(())
}

/// The role of a node, from the metadata service (IMDSv2), which is a double.
pub(crate) async fn the_role_of_its_node(bed: OwnBed) -> Result<()> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    const SESSION: &str = "a-token-of-a-session";
    let test = TestNamespace::create(bed.bed(), "imds").await?;
    let key = keys::kms().await?;
    let server = blocking(|| Proxy::http("http://127.0.0.1:9", None)).await?;
    let plain = |body: &str| Fault::Response {
        status: 200,
        headers: vec![("x-aws-ec2-metadata-token-ttl-seconds".into(), "300".into())],
        body: body.to_owned(),
    };
    let in_session = |path: &str| Requests::Carrying {
        path: path.to_owned(),
        header: "x-aws-ec2-metadata-token",
        value: SESSION.to_owned(),
    };
    let mut of_node = credentials(&key).await?;
    of_node["Code"] = json!("Success");
    of_node["Type"] = json!("AWS-HMAC");
    // The first that fits responds.
    let role = in_session(&format!("{ROLES}node"));
    let session = Requests::Path("/latest/api/token".to_owned());
    server.add(session, plain(SESSION));
    server.add(role.clone(), Fault::json(200, &of_node.to_string()));
    server.add(in_session(ROLES), plain("node"));
    let address = server.address();
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", address.as_str())];
    issues(&bed, &test, &key, &environment).await?;
    ensure!(server.count(&role) >= 1, "{:?}", server.requests());
    Ok(())
}

/// Whether a ClusterIssuer that names no credentials issues, with this environment.
async fn issues(
    bed: &OwnBed,
    test: &TestNamespace,
    key: &KmsKey,
    environment: &[(&str, &str)],
) -> Result<()> {
    let environment = [environment, &NOTHING_ELSE].concat();
    let operator = Operator::start_with(&bed.operator_options(&[]), &environment).await?;
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
        let role = key.role(&json!({
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
            "Action": "sts:AssumeRole",
        }))?;
        ministack()?.assume_role(&role)
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
