//! The chart's ValidatingAdmissionPolicy, which is off by default.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::installation::render;
use signet_testbed::wait::{Observation, until};

shared![references_that_the_issuer_would_refuse_are_rejected_when_they_are_applied];

/// Applies the chart's policies, for the namespace of the test only.
async fn apply(test: &TestNamespace) -> Result<()> {
    let cluster = test.bed().plane().cluster();
    let objects = render(
        cluster,
        "admission-policy.yaml",
        "admissionPolicy.enabled=true",
    )?;
    ensure!(objects.len() == 4, "{objects:?}");
    for mut object in objects {
        let name = object["metadata"]["name"]
            .as_str()
            .context("it has a name")?;
        object["metadata"]["name"] = json!(test.unique(name));
        if let Some(policy) = object["spec"]["policyName"].as_str() {
            object["spec"]["policyName"] = json!(test.unique(policy));
            object["spec"]["matchResources"] = json!({ "namespaceSelector": {
                "matchLabels": { "kubernetes.io/metadata.name": test.name() },
            } });
        }
        test.create_object(object).await?;
    }
    Ok(())
}

async fn references_that_the_issuer_would_refuse_are_rejected_when_they_are_applied(
    test: &TestNamespace,
) -> Result<()> {
    apply(test).await?;
    let spiffe = |name: &str| spec::spiffe(&test.unique(name), "prod.example");
    let cluster = test
        .issuer(ClusterIssuer, "mesh", spiffe("cluster"))
        .await?;
    let own = test.issuer(Issuer, "mesh", spiffe("own")).await?;
    let plain = test.root().await?;
    let uri = |path: &str| json!({ "uris": [format!("spiffe://prod.example{path}")] });
    let here = format!("/ns/{}/sa/web", test.name());
    for issuer in [&cluster, &own] {
        let elsewhere = uri("/ns/kube-system/sa/web");
        // The API server knows a policy a moment after it was created.
        until("the policy is in force", async || {
            let error = rejection(test, issuer, &elsewhere).await;
            Ok(match error {
                Some(error) => Observation::Reached(error),
                None => Observation::Progress("the Certificate was taken".to_owned()),
            })
        })
        .await?;
        for (names, expected) in [
            (elsewhere, "only to this namespace"),
            (
                json!({ "uris": ["spiffe://other.example/ns/a/sa/b"] }),
                "of the trust domain prod.example only",
            ),
            (
                json!({ "uris": [format!("spiffe://prod.example{here}"), "https://a.b/"] }),
                "exactly one URI",
            ),
            (
                json!({ "isCA": true, "commonName": "sub" }),
                "issues no CA certificates",
            ),
        ] {
            let error = rejection(test, issuer, &names).await;
            let error = error.with_context(|| format!("{names} was taken"))?;
            ensure!(error.contains(expected), "{error}");
        }
        for names in [uri(&here), json!({ "dnsNames": ["web.example"] })] {
            let error = rejection(test, issuer, &names).await;
            ensure!(error.is_none(), "{names}: {error:?}");
        }
    }
    let error = rejection(test, &plain, &uri("/ns/kube-system/sa/web")).await;
    ensure!(
        error.is_none(),
        "a plain issuer has no such form: {error:?}"
    );
    Ok(())
}

/// Returns the error of a Certificate that is applied; none if it was taken.
async fn rejection(test: &TestNamespace, issuer: &IssuerRef, spec: &Value) -> Option<String> {
    let mut spec = spec.clone();
    spec["secretName"] = json!("web");
    spec["issuerRef"] = issuer.reference();
    let created = test.create_object(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": { "generateName": "web-" }, "spec": spec,
    }));
    created.await.err().map(|error| error.to_string())
}
