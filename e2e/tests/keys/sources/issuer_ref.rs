//! docs/sources/issuer-ref.md, below a CA issuer of cert-manager.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::page::Page;
use signet_e2e::shell::Shell;
use signet_e2e::{IssuerRef, TestNamespace};
use signet_testbed::controlplane::CERT_MANAGER_NAMESPACE;

use crate::parents::root;

shared![the_page_on_issuer_ref];

async fn the_page_on_issuer_ref(test: &TestNamespace) -> Result<()> {
    let parent = test.unique("corp-root");
    let above = root(test, CERT_MANAGER_NAMESPACE, &parent).await?;
    test.create_object(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
        "metadata": { "name": parent }, "spec": { "ca": { "secretName": parent } },
    }))
    .await?;
    let team = TestNamespace::named(test.bed(), &test.unique("shop")).await?;
    let variant = [("shop", team.name()), ("corp-root", &*parent)];
    let page = Page::read("sources/issuer-ref.md", &variant)?;
    let shell = Shell::new(test.bed())?;

    let corp = test.issuer_ref(ClusterIssuer, "corp");
    let yaml = manifest(test, &corp, page.yaml("pathLength: 0")?);
    shell.apply(&yaml).await?;
    test.wait_until_ready(&corp).await?;
    let issued = test.obtain(&corp).await?;
    ensure!(issued.roots_pem == above, "{}", issued.roots_pem);
    let subject = issued.issuer()?.subject();
    ensure!(subject == "CN=Example Issuing CA,O=Example", "{subject}");

    shell.apply(page.yaml("kind: RoleBinding")?).await?;
    let shop = team.issuer_ref(Issuer, team.name());
    let yaml = manifest(test, &shop, page.yaml("serviceAccountRef:")?);
    shell.apply(&yaml).await?;
    team.wait_until_ready(&shop).await?;
    let issued = team.obtain(&shop).await?;
    ensure!(issued.roots_pem == above, "{}", issued.roots_pem);
    requests_stay_until_they_are_deleted(&team, &shop, &page, &shell).await?;
    ensure!(page.left().is_empty(), "{:?}", page.left());
    Ok(())
}

/// A complete issuer with the part that the page shows.
fn manifest(test: &TestNamespace, issuer: &IssuerRef, certificate: &str) -> String {
    let namespace = match issuer.kind.is_namespaced() {
        true => format!("\n  namespace: {}", issuer.namespace),
        false => String::new(),
    };
    let (kind, name, secret) = (issuer.kind.as_str(), &issuer.name, test.unique("ca"));
    let certificate = certificate.replace('\n', "\n  ");
    format!(
        "apiVersion: signet.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}{namespace}\n\
         spec:\n  key:\n    software:\n      secretName: {secret}\n  {certificate}\n"
    )
}

/// When the spec names another source.
async fn requests_stay_until_they_are_deleted(
    test: &TestNamespace,
    issuer: &IssuerRef,
    page: &Page,
    shell: &Shell,
) -> Result<()> {
    let request = test.parent_request(issuer, (1, 1), None).await?;
    let another = json!({ "certificate": { "issuerRef": Value::Null, "selfSigned": {} } });
    test.patch_issuer(issuer, another).await?;
    test.wait_for_status(issuer, "preparing its own root", |status| {
        status.ca.iter().any(|ca| ca.generation == 2)
    })
    .await?;
    let name = request.metadata.name.unwrap_or_default();
    test.request(&name).await?;
    let printed = page.run(shell, "delete certificaterequests").await?;
    ensure!(printed.contains(&name), "{printed}");
    test.wait_until_request_is_gone(issuer, &name).await
}
