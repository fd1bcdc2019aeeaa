//! CAs that stand in a Secret, as cert-manager's CA issuer takes them.

use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::{CAGeneration, GenerationState, IssuerStatus};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, CertManagerCa, IssuerRef, TestNamespace, spec};
use signet_testbed::installation::NAMESPACE;

shared![
    moving_from_cert_managers_ca_issuer_is_one_line,
    a_ca_for_a_cluster_issuer,
    a_chain_of_three,
    a_renewal_with_another_key_is_a_rotation,
    a_renewal_with_the_same_key_is_a_rotation,
    a_certificate_in_a_config_map_over_a_key_in_a_secret,
    a_pair_that_is_half_wrong_is_a_mismatch_and_heals,
    a_leaf_is_not_accepted_as_ca,
    a_secret_without_a_certificate_is_rejected,
    an_unsupported_key_type_is_reported,
    facts_of_a_generation_are_set_once_and_lifetimes_grow,
];

/// A root that cert-manager makes.
fn root<'a>(namespace: &'a str, name: &'a str, key: (&'static str, u32)) -> CertManagerCa<'a> {
    CertManagerCa {
        namespace,
        name,
        key,
        issuer: "self-signed",
    }
}

const EC: (&str, u32) = ("ECDSA", 256);

async fn root_in_namespace(test: &TestNamespace, key: (&'static str, u32)) -> Result<Secret> {
    test.self_signed_issuer(test.name(), "self-signed").await?;
    test.cert_manager_ca(root(test.name(), "root", key)).await
}

/// A Certificate that cert-manager's CA issuer has issued is issued again by Signet, under the
/// same root, once its issuerRef names it; all else stays.
async fn moving_from_cert_managers_ca_issuer_is_one_line(test: &TestNamespace) -> Result<()> {
    let ca = root_in_namespace(test, ("RSA", 2048)).await?;
    test.cert_manager_issuer(test.name(), "ca", json!({ "ca": { "secretName": "root" } }))
        .await?;
    let names = json!({ "dnsNames": ["shop.example"], "privateKey": { "algorithm": "ECDSA" } });
    test.create_certificate("shop", json!({ "name": "ca" }), names)
        .await?;
    test.approve_certificate("shop", 1).await?;
    let certificates = test.api::<signet_e2e::Certificate>();
    let issued = |found: &signet_e2e::Certificate| found.is_true("Ready");
    test.bed()
        .wait(&certificates, "shop", "issued by cert-manager", issued)
        .await?;
    let before = test.secret("shop").await?.data.unwrap_or_default();

    test.issuer(Issuer, "ca", spec::existing("root")).await?;
    // The one line.
    let line = json!({ "spec": { "issuerRef": { "group": "signet.dev", "kind": "Issuer" } } });
    certificates
        .patch("shop", &PatchParams::default(), &Patch::Merge(line))
        .await?;
    test.approve_certificate("shop", 2).await?;
    let issued = test.certificate_issued("shop", 2).await?;
    let after = test.secret("shop").await?.data.unwrap_or_default();
    ensure!(
        before["ca.crt"] == after["ca.crt"],
        "the trust bundle stays"
    );
    let ca = ca.data.unwrap_or_default();
    ensure!(
        issued.roots_pem.as_bytes() == ca["tls.crt"].0,
        "it is the root in the Secret"
    );
    Ok(())
}

async fn a_ca_for_a_cluster_issuer(test: &TestNamespace) -> Result<()> {
    let (issuer, name) = (test.unique("self-signed"), test.unique("corp"));
    test.self_signed_issuer(NAMESPACE, &issuer).await?;
    let ca = CertManagerCa {
        namespace: NAMESPACE,
        name: &name,
        key: EC,
        issuer: &issuer,
    };
    test.cert_manager_ca(ca).await?;
    let issuer = test
        .issuer(ClusterIssuer, "corp", spec::existing(&name))
        .await?;
    issues(test, &issuer).await?;
    Ok(())
}

/// Root, intermediate, and the CA that Signet takes over: the leaf comes with both that are no
/// root.
async fn a_chain_of_three(test: &TestNamespace) -> Result<()> {
    let top = root_in_namespace(test, ("RSA", 4096)).await?;
    for (name, above, key) in [
        ("middle", "root", ("ECDSA", 384)),
        ("issuing", "middle", EC),
    ] {
        let spec = json!({ "ca": { "secretName": above } });
        test.cert_manager_issuer(test.name(), above, spec).await?;
        let ca = CertManagerCa {
            namespace: test.name(),
            name,
            key,
            issuer: above,
        };
        test.cert_manager_ca(ca).await?;
    }
    let issuer = test
        .issuer(Issuer, "issuing", spec::existing("issuing"))
        .await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let subjects: Vec<_> = issued
        .intermediates
        .iter()
        .map(|one| one.subject())
        .collect();
    ensure!(subjects == ["CN=issuing", "CN=middle"], "{subjects:?}");
    let top = top.data.unwrap_or_default();
    ensure!(
        issued.roots_pem.as_bytes() == top["tls.crt"].0,
        "the root is the trust bundle"
    );
    Ok(())
}

async fn a_renewal_with_another_key_is_a_rotation(test: &TestNamespace) -> Result<()> {
    rotates(test, "Always").await
}

async fn a_renewal_with_the_same_key_is_a_rotation(test: &TestNamespace) -> Result<()> {
    rotates(test, "Never").await
}

async fn rotates(test: &TestNamespace, policy: &str) -> Result<()> {
    let ca = root(test.name(), "root", EC);
    root_in_namespace(test, EC).await?;
    let mut spec = spec::existing("root");
    // The key that stays signs under its old root until then.
    spec["rotation"] = json!({ "activationDelay": "6s" });
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let before = test.issue(&Ask::new(&issuer, &csr), &csr).await?;

    let change = json!({ "spec": {
        "commonName": "root renewed", "privateKey": { "rotationPolicy": policy },
    }});
    let certificates = test.api::<signet_e2e::Certificate>();
    certificates
        .patch("root", &PatchParams::default(), &Patch::Merge(change))
        .await?;
    test.cert_manager_ca_renewed(ca, 2).await?;
    let rotated = |status: &IssuerStatus| {
        let first = status.ca.first();
        first.is_some_and(|ca| ca.generation == 2 && ca.state == GenerationState::Active)
    };
    let status = test.wait_for_status(&issuer, "rotated", rotated).await?;
    let states: Vec<_> = status
        .ca
        .iter()
        .map(|ca| (ca.name.as_str(), ca.state))
        .collect();
    let expected = [
        ("issuer-ca-2", GenerationState::Active),
        ("issuer-ca-1", GenerationState::Old),
    ];
    ensure!(states == expected, "{states:?}");

    let after = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(
        after.issuer()?.subject() == "CN=root renewed",
        "{}",
        after.issuer()?.subject()
    );
    let same_key = after.issuer()?.public_key() == before.issuer()?.public_key();
    ensure!(
        same_key == (policy == "Never"),
        "the key, with rotationPolicy {policy}"
    );
    let old = before.issuer()?.der();
    ensure!(
        after.roots.iter().any(|root| root.der() == old),
        "the old root stays trusted"
    );
    ensure!(after.roots.len() == 2, "{:?}", after.roots);
    // It never was unready on the way. Without the old key, overlap is impossible, and reported.
    let events = test
        .bed()
        .events(&test.api::<signet_api::Issuer>().get("ca").await?)
        .await?;
    let warnings = events
        .iter()
        .filter(|event| event.type_.as_deref() == Some("Warning"));
    let warnings: Vec<_> = warnings.map(|event| event.reason.as_deref()).collect();
    let expected: &[_] = match policy {
        "Never" => &[],
        _ => &[Some("Activated")],
    };
    ensure!(warnings == expected, "{events:?}");
    Ok(())
}

/// The certificate is not secret, so it may stand apart from the key.
async fn a_certificate_in_a_config_map_over_a_key_in_a_secret(test: &TestNamespace) -> Result<()> {
    let data = root_in_namespace(test, EC).await?.data.unwrap_or_default();
    let text = |key: &str| String::from_utf8(data[key].0.clone());
    copy(
        test,
        "key",
        Default::default(),
        &[("tls.key", &text("tls.key")?)],
    )
    .await?;
    test.create_object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "chain" },
        "data": { "tls.crt": text("tls.crt")? },
    }))
    .await?;
    let mut spec = spec::existing("key");
    spec["certificate"]["existing"] = json!({ "configMapName": "chain" });
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    issues(test, &issuer).await
}

async fn a_pair_that_is_half_wrong_is_a_mismatch_and_heals(test: &TestNamespace) -> Result<()> {
    let secret = root_in_namespace(test, EC).await?;
    let data = secret.data.unwrap_or_default();
    let wrong = KeyKind::P256.generate()?.serialize_pem();
    copy(test, "copy", data.clone(), &[("tls.key", &wrong)]).await?;
    let issuer = test
        .create_issuer(Issuer, "ca", spec::existing("copy"))
        .await?;
    test.wait_until_not_ready(&issuer, "KeyMismatch").await?;
    let none = test.api::<CAGeneration>().list(&Default::default()).await?;
    ensure!(
        none.items.is_empty(),
        "a key and certificate that do not match make no generation"
    );
    let right = json!({ "data": { "tls.key": data["tls.key"] } });
    let secrets = test.api::<Secret>();
    secrets
        .patch("copy", &PatchParams::default(), &Patch::Merge(right))
        .await?;
    test.wait_until_ready(&issuer).await?;
    issues(test, &issuer).await
}

async fn a_leaf_is_not_accepted_as_ca(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let names = json!({ "dnsNames": ["shop.example"] });
    test.create_certificate("leaf", issuer.reference(), names)
        .await?;
    test.approve_certificate("leaf", 1).await?;
    test.certificate_issued("leaf", 1).await?;
    let issuer = test
        .create_issuer(Issuer, "leaf", spec::existing("leaf"))
        .await?;
    test.wait_until_not_ready(&issuer, "InvalidCa").await?;
    Ok(())
}

async fn a_secret_without_a_certificate_is_rejected(test: &TestNamespace) -> Result<()> {
    let key = KeyKind::P256.generate()?.serialize_pem();
    copy(test, "bare", Default::default(), &[("tls.key", &key)]).await?;
    let issuer = test
        .create_issuer(Issuer, "bare", spec::existing("bare"))
        .await?;
    let message = test.wait_until_not_ready(&issuer, "InvalidCa").await?;
    ensure!(
        message.contains("put the CA certificate first"),
        "{message}"
    );
    Ok(())
}

async fn an_unsupported_key_type_is_reported(test: &TestNamespace) -> Result<()> {
    for (name, key, reason) in [
        ("garbage", "no key at all", "KeyUnusable"),
        ("empty", "", "KeyUnusable"),
    ] {
        copy(test, name, Default::default(), &[("tls.key", key)]).await?;
        let issuer = test
            .create_issuer(Issuer, name, spec::existing(name))
            .await?;
        let message = test.wait_until_not_ready(&issuer, reason).await?;
        ensure!(message.contains(name), "it names the Secret: {message}");
    }
    Ok(())
}

async fn facts_of_a_generation_are_set_once_and_lifetimes_grow(test: &TestNamespace) -> Result<()> {
    test.root().await?;
    let generations = test.api::<CAGeneration>();
    let params = PatchParams::default();
    let year_2099 = "2099-01-01T00:00:00Z";
    let other_key = json!({ "config": { "software": { "secretName": "other" } } });
    for (change, expected) in [
        (json!({ "generation": 7 }), "are immutable"),
        (json!({ "key": other_key }), "are immutable"),
        (json!({ "purpose": { "requestID": "x" } }), "are immutable"),
        (json!({ "preparedAt": year_2099 }), "are immutable"),
        (json!({ "trustDomain": "example.org" }), "is immutable"),
        (json!({ "certificate": null }), "certificate is set once"),
        (
            json!({ "certificate": { "notAfter": year_2099 } }),
            "certificate is set once",
        ),
        (json!({ "publishedAt": null }), "publishedAt is set once"),
        (
            json!({ "activatedAt": year_2099 }),
            "activatedAt is set once",
        ),
        (json!({ "longestLeafSeconds": 1 }), "may only grow"),
        (json!({ "longestLeafSeconds": null }), "may only grow"),
    ] {
        let patch = Patch::Merge(json!({ "spec": change }));
        let refused = generations.patch("issuer-root-1", &params, &patch).await;
        let refused = refused.err().context("the API server refuses it")?;
        ensure!(refused.to_string().contains(expected), "{refused}");
    }
    let longer = json!({ "spec": { "longestLeafSeconds": 9_000_000, "longestCASeconds": 60 } });
    generations
        .patch("issuer-root-1", &params, &Patch::Merge(longer))
        .await?;
    let labels = json!({ "metadata": { "labels": { "team": "platform" } } });
    generations
        .patch("issuer-root-1", &params, &Patch::Merge(labels))
        .await?;
    Ok(())
}

async fn issues(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let csr = Csr::for_dns("shop.example")?;
    test.issue(&Ask::new(issuer, &csr), &csr).await?;
    Ok(())
}

/// A Secret with some of another's data replaced.
async fn copy(
    test: &TestNamespace,
    name: &str,
    mut data: std::collections::BTreeMap<String, ByteString>,
    replaced: &[(&str, &str)],
) -> Result<()> {
    for (key, value) in replaced {
        data.insert((*key).to_owned(), ByteString(value.as_bytes().to_vec()));
    }
    let secret = Secret {
        data: Some(data),
        ..Secret::default()
    };
    let secret = Secret {
        metadata: kube::core::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        ..secret
    };
    test.api().create(&PostParams::default(), &secret).await?;
    Ok(())
}
