//! `signet status`.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::{GenerationState, IssuerStatus};
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace, spec};
use signet_testbed::wait::{Observation, until};

shared![
    a_self_signed_root_is_drawn,
    an_intermediate_is_below_its_root,
    a_rotation_is_drawn_with_what_it_waits_for,
    names_that_are_not_clear_are_refused,
];

async fn a_self_signed_root_is_drawn(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let issuer = test.root().await?;
    let arguments = ["status", "root", "-n", test.name()];
    let printed = bed.signet(&arguments).await?;
    ensure!(printed.code == 0, "{printed:?}");
    let secret = test.unique("root");
    let leaf =
        format!("\n└─ generation 1 (issuer-root-1): Active, current, key software/{secret}\n");
    ensure!(printed.text.contains(" (root) until "), "{printed:?}");
    ensure!(printed.text.contains(&leaf), "{printed:?}");
    ensure!(
        printed.text.ends_with("\n\nNothing waits.\n"),
        "{printed:?}"
    );
    ensure!(!printed.text.contains('\u{1b}'), "{printed:?}");

    // As a plugin of kubectl, while requests wait.
    test.patch_issuer(&issuer, json!({ "suspend": true }))
        .await?;
    test.wait_until_not_ready(&issuer, "Suspended").await?;
    for is_approved in [true, false] {
        let csr = Csr::for_dns("shop.example")?;
        let request = test.ask(&Ask::new(&issuer, &csr)).await?;
        if is_approved {
            test.approve(&request).await?;
        }
    }
    let arguments = ["signet", "status", "siss/root", "-n", test.name()];
    let printed = bed
        .kubectl_with_plugin("kubectl-signet", &arguments)
        .await?;
    ensure!(printed.code == 1, "{printed:?}");
    for waits in [
        "Issuer {}/root: not ready\n",
        "the issuer: Suspended: ",
        "CertificateRequests: 1 wait for a certificate\n",
        "CertificateRequests: 1 wait for an approver\n",
    ] {
        let waits = waits.replace("{}", test.name());
        ensure!(printed.text.contains(&waits), "{waits}: {printed:?}");
    }
    Ok(())
}

async fn an_intermediate_is_below_its_root(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let parent = spec::with_ca_profile(&test.unique("parent"), 1);
    let parent = test.issuer(ClusterIssuer, "parent", parent).await?;
    let child = json!({
        "key": { "software": { "secretName": test.unique("child") } },
        "certificate": { "issuerRef": {
            "group": "signet.dev", "kind": "ClusterIssuer", "name": parent.name,
            "subject": "CN=Child", "pathLength": 0,
        } },
    });
    let child = test.create_issuer(ClusterIssuer, "child", child).await?;
    let name = format!("clusterissuer/{}", child.name);
    let arguments = ["status", name.as_str()];
    // It waits for its parent, whose approver has not decided.
    let waits = async || {
        let printed = bed.signet(&arguments).await?;
        let is_requested = printed
            .text
            .contains("without a certificate\n└─ generation 1 ")
            && printed.text.contains(": Requested");
        let reached = is_requested && printed.code == 1;
        Ok(Observation::reached_if(reached, format!("{printed:?}")))
    };
    until("a child that waits for its parent", waits).await?;

    test.approve_parent(&child, 1).await?;
    test.wait_until_ready(&child).await?;
    let printed = bed.signet(&arguments).await?;
    ensure!(printed.code == 0, "{printed:?}");
    let lines: Vec<_> = printed.text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains(" (root) until "));
    let below = lines
        .get(at.map_or(usize::MAX, |at| at + 1)..)
        .unwrap_or_default();
    ensure!(below.len() > 1, "{printed:?}");
    ensure!(
        below[0].starts_with("└─ CN=Child (intermediate) until "),
        "{printed:?}"
    );
    let leaf = format!(
        "   └─ generation 1 (clusterissuer-{}-1): Active, current",
        child.name
    );
    ensure!(below[1].starts_with(&leaf), "{printed:?}");

    // Its CAGenerations are in another namespace than the command expects.
    let elsewhere = ["--cluster-resource-namespace", test.name()];
    let printed = bed.signet(&[&arguments[..], &elsewhere].concat()).await?;
    let drawn = format!(
        "CN=Child (CA) until {{}}\n\
         └─ generation 1 (clusterissuer-{0}-1): Active, current, key {{}}\n\
         The tree is incomplete: CAGeneration clusterissuer-{0}-1 not found in namespace {1}; set \
         --cluster-resource-namespace to that of the operator\n",
        child.name,
        test.name()
    );
    let mut rest = printed.text.as_str();
    for part in drawn.split("{}") {
        let found = rest.split_once(part);
        rest = found.with_context(|| format!("{part}: {printed:?}"))?.1;
    }
    Ok(())
}

async fn a_rotation_is_drawn_with_what_it_waits_for(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let issuer = test.root().await?;
    let change = json!({
        "key": { "software": { "secretName": test.unique("other") } },
        "rotation": { "activation": "Manual" },
    });
    test.patch_issuer(&issuer, change).await?;
    let published = |status: &IssuerStatus| {
        let mut ca = status.ca.iter();
        ca.any(|ca| ca.generation == 2 && ca.state == GenerationState::Published)
    };
    test.wait_for_status(&issuer, "published", published)
        .await?;
    let arguments = ["status", "issuer/root", "-n", test.name(), "-o", "json"];
    let printed = bed.signet(&arguments).await?;
    ensure!(printed.code == 0, "{printed:?}");
    let json = printed.json()?;
    let roots = json["roots"].as_array().map_or(0, Vec::len);
    ensure!(roots == 2, "{json:#}");
    for (index, state, role) in [(0, "Active", "Current"), (1, "Published", "Next")] {
        let leaf = &json["roots"][index]["generations"][0];
        ensure!(leaf["state"] == state && leaf["role"] == role, "{json:#}");
    }
    let waits = &json["waits"][0];
    ensure!(waits["subject"] == "the rotation", "{json:#}");
    let message = waits["message"].as_str().unwrap_or_default();
    ensure!(message.contains("spec.rotation.activate"), "{json:#}");

    // A tenant who may not read CAGenerations sees the status.
    let rule = signet_e2e::Rule {
        group: "signet.dev",
        resource: "issuers",
        verbs: &["get"],
        names: &[],
    };
    test.service_account("tenant", &[rule]).await?;
    let kubeconfig = bed
        .plane()
        .kubeconfig_for_service_account(test.name(), "tenant");
    let printed = bed.signet_as(&kubeconfig.await?, &arguments[..4]).await?;
    ensure!(printed.code == 0, "{printed:?}");
    ensure!(printed.text.contains(" (CA) until "), "{printed:?}");
    ensure!(
        printed.text.contains("CAGenerations cannot be read"),
        "{printed:?}"
    );
    ensure!(
        printed
            .text
            .contains("CertificateRequests: cannot be counted"),
        "{printed:?}"
    );
    Ok(())
}

async fn names_that_are_not_clear_are_refused(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let spec = spec::self_signed(&test.unique("ca"));
    let cluster = test.issuer(ClusterIssuer, "ca", spec.clone()).await?;
    test.issuer(Issuer, &cluster.name, spec).await?;
    let absent = test.unique("absent");
    for (name, message) in [
        (cluster.name.as_str(), "write issuer/"),
        (absent.as_str(), "there is no ClusterIssuer"),
        (
            "secret/a",
            "write issuer/NAME, clusterissuer/NAME or meshca/NAME",
        ),
    ] {
        let printed = bed.signet(&["status", name, "-n", test.name()]).await?;
        ensure!(printed.code == 2 && printed.text.is_empty(), "{printed:?}");
        ensure!(printed.errors.contains(message), "{printed:?}");
    }
    Ok(())
}
