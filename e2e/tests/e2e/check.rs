//! `signet check`, and the program as a plugin of kubectl.

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, OwnBed, Rule, TestNamespace, ready, spec, stop};
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until};

use crate::nothing_issued::is_quoted;

shared![
    a_user_without_rights_learns_what_they_cannot_see,
    a_request_that_waits_for_long_is_a_warning,
    a_cluster_that_does_not_respond_has_its_own_exit_code,
    kubectl_runs_the_program_as_its_plugin,
];

const CHECK: [&str; 3] = ["check", "-o", "json"];
const DEFINITION: &str = "cagenerations.signet.dev";

/// Waits until the check has this exit code and a finding that holds, or none is bad.
async fn until_found(bed: &OwnBed, code: i32, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let observe = async || {
        let printed = bed.signet(&CHECK).await?;
        let json = printed.json()?;
        let findings = json["findings"].as_array().context("findings")?;
        let is_found = printed.code == code && findings.iter().any(&holds);
        let bad = findings.iter().filter(|it| it["level"] != "Ok");
        let bad = format!("{} {:?}", printed.code, bad.collect::<Vec<_>>());
        Ok(match is_found {
            true => Observation::Reached(json),
            false => Observation::Progress(bad),
        })
    };
    until(format!("a check with exit code {code}"), observe).await
}

fn has(finding: &Value, subject: &str, message: &str) -> bool {
    let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    text("subject") == subject && text("message").contains(message)
}

pub(crate) async fn what_is_missing_is_named(bed: OwnBed) -> Result<()> {
    // No operator has run here, or none does now.
    let no_operator = |it: &Value| it["section"] == "Operator" && it["level"] == "Problem";
    until_found(&bed, 1, no_operator).await?;

    let operator = bed.start_operator(&[]).await?;
    let test = TestNamespace::create(bed.bed(), "check").await?;
    let key = test.unique("ca");
    let issuer = test
        .issuer(ClusterIssuer, "ca", spec::self_signed(&key))
        .await?;
    let subject = format!("ClusterIssuer {}", issuer.name);
    let healthy = until_found(&bed, 0, |it| it["subject"] == *subject).await?;
    ensure!(healthy["result"] == "Ok", "{healthy:#}");
    let findings = healthy["findings"].as_array().context("findings")?;
    let found = |subject: &str| {
        let mut findings = findings.iter();
        let found = findings.find(|it| it["subject"] == subject);
        found.with_context(|| format!("{subject}: {healthy:#}"))
    };
    let ca = found(&subject)?;
    ensure!(
        ca["isReady"] == true && ca["isKeyReachable"] == true,
        "{ca:#}"
    );
    ensure!(ca["key"] == format!("software/{key}"), "{ca:#}");
    ensure!(ca["caNotAfter"].is_string(), "{ca:#}");
    for definition in [
        DEFINITION,
        "clusterissuers.signet.dev",
        "issuers.signet.dev",
    ] {
        // With the schema of this program.
        ensure!(found(definition)?["message"] == "v1alpha1", "{healthy:#}");
    }
    let version = found("version")?["version"].as_str().context("a version")?;
    let label = r"jsonpath={.metadata.labels.app\.kubernetes\.io/version}";
    let account = [
        "get",
        "serviceaccount",
        "cert-manager",
        "-n",
        "cert-manager",
        "-o",
        label,
    ];
    ensure!(version == bed.kubectl(&account).await?, "{version}");
    ensure!(version.starts_with('v'), "{version}");
    let page = bed.signet(&["check"]).await?;
    ensure!(!page.text.contains('\u{1b}'), "{page:?}");

    let absent = spec::existing(&test.unique("absent"));
    let broken = test.create_issuer(ClusterIssuer, "broken", absent).await?;
    test.wait_until_not_ready(&broken, "KeyNotFound").await?;
    let subject = format!("ClusterIssuer {}", broken.name);
    let is_broken =
        |it: &Value| has(it, &subject, "KeyNotFound: ") && it["isKeyReachable"] == false;
    until_found(&bed, 1, is_broken).await?;
    test.delete_issuer(&broken).await?;

    stop(operator).await?;
    no_replica_leads(&bed).await?;
    a_missing_permission(&bed).await?;
    a_missing_crd(&bed).await
}

async fn no_replica_leads(bed: &OwnBed) -> Result<()> {
    let (subject, message) = (
        "Lease signet-system/signet",
        "is released: no replica leads; start the operator",
    );
    until_found(bed, 1, |it| has(it, subject, message)).await?;
    is_quoted(&format!("{subject}: {message}"), &[])
}

async fn a_missing_permission(bed: &OwnBed) -> Result<()> {
    let roles: Api<ClusterRole> = Api::all(bed.client());
    let role = roles.get("signet").await?;
    let mut less = role.clone();
    let is_status = |resources: &Option<Vec<String>>| {
        let mut resources = resources.iter().flatten();
        resources.any(|resource| resource == "clusterissuers/status")
    };
    let rules = less.rules.as_mut().context("it has rules")?;
    rules.retain(|rule| !is_status(&rule.resources));
    let replaced = roles
        .replace("signet", &PostParams::default(), &less)
        .await?;
    let text = "may not patch clusterissuers/status.signet.dev in the whole cluster";
    let account = "system:serviceaccount:signet-system:signet";
    let found = until_found(bed, 1, |it| has(it, account, text)).await;
    // Others need it.
    let mut again = role;
    again.metadata = replaced.metadata;
    roles
        .replace("signet", &PostParams::default(), &again)
        .await?;
    found.map(drop)
}

async fn a_missing_crd(bed: &OwnBed) -> Result<()> {
    bed.kubectl(&["delete", "crd", DEFINITION]).await?;
    let found = until_found(bed, 1, |it| has(it, DEFINITION, "not installed")).await;
    let file = format!(
        "{}/../crds/signet.dev_cagenerations.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    bed.kubectl(&["apply", "--server-side", "-f", &file])
        .await?;
    until_found(bed, 1, |it| {
        has(it, DEFINITION, "v1alpha1") && it["level"] == "Ok"
    })
    .await?;
    found.map(drop)
}

async fn a_user_without_rights_learns_what_they_cannot_see(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let user = test.service_account("person", &[]).await?;
    let plane = bed.plane();
    let kubeconfig = plane.kubeconfig_for_service_account(test.name(), "person");
    let kubeconfig = kubeconfig.await?;
    let printed = bed.signet_as(&kubeconfig, &CHECK).await?;
    ensure!(printed.code == 2, "{printed:?}");
    let json = printed.json()?;
    ensure!(json["user"] == user.username(), "{json:#}");
    let findings = json["findings"].as_array().context("findings")?;
    let of = |section: &str| findings.iter().find(|it| it["section"] == section);
    // Which kinds are served is for every user to see.
    ensure!(of("CRDs").is_some_and(|it| it["level"] == "Ok"), "{json:#}");
    let permissions = of("Permissions").context("Permissions")?;
    let message = permissions["message"].as_str().unwrap_or_default();
    ensure!(message.contains("cannot impersonate"), "{json:#}");
    for section in ["Issuers", "Requests"] {
        ensure!(
            of(section).is_some_and(|it| it["level"] == "Unknown"),
            "{json:#}"
        );
    }

    // The right to impersonate is enough.
    let impersonate = Rule {
        group: "",
        resource: "serviceaccounts",
        verbs: &["impersonate"],
        names: &["signet"],
    };
    test.grant_in_cluster(&user, "impersonate", &[impersonate])
        .await?;
    let json = bed.signet_as(&kubeconfig, &CHECK).await?.json()?;
    let findings = json["findings"].as_array().context("findings")?;
    let account = "system:serviceaccount:signet-system:signet";
    let is_reviewed = |it: &Value| has(it, account, "has all ") && it["level"] == "Ok";
    ensure!(findings.iter().any(is_reviewed), "{json:#}");

    // A ServiceAccount asks about itself without that right.
    let account = format!("{}:person", test.name());
    let arguments = [&CHECK[..], &["--service-account", &account]].concat();
    let printed = bed.signet_as(&kubeconfig, &arguments).await?;
    ensure!(printed.code == 1, "{printed:?}");
    ensure!(
        printed.text.contains("has no permission on signet.dev"),
        "{printed:?}"
    );
    Ok(())
}

/// No other test approves a request in the past.
async fn a_request_that_waits_for_long_is_a_warning(test: &TestNamespace) -> Result<()> {
    let csr = Csr::for_dns("shop.example")?;
    let reference = json!({ "group": "signet.dev", "name": "absent" });
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    let since = Timestamp::now() - SignedDuration::from_hours(30);
    test.approve_as_of(&request, since).await?;
    let pending = test.wait_for_request(&request, "Pending", |object| ready(object).is_some());
    let pending = pending.await?;
    let pending = ready(&pending).and_then(|ready| ready.message.as_deref());
    let pending = pending.context("its condition has a message")?;
    ensure!(pending.starts_with("IssuerNotFound: "), "{pending}");

    let printed = test.bed().signet(&CHECK).await?;
    let json = printed.json()?;
    let findings = json["findings"].as_array().context("findings")?;
    let name = format!("{}/{request}", test.name());
    let found = findings.iter().find(|it| it["oldest"] == *name);
    let found = found.with_context(|| format!("{name}: {json:#}"))?;
    ensure!(found["level"] == "Warning", "{found:#}");
    let message = format!(
        "{name} to Issuer {}/absent, for 1 day: {pending}",
        test.name()
    );
    ensure!(has(found, "CertificateRequests", &message), "{found:#}");
    ensure!(found["waiting"].as_u64() > Some(0), "{found:#}");
    Ok(())
}

async fn a_cluster_that_does_not_respond_has_its_own_exit_code(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let printed = bed.signet(&["check", "--context", "absent"]).await?;
    ensure!(printed.code == 2 && printed.text.is_empty(), "{printed:?}");
    ensure!(printed.errors.starts_with("signet check: "), "{printed:?}");
    ensure!(printed.errors.lines().count() == 1, "{printed:?}");

    test.service_account("person", &[]).await?;
    let plane = bed.plane();
    let kubeconfig = plane.kubeconfig_for_service_account(test.name(), "person");
    let kubeconfig = kubeconfig.await?;
    let proxy = bed.api_server_proxy()?;
    let who = || Requests::Path("/selfsubjectreviews".into());
    for (fault, message) in [
        (
            Fault::status(503, "ServiceUnavailable", None),
            "ServiceUnavailable by a fault",
        ),
        (
            Fault::status(429, "TooManyRequests", Some(60)),
            "TooManyRequests by a fault",
        ),
        (Fault::Silence, "did not answer within 10 s"),
    ] {
        proxy.add(Requests::All, fault);
        for command in [&CHECK[..], &["status", "root"]] {
            let before = proxy.count(&who());
            let printed = bed.signet_through(&proxy, &kubeconfig, command).await?;
            ensure!(printed.code == 2 && printed.text.is_empty(), "{printed:?}");
            ensure!(printed.errors.contains(message), "{printed:?}");
            let calls = proxy.count(&who()) - before;
            // A person does not wait for an API server to recover.
            ensure!(calls == 1, "{calls} calls: {printed:?}");
        }
        proxy.clear();
    }

    // What does respond is checked.
    let of_crds = Requests::Path("/customresourcedefinitions".into());
    proxy.add(of_crds, Fault::Silence);
    let printed = bed.signet_through(&proxy, &kubeconfig, &CHECK).await?;
    let json = printed.json()?;
    let findings = json["findings"].as_array().context("findings")?;
    ensure!(
        findings.iter().any(|it| it["section"] == "Operator"),
        "{json:#}"
    );
    Ok(())
}

async fn kubectl_runs_the_program_as_its_plugin(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let arguments = ["signet", "version", "-o", "json"];
    let printed = bed
        .kubectl_with_plugin("kubectl-signet", &arguments)
        .await?;
    ensure!(printed.code == 0, "{printed:?}");
    ensure!(
        printed.json()?["version"] == signet::version::VERSION,
        "{printed:?}"
    );
    // kubectl passes the cluster on, and the exit code.
    let arguments = ["signet", "check", "--service-account", "default:absent"];
    let printed = bed
        .kubectl_with_plugin("kubectl-signet", &arguments)
        .await?;
    ensure!(printed.code == 1, "{printed:?}");
    ensure!(
        printed
            .text
            .contains("default:absent: has no permission on"),
        "{printed:?}"
    );
    Ok(())
}
