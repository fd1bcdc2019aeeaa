//! The same key under another name: what the CA is over is selected by the key's fingerprint, also
//! when the backend has another version under that name, and after a restart.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::keys::{self, KmsKey, RemoteKey, Shared, ministack, openbao, secrets};
use signet_e2e::runtime::blocking;
use signet_e2e::{Issued, IssuerRef, OwnBed, TestNamespace, stop};
use signet_testbed::installation::Operator;
use signet_testbed::wait::{Observation, until};

/// What happens at a backend.
type Work = Box<dyn FnOnce() -> Result<()> + Send>;

/// An issuer, and what happens to its key.
struct Case {
    issuer: IssuerRef,
    before: Issued,
    /// At the backend, before the spec has the other name.
    rotate: Work,
    /// The change of `spec.key`.
    rename: Value,
    /// At the backend, after that.
    rotate_again: Work,
    /// What the way to the backend ends with.
    way: Option<Shared>,
}

/// Each backend, on the second control plane.
pub(crate) async fn a_renamed_key_keeps_its_version_after_a_rotation_and_a_restart(
    bed: OwnBed,
) -> Result<()> {
    let operator = start(&bed).await?;
    let test = &TestNamespace::create(bed.bed(), "renamed").await?;
    let cases = vec![
        moved_mount(test).await?,
        from_alias(test).await?,
        to_alias(test).await?,
        from_id_to_label(test).await?,
    ];
    let (mut renamed, mut rotations) = (Vec::new(), Vec::new());
    for case in cases {
        blocking(case.rotate).await?;
        test.patch_issuer(&case.issuer, json!({ "key": case.rename }))
            .await?;
        is_renamed(test, &case.issuer).await?;
        same_ca(test, &case.issuer, &case.before).await?;
        rotations.push(case.rotate_again);
        renamed.push((case.issuer, case.before, case.way));
    }
    operator.kill()?;
    for rotate in rotations {
        blocking(rotate).await?;
    }
    let operator = start(&bed).await?;
    for (issuer, before, _) in &renamed {
        test.wait_until_ready(issuer).await?;
        same_ca(test, issuer, before).await?;
    }
    stop(operator).await
}

async fn start(bed: &OwnBed) -> Result<Operator> {
    let flags = keys::modules::flags()?;
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    flags.extend(["--leader-election-lease-duration", "4s"]);
    bed.start_operator(&flags).await
}

/// The generation over the other name signs.
async fn is_renamed(test: &TestNamespace, issuer: &IssuerRef) -> Result<()> {
    let observe = async || {
        let status = test.wait_until_ready(issuer).await?;
        let numbers: Vec<_> = status.ca.iter().map(|ca| ca.generation).collect();
        Ok(Observation::reached_if(
            numbers.first() == Some(&2),
            format!("{numbers:?}"),
        ))
    };
    until(format!("{} with the other name", issuer.name), observe).await
}

async fn same_ca(test: &TestNamespace, issuer: &IssuerRef, before: &Issued) -> Result<()> {
    let now = test.obtain(issuer).await?;
    ensure!(
        now.issuer()?.der() == before.issuer()?.der(),
        "{} has another CA",
        issuer.name
    );
    Ok(())
}

/// Creates an issuer over a key in this spec.
async fn issuer(test: &TestNamespace, name: &str, key: &Value) -> Result<(IssuerRef, Issued)> {
    let spec = json!({ "key": key, "certificate": { "selfSigned": {} } });
    let issuer = test.issuer(ClusterIssuer, name, spec).await?;
    let issued = test.obtain(&issuer).await?;
    Ok((issuer, issued))
}

/// A mount is moved to another path, with a key that was rotated.
async fn moved_mount(test: &TestNamespace) -> Result<Case> {
    let (old, new) = ("renamed-before", "renamed-after");
    let token = blocking(move || {
        let server = openbao()?;
        server.enable_transit(old)?;
        server.make_key(old, "ca", "ecdsa-p256")?;
        server.signing_policy(old, "ca")?;
        let both = format!("-policy={}", server.signing_policy(new, "ca")?);
        server.token("sign-renamed-before-ca", &[both.as_str()])
    })
    .await?;
    let reference = test.issuer_ref(ClusterIssuer, "mount");
    test.put_secret(&reference, json!({ "token": secrets::note(token) }))
        .await?;
    let server = openbao()?;
    let key = json!({ "vaultTransit": {
        "address": server.address(),
        "mount": old,
        "name": "ca",
        "caBundle": { "inline": server.ca_pem() },
        "auth": { "tokenRef": { "name": format!("{}-credential", reference.name), "key": "token" } },
    }});
    let (issuer, before) = issuer(test, "mount", &key).await?;
    Ok(Case {
        issuer,
        before,
        rotate: Box::new(move || {
            openbao()?.rotate_key(old, "ca")?;
            openbao()?.bao(&["secrets", "move", old, new]).map(drop)
        }),
        rename: json!({ "vaultTransit": { "mount": new } }),
        rotate_again: Box::new(move || openbao()?.rotate_key(new, "ca")),
        way: None,
    })
}

/// A key in KMS with an alias, by one of its names.
async fn in_kms(
    test: &TestNamespace,
    name: &str,
    key_id: impl FnOnce(&KmsKey, &str) -> String,
) -> Result<(IssuerRef, Issued, Arc<KmsKey>, String)> {
    let key = keys::kms().await?;
    let alias = format!("alias/renamed-{}", key.user());
    let (id, named, user) = (key.id().to_owned(), alias.clone(), key.user().to_owned());
    blocking(move || {
        ministack()?.make_alias(&named, &id)?;
        // By another's name a user needs the right to look at every key.
        ministack()?.put_user_policy(&user, &KmsKey::policy_for("*"))
    })
    .await?;
    let reference = test.issuer_ref(ClusterIssuer, name);
    test.put_credential(&reference, &*key).await?;
    let mut config = key.config(&format!("{}-credential", reference.name));
    config["awsKms"]["keyId"] = json!(key_id(&key, &alias));
    let (issuer, before) = issuer(test, name, &config).await?;
    Ok((issuer, before, key, alias))
}

fn point_elsewhere(alias: &str) -> Result<()> {
    let other = ministack()?.make_key("ECC_NIST_P256")?;
    ministack()?.point_alias(alias, &other)
}

async fn from_alias(test: &TestNamespace) -> Result<Case> {
    let by_alias = |_: &KmsKey, alias: &str| alias.to_owned();
    let (issuer, before, key, alias) = in_kms(test, "alias", by_alias).await?;
    let arn = ministack()?.key_arn(key.id());
    Ok(Case {
        issuer,
        before,
        rotate: Box::new(move || point_elsewhere(&alias)),
        rename: json!({ "awsKms": { "keyId": arn } }),
        rotate_again: Box::new(|| Ok(())),
        way: Some(key),
    })
}

async fn to_alias(test: &TestNamespace) -> Result<Case> {
    let by_id = |key: &KmsKey, _: &str| key.id().to_owned();
    let (issuer, before, key, alias) = in_kms(test, "id", by_id).await?;
    let rename = json!({ "awsKms": { "keyId": alias } });
    Ok(Case {
        issuer,
        before,
        rotate: Box::new(|| Ok(())),
        rename,
        rotate_again: Box::new(move || point_elsewhere(&alias)),
        way: Some(key),
    })
}

/// Another key gets the label of the first, as HSMs rotate keys.
async fn from_id_to_label(test: &TestNamespace) -> Result<Case> {
    let key = keys::token("changed").await?;
    let reference = test.issuer_ref(ClusterIssuer, "label");
    test.put_credential(&reference, &*key).await?;
    let mut config = key.config("");
    config["pkcs11"]["keyId"] = json!(key.id());
    let by_label = config.clone();
    if let Some(pkcs11) = config["pkcs11"].as_object_mut() {
        pkcs11.remove("keyLabel");
    }
    let (issuer, before) = issuer(test, "label", &config).await?;
    let make = |id: &'static str| {
        let key = key.clone();
        move || {
            let (hsm, token, pin) = (key.hsm(), key.token(), key.pin());
            hsm.make_key(token, &pin, "EC:prime256v1", key.label(), id)
        }
    };
    let mut rename = by_label;
    rename["pkcs11"]["keyId"] = Value::Null;
    Ok(Case {
        issuer,
        before,
        rotate: Box::new(make("f1")),
        rename,
        rotate_again: Box::new(make("f2")),
        way: None,
    })
}
