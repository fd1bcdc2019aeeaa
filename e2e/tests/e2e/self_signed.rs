//! Issuers with a key and a root that Signet makes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::json;
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};
use signet_api::{CAGeneration, GenerationState};
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, IssuerRef, OwnBed, TestNamespace, ready_condition, spec, stop};

shared![
    every_type_of_key_for_a_namespaced_issuer,
    every_type_of_key_for_a_cluster_issuer,
    the_root_matches_the_spec,
    the_key_secret_and_the_generation_have_no_owner,
    a_key_that_is_there_is_used_and_not_overwritten,
    a_missing_key_is_not_recreated,
    a_key_that_was_replaced_is_a_mismatch,
    a_new_issuer_object_finds_its_old_ca,
    the_secrets_of_a_cluster_issuer_are_in_the_cluster_resource_namespace,
    kstatus_conditions_follow_the_generation,
    an_invalid_subject_stalls,
];

async fn every_type_of_key_for_a_namespaced_issuer(test: &TestNamespace) -> Result<()> {
    every_type_of_key(test, Issuer).await
}

async fn every_type_of_key_for_a_cluster_issuer(test: &TestNamespace) -> Result<()> {
    every_type_of_key(test, ClusterIssuer).await
}

/// The signature of each certificate is checked by a library for the issuer's type of key.
async fn every_type_of_key(test: &TestNamespace, kind: IssuerKind) -> Result<()> {
    let issued = KeyKind::ALL.map(async |key| {
        let name = key.api_name().to_lowercase();
        let mut spec = spec::self_signed(&test.unique(&name));
        spec["key"]["software"]["keyType"] = json!(key.api_name());
        let issuer = test.issuer(kind, &name, spec).await?;
        let csr = Csr::for_dns("shop.example")?;
        let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await;
        let issued = issued.with_context(|| format!("under a key of type {key:?}"))?;
        let root = issued.roots.first().context("there is a root")?;
        let like_it = key.generate()?;
        let (made, expected) = (root.public_key().len(), rcgen_length(&like_it));
        // The prefix of a SubjectPublicKeyInfo is the algorithm, the length its size.
        ensure!(
            made.abs_diff(expected) <= 1,
            "{key:?}: {made} and {expected} octets"
        );
        anyhow::Ok(())
    });
    try_join_all(issued).await?;
    Ok(())
}

fn rcgen_length(key: &rcgen::KeyPair) -> usize {
    use rcgen::PublicKeyData;
    key.subject_public_key_info().len()
}

async fn the_root_matches_the_spec(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("root"));
    spec["certificate"]["selfSigned"]["subject"] = json!("CN=Example Root,O=Example\\, Inc.,C=DE");
    spec["certificate"]["selfSigned"]["duration"] = json!("48h30m");
    spec["certificate"]["selfSigned"]["pathLength"] = json!(3);
    let issuer = test.issuer(Issuer, "root", spec).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test
        .issue(&Ask::new(&issuer, &csr).duration("1h"), &csr)
        .await?;
    let root = issued.issuer()?;
    ensure!(
        root.subject() == "CN=Example Root,O=Example\\, Inc.,C=DE",
        "{}",
        root.subject()
    );
    ensure!(
        root.lifetime() == Duration::from_secs(48 * 3600 + 1800),
        "{:?}",
        root.lifetime()
    );
    ensure!(root.basic_constraints()? == Some((true, Some(3))));
    ensure!(root.names()?.is_empty() && root.extended_key_usage()?.is_empty());
    Ok(())
}

async fn the_key_secret_and_the_generation_have_no_owner(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let secret = test.secret(&test.unique("root")).await?;
    ensure!(
        secret.owner_references().is_empty(),
        "{:?}",
        secret.metadata
    );
    let data = secret.data.unwrap_or_default();
    ensure!(
        data.keys().eq(["tls.key"]),
        "the key and nothing else: {:?}",
        data.keys()
    );
    let generation = test.api::<CAGeneration>().get("issuer-root-1").await?;
    ensure!(
        generation.owner_references().is_empty(),
        "{:?}",
        generation.metadata
    );
    // So both outlive the issuer, which is what a foreground deletion would show.
    test.delete_issuer(&issuer).await?;
    test.secret(&test.unique("root")).await?;
    test.api::<CAGeneration>().get("issuer-root-1").await?;
    Ok(())
}

async fn a_key_that_is_there_is_used_and_not_overwritten(test: &TestNamespace) -> Result<()> {
    let name = test.unique("root");
    let key = KeyKind::P384.generate()?;
    put_key(test, &name, &key.serialize_pem()).await?;
    let before = test.secret(&name).await?;
    let issuer = test
        .issuer(Issuer, "root", spec::self_signed(&name))
        .await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let public_key = Csr::public_key_of_secret(&key.serialize_pem())?;
    ensure!(
        issued.issuer()?.public_key() == public_key,
        "the key that was there signs"
    );
    let after = test.secret(&name).await?;
    ensure!(
        before.metadata.resource_version == after.metadata.resource_version,
        "untouched"
    );
    Ok(())
}

async fn a_missing_key_is_not_recreated(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let name = test.unique("root");
    let key = delete_key(test, &name).await?;
    let message = test.wait_until_not_ready(&issuer, "CaLost").await?;
    ensure!(message.contains(&name), "it names the Secret: {message}");
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.approve(&request).await?;
    test.pending(&request, "IssuerNotReady").await?;
    ensure!(
        test.api::<Secret>().get_opt(&name).await?.is_none(),
        "it was recreated"
    );
    put_key(test, &name, &key).await?;
    test.wait_until_ready(&issuer).await?;
    test.issued(&request, &csr).await?;
    Ok(())
}

async fn a_key_that_was_replaced_is_a_mismatch(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let name = test.unique("root");
    let key = delete_key(test, &name).await?;
    put_key(test, &name, &KeyKind::P256.generate()?.serialize_pem()).await?;
    test.wait_until_not_ready(&issuer, "KeyMismatch").await?;
    delete_key(test, &name).await?;
    put_key(test, &name, &key).await?;
    test.wait_until_ready(&issuer).await?;
    Ok(())
}

/// As after a restore from Git: the object is new and its status empty.
async fn a_new_issuer_object_finds_its_old_ca(test: &TestNamespace) -> Result<()> {
    for kind in [Issuer, ClusterIssuer] {
        let spec = spec::self_signed(&test.unique(kind.plural()));
        let issuer = test.issuer(kind, "root", spec.clone()).await?;
        let before = test.wait_until_ready(&issuer).await?;
        test.delete_issuer(&issuer).await?;
        let issuer = test.issuer(kind, "root", spec).await?;
        let after = test.wait_until_ready(&issuer).await?;
        ensure!(
            before.ca == after.ca && before.bundle == after.bundle,
            "{before:?}\n{after:?}"
        );
        ensure!(after.ca.len() == 1, "and no other was made: {:?}", after.ca);
    }
    Ok(())
}

async fn the_secrets_of_a_cluster_issuer_are_in_the_cluster_resource_namespace(
    test: &TestNamespace,
) -> Result<()> {
    let name = test.unique("root");
    let issuer = test
        .issuer(ClusterIssuer, "root", spec::self_signed(&name))
        .await?;
    test.cluster_resources::<Secret>().get(&name).await?;
    let generations = test.cluster_resources::<CAGeneration>();
    let generation = generations
        .get(&format!("clusterissuer-{}-1", issuer.name))
        .await?;
    ensure!(
        generation.spec.issuer_ref.name == issuer.name,
        "{:?}",
        generation.spec
    );
    ensure!(
        test.api::<Secret>().get_opt(&name).await?.is_none(),
        "and nowhere else"
    );
    let here = test
        .api::<CAGeneration>()
        .list(&ListParams::default())
        .await?;
    ensure!(here.items.is_empty(), "{here:?}");
    Ok(())
}

/// `kubectl wait`, Argo CD and Flux read these.
async fn kstatus_conditions_follow_the_generation(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let status = test.wait_until_ready(&issuer).await?;
    conditions_are(
        &status,
        [
            ("Ready", "True"),
            ("Reconciling", "False"),
            ("Stalled", "False"),
            ("Rotating", "False"),
        ],
    )?;
    let active = status.ca.first().context("it lists its CA")?;
    ensure!(active.state == GenerationState::Active, "{active:?}");
    ensure!(
        active.key == format!("software/{}", test.unique("root")),
        "{active:?}"
    );
    let since = ready_condition(&status).map(|ready| ready.last_transition_time.clone());

    // A change that keeps it ready moves the generation that is observed, and no time.
    test.patch_issuer(&issuer, json!({ "profile": { "ca": {} } }))
        .await?;
    let status = test.wait_until_ready(&issuer).await?;
    let ready = ready_condition(&status).context("it is ready")?;
    ensure!(ready.observed_generation == Some(2), "{ready:?}");
    ensure!(
        Some(ready.last_transition_time.clone()) == since,
        "{ready:?}"
    );

    delete_key(test, &test.unique("root")).await?;
    let gone = |ready: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        ready.reason == "CaLost"
    };
    let status = test
        .wait_for_issuer(&issuer, "without its key", gone)
        .await?;
    conditions_are(
        &status,
        [
            ("Ready", "False"),
            ("Reconciling", "False"),
            ("Stalled", "True"),
            ("Rotating", "False"),
        ],
    )?;
    let listed = status.ca.first().context("it still lists its CA")?;
    ensure!(listed.state == GenerationState::Active, "{listed:?}");
    ensure!(status.bundle.is_some(), "its root stays trusted");
    Ok(())
}

fn conditions_are(status: &signet_api::IssuerStatus, expected: [(&str, &str); 4]) -> Result<()> {
    let conditions = status.conditions.iter();
    let found: Vec<_> = conditions
        .map(|one| (one.type_.as_str(), one.status.as_str()))
        .collect();
    ensure!(found == expected, "{found:?}");
    Ok(())
}

async fn an_invalid_subject_stalls(test: &TestNamespace) -> Result<()> {
    let mut spec = spec::self_signed(&test.unique("root"));
    spec["certificate"]["selfSigned"]["subject"] = json!("Example Root");
    let issuer: IssuerRef = test.create_issuer(Issuer, "root", spec).await?;
    let message = test.wait_until_not_ready(&issuer, "InvalidSpec").await?;
    ensure!(message.contains("Example Root"), "{message}");
    test.patch_issuer(
        &issuer,
        json!({ "certificate": { "selfSigned": { "subject": "CN=Example Root" } } }),
    )
    .await?;
    test.wait_until_ready(&issuer).await?;
    Ok(())
}

/// A key that someone puts into the Secret is used, and those of ClusterIssuers are created.
pub(crate) async fn keys_of_issuers_are_created_only_if_allowed(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&["--issuer-key-creation=false"]).await?;
    let test = TestNamespace::create(bed.bed(), "not-created").await?;
    let name = test.unique("root");
    let issuer = test
        .create_issuer(Issuer, "root", spec::self_signed(&name))
        .await?;
    let message = test.wait_until_not_ready(&issuer, "KeyNotFound").await?;
    ensure!(
        message.contains("namespacedIssuers.createKeys"),
        "{message}"
    );
    let cluster_issuer = spec::self_signed(&test.unique("cluster"));
    test.issuer(ClusterIssuer, "cluster", cluster_issuer)
        .await?;
    ensure!(
        test.api::<Secret>().get_opt(&name).await?.is_none(),
        "it was created"
    );
    put_key(&test, &name, &KeyKind::P256.generate()?.serialize_pem()).await?;
    let csr = Csr::for_dns("shop.example")?;
    test.wait_until_ready(&issuer).await?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.issued(&request, &csr).await?;
    stop(operator).await
}

async fn put_key(test: &TestNamespace, name: &str, pem: &str) -> Result<()> {
    let secret = json!({ "metadata": { "name": name }, "stringData": { "tls.key": pem } });
    let secret: Secret = serde_json::from_value(secret)?;
    test.api().create(&PostParams::default(), &secret).await?;
    Ok(())
}

async fn delete_key(test: &TestNamespace, name: &str) -> Result<String> {
    let data = test.secret(name).await?.data.unwrap_or_default();
    let key = data.get("tls.key").context("it has a key")?;
    test.api::<Secret>()
        .delete(name, &DeleteParams::default())
        .await?;
    Ok(String::from_utf8(key.0.clone())?)
}
