//! CA certificates from the PKI engine of a real OpenBao.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kube::Api;
use serde_json::{Value, json};
use signet_api::ClusterIssuer as Object;
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};
use signet_api::{GenerationRole, IssuerStatus};
use signet_e2e::keys::{self, RemoteKey, secrets};
use signet_e2e::runtime::blocking;
use signet_e2e::{IssuerRef, TestNamespace, ready_condition};
use signet_testbed::Proxy;

shared![
    signs_for_a_key_in_a_secret_and_for_one_in_transit,
    a_renewal_is_signed_again,
    a_denial_is_reported_and_ends_with_the_policy,
    an_outage_is_reported_and_ends,
    a_missing_issuer_is_reported,
    a_root_waits_until_it_is_listed,
];

/// A mount with a root, and a way to it.
struct Engine {
    mount: String,
    proxy: Proxy,
}

impl Engine {
    async fn new(test: &TestNamespace) -> Result<Arc<Self>> {
        let mount = test.unique("pki");
        blocking(move || Ok(Arc::new(Self::make(mount)?))).await
    }

    fn make(mount: String) -> Result<Self> {
        let server = keys::openbao()?;
        let path = format!("-path={mount}");
        server.bao(&["secrets", "enable", &path, "-max-lease-ttl=8760h", "pki"])?;
        let root = json!({ "common_name": "Vault Root", "ttl": "4380h", "key_type": "ec" });
        server.write(&format!("{mount}/root/generate/internal"), &root)?;
        let proxy = Proxy::https(&server.address(), Some(server.ca_pem()))?;
        let engine = Self { mount, proxy };
        engine.allow(&["update"])?;
        Ok(engine)
    }

    /// Writes the policy of the token.
    fn allow(&self, capabilities: &[&str]) -> Result<()> {
        let mount = &self.mount;
        let path = format!("{mount}/issuer/default/sign-intermediate");
        let rules = format!("path \"{path}\" {{ capabilities = {capabilities:?} }}\n");
        keys::openbao()?.policy(mount, &rules)
    }

    /// The root's certificate in PEM, by OpenBao's own tool.
    fn root(&self) -> Result<String> {
        let issuer = keys::openbao()?.read(&format!("{}/issuer/default", self.mount))?;
        let pem = issuer["certificate"].as_str().context("a certificate")?;
        Ok(pem.trim().to_owned())
    }

    /// `spec.certificate.vaultPki`, with more fields.
    fn source(&self, secret: &str, more: &Value) -> Value {
        let mut source = json!({
            "address": self.proxy.address(),
            "mount": self.mount,
            "caBundle": { "inline": self.proxy.ca_pem() },
            "auth": { "tokenRef": { "name": secret, "key": "token" } },
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            source[field] = value.clone();
        }
        json!({ "vaultPki": source })
    }
}

/// Creates an issuer below the engine, with a token for it.
async fn below(
    test: &TestNamespace,
    engine: &Arc<Engine>,
    (kind, name): (IssuerKind, &str),
    key: Option<&dyn RemoteKey>,
    more: &Value,
) -> Result<IssuerRef> {
    let policy = engine.mount.clone();
    let token = blocking(move || keys::openbao()?.token(&policy, &[])).await?;
    let secret = format!("{}-pki", test.issuer_ref(kind, name).name);
    let data = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": secret },
        "stringData": { "token": secrets::note(token) },
    });
    match kind {
        Issuer | IssuerKind::MeshCA => drop(test.create_object(data).await?),
        ClusterIssuer => {
            let token = data["stringData"].clone();
            test.put_cluster_secret(&secret, token).await?;
        }
    }
    let certificate = engine.source(&secret, &more["vaultPki"]);
    let mut spec = match key {
        Some(key) => {
            let issuer = test.issuer_ref(kind, name);
            test.put_credential(&issuer, key).await?;
            test.spec_over(&issuer, key, certificate)
        }
        None => json!({
            "key": { "software": { "secretName": format!("{secret}-key") } },
            "certificate": certificate,
        }),
    };
    for (field, value) in more["spec"].as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    for (field, value) in more["certificate"].as_object().into_iter().flatten() {
        spec["certificate"][field] = value.clone();
    }
    Ok(test.create_issuer(kind, name, spec).await?)
}

/// What is issued is read by OpenSSL, Go and rustls-webpki.
async fn signs_for_a_key_in_a_secret_and_for_one_in_transit(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    let at = engine.clone();
    let root = blocking(move || at.root()).await?;
    let in_transit = keys::vault().await?;
    let request = json!({ "vaultPki": {
        "subject": "CN=Example Issuing CA,OU=Platform,O=Example", "pathLength": 0,
    } });
    for (kind, name, key) in [
        (Issuer, "software", None),
        (ClusterIssuer, "software", None),
        (Issuer, "transit", Some(&*in_transit as &dyn RemoteKey)),
        (ClusterIssuer, "transit", Some(&*in_transit)),
    ] {
        let issuer = below(test, &engine, (kind, name), key, &request).await?;
        let status = test.wait_until_ready(&issuer).await?;
        let issued = test.obtain(&issuer).await?;
        ensure!(issued.roots_pem.trim() == root, "{}", issued.roots_pem);
        let ca = issued.issuer()?;
        let subject = "CN=Example Issuing CA,OU=Platform,O=Example";
        ensure!(ca.subject() == subject, "{}", ca.subject());
        if let Some(key) = key {
            ensure!(ca.public_key() == key.public_key()?, "{kind:?} {name}");
        }
        pins(&status)?;
    }
    Ok(())
}

/// The condition prints the YAML that makes the pin permanent.
fn pins(status: &IssuerStatus) -> Result<()> {
    let message = ready_condition(status).map(|ready| ready.message.as_str());
    let pin = "set in spec.certificate: trustedRoots: {fingerprints: [\"";
    ensure!(message.is_some_and(|it| it.contains(pin)), "{message:?}");
    Ok(())
}

async fn a_renewal_is_signed_again(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    // The engine dates certificates back by 30 seconds.
    let short = json!({
        "vaultPki": { "duration": "90s" },
        "certificate": { "renewBefore": "75s" },
        "spec": { "profile": { "minDuration": "1s", "maxDuration": "10s" } },
    });
    let issuer = below(test, &engine, (ClusterIssuer, "short"), None, &short).await?;
    let first = test.wait_until_ready(&issuer).await?;
    let renewed = |found: &Object| {
        let current = found.status.iter().find_map(|status| status.ca.first());
        current.is_some_and(|ca| ca.generation > 1 && ca.role == Some(GenerationRole::Current))
    };
    let api: Api<Object> = Api::all(test.bed().client());
    let found = test
        .bed()
        .wait(&api, &issuer.name, "renewed", renewed)
        .await?;
    let second = found.status.unwrap_or_default();
    let ca = |status: &IssuerStatus| status.ca.first().cloned().context("a CA");
    let (first, current) = (ca(&first)?, ca(&second)?);
    ensure!(
        first.key_fingerprint == current.key_fingerprint,
        "the key stays"
    );
    ensure!(first.subject == current.subject, "{current:?}");
    ensure!(first.not_after < current.not_after, "{current:?}");
    test.obtain(&issuer).await?;
    Ok(())
}

async fn a_denial_is_reported_and_ends_with_the_policy(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    let at = engine.clone();
    blocking(move || at.allow(&["deny"])).await?;
    let issuer = below(test, &engine, (Issuer, "denied"), None, &json!({})).await?;
    let message = test.wait_until_not_ready(&issuer, "ParentDenied").await?;
    let missing = format!(
        "update on {}/issuer/default/sign-intermediate",
        engine.mount
    );
    ensure!(message.contains(&missing), "{message}");
    let at = engine.clone();
    blocking(move || at.allow(&["update"])).await?;
    test.wait_until_ready(&issuer).await?;
    Ok(())
}

async fn an_outage_is_reported_and_ends(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    let at = engine.clone();
    blocking(move || at.proxy.refuse()).await?;
    let issuer = below(test, &engine, (ClusterIssuer, "outage"), None, &json!({})).await?;
    let message = test
        .wait_until_not_ready(&issuer, "ParentUnavailable")
        .await?;
    ensure!(message.contains("cannot be reached"), "{message}");
    let at = engine.clone();
    blocking(move || at.proxy.accept()).await?;
    test.wait_until_ready(&issuer).await?;
    // The CA signs on without the engine.
    blocking(move || engine.proxy.refuse()).await?;
    test.obtain(&issuer).await?;
    Ok(())
}

async fn a_missing_issuer_is_reported(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    let wrong = json!({ "vaultPki": { "issuerRef": "other" } });
    let at = engine.clone();
    let rules = "path \"+/issuer/+/sign-intermediate\" { capabilities = [\"update\"] }\n";
    blocking(move || keys::openbao()?.policy(&at.mount, rules)).await?;
    let issuer = below(test, &engine, (Issuer, "missing"), None, &wrong).await?;
    let message = test.wait_until_not_ready(&issuer, "ParentNotFound").await?;
    ensure!(message.contains("correct vaultPki.issuerRef"), "{message}");
    Ok(())
}

/// The message has the fingerprint that the list needs.
async fn a_root_waits_until_it_is_listed(test: &TestNamespace) -> Result<()> {
    let engine = Engine::new(test).await?;
    let list = |fingerprint: &str| json!({ "certificate": { "trustedRoots": { "fingerprints": [fingerprint] } } });
    let other = list(&"0".repeat(64));
    let issuer = below(test, &engine, (Issuer, "listed"), None, &other).await?;
    let message = test.wait_until_not_ready(&issuer, "RootNotTrusted").await?;
    let (_, rest) = message
        .split_once("CN=Vault Root with SHA-256 ")
        .with_context(|| message.clone())?;
    let fingerprint = rest.split(' ').next().context("a fingerprint")?;
    test.patch_issuer(&issuer, list(fingerprint)).await?;
    test.wait_until_ready(&issuer).await?;
    test.obtain(&issuer).await?;
    Ok(())
}
