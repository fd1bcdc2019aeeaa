//! Users who may create a MeshCA get no CA by that: the request is made by a ServiceAccount of their
//! namespace, and the issuer above judges it.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::mesh_ca::{CACERTS, Files, Rights, UPDATED};
use signet_e2e::parents::{ACCOUNT, REQUESTS};
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::installation::{NAMESPACE, SERVICE_ACCOUNT};

use super::istio_below;

shared![
    a_tenant_gets_no_ca_that_the_rules_do_not_allow,
    a_tenant_gets_no_ca_in_the_name_of_signet,
    messages_name_the_roles_that_are_missing,
    a_denied_request_is_reported,
];

/// An issuer of a trust domain that gives CA certificates to these ServiceAccounts.
async fn above(test: &TestNamespace, accounts: Value) -> Result<IssuerRef> {
    let mut spec = spec::spiffe(&test.unique("above"), "tenants.example");
    spec["profile"] = json!({ "ca": { "pathLength": 0 } });
    spec["policy"] = json!({ "rules": [{
        "name": "meshes",
        "requesters": { "serviceAccounts": accounts },
        "allow": { "ca": { "pathLength": 0 } },
    }] });
    test.issuer(ClusterIssuer, "above", spec).await
}

fn account(namespace: &str, name: &str) -> Value {
    json!({ "namespace": namespace, "name": name })
}

async fn create(test: &TestNamespace, above: &IssuerRef) -> Result<IssuerRef> {
    test.prepare_mesh(Rights::ISTIO).await?;
    Ok(test.create_mesh_ca(istio_below(above, "3s")).await?)
}

/// Requires that the request is refused by the rules, and that the mesh has nothing.
async fn is_refused(test: &TestNamespace, mesh_ca: &IssuerRef, account: &str) -> Result<()> {
    let request = test.approve_parent(mesh_ca, 1).await?;
    let username = test.request(&request).await?.spec.username;
    let own = format!("system:serviceaccount:{}:{account}", test.name());
    ensure!(username == own, "the request is made by {username}");
    test.failed(&request, "CaNotAllowed").await?;
    let message = test.wait_until_not_ready(mesh_ca, "ParentRefused").await?;
    for part in [&*request, "no rule of the issuer allows CA certificates"] {
        ensure!(message.contains(part), "no {part} in {message}");
    }
    let found = test.api::<Secret>().get_opt(CACERTS).await?;
    ensure!(found.is_none(), "{CACERTS} was written");
    test.wait_for_mesh(mesh_ca, ("False", "WaitingForCA"))
        .await?;
    Ok(())
}

/// An account of the same name in another namespace is another one.
async fn a_tenant_gets_no_ca_that_the_rules_do_not_allow(test: &TestNamespace) -> Result<()> {
    let mesh = TestNamespace::create(test.bed(), "mesh").await?;
    let allowed = json!([account(mesh.name(), ACCOUNT)]);
    let above = above(test, allowed).await?;
    let tenants = create(test, &above).await?;
    is_refused(test, &tenants, ACCOUNT).await?;

    let meshs = create(&mesh, &above).await?;
    mesh.approve_parent(&meshs, 1).await?;
    mesh.wait_for_mesh(&meshs, UPDATED).await?;
    let files = Files::of_istio(&mesh.entries(CACERTS).await?)?;
    files.check_links()?;
    ensure!(files.ca()?.basic_constraints()? == Some((true, Some(0))));
    Ok(())
}

/// Signet's own account is listed, and the request is still not its. Nor is an account of its name in
/// another namespace.
async fn a_tenant_gets_no_ca_in_the_name_of_signet(test: &TestNamespace) -> Result<()> {
    let signets = json!([account(NAMESPACE, SERVICE_ACCOUNT)]);
    let above = above(test, signets).await?;
    let mesh_ca = create(test, &above).await?;
    is_refused(test, &mesh_ca, ACCOUNT).await?;

    let other = TestNamespace::create(test.bed(), "signet").await?;
    other.service_account(SERVICE_ACCOUNT, &[REQUESTS]).await?;
    other.lets_signet_make_tokens_of(SERVICE_ACCOUNT).await?;
    other.lets_signet_write("mesh", Rights::ISTIO).await?;
    let mut spec = istio_below(&above, "3s");
    let named = json!({ "name": SERVICE_ACCOUNT });
    spec["certificate"]["issuerRef"]["serviceAccountRef"] = named;
    let mesh_ca = other.create_mesh_ca(spec).await?;
    is_refused(&other, &mesh_ca, SERVICE_ACCOUNT).await
}

async fn messages_name_the_roles_that_are_missing(test: &TestNamespace) -> Result<()> {
    let above = above(test, json!([account(test.name(), ACCOUNT)])).await?;
    test.lets_signet_write("mesh", Rights::ISTIO).await?;
    let mesh_ca = test.create_mesh_ca(istio_below(&above, "3s")).await?;
    let message = async |part: &str| {
        let holds =
            |ready: &Condition| ready.reason == "WaitingForParent" && ready.message.contains(part);
        test.wait_for_issuer(&mesh_ca, part, holds).await
    };
    message("serviceaccounts/token with a Role").await?;
    let tenant = test.service_account(ACCOUNT, &[]).await?;
    test.lets_signet_make_tokens_of(ACCOUNT).await?;
    message("create, get and delete certificaterequests.cert-manager.io with a Role").await?;
    test.grant(&tenant, "requests", &[REQUESTS]).await?;
    test.approve_parent(&mesh_ca, 1).await?;
    test.wait_for_mesh(&mesh_ca, UPDATED).await?;
    Ok(())
}

async fn a_denied_request_is_reported(test: &TestNamespace) -> Result<()> {
    let above = above(test, json!([account(test.name(), ACCOUNT)])).await?;
    let mesh_ca = create(test, &above).await?;
    let denied = test.deny_parent(&mesh_ca, (1, 1)).await?;
    let name = denied.metadata.name.context("it has a name")?;
    let message = test.wait_until_not_ready(&mesh_ca, "ParentRefused").await?;
    ensure!(message.contains(&name), "{message}");
    ensure!(message.contains("was denied"), "{message}");
    let found = test.api::<Secret>().get_opt(CACERTS).await?;
    ensure!(found.is_none(), "{CACERTS} was written");
    Ok(())
}
