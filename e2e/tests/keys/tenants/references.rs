//! No other namespace's Secret or ServiceAccount.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use signet_e2e::OwnBed;
use signet_e2e::audit::{Object, calls_of_signet};
use signet_e2e::csr::KeyKind;
use signet_testbed::installation::NAMESPACE;

use super::tenant::{Tenant, vault};

/// A server that no name leads to: what a key needs of its namespace is read before it is called.
const NOWHERE: &str = "https://vault.invalid:8200";

/// Each way to refer to something, and the error where the tenant's own namespace has none of
/// that name. Another tenant's has, and so have those of ClusterIssuers.
fn references(name: &str) -> Vec<(&'static str, Value, &'static str)> {
    let app_role =
        json!({ "appRole": { "roleId": "r", "secretIdRef": { "name": name, "key": "token" } } });
    let jwt = json!({ "jwt": { "role": "r", "tokenRef": { "name": name, "key": "token" } } });
    let account = json!({ "kubernetes": { "role": "r", "serviceAccountRef": { "name": name } } });
    let jwt_account = json!({ "jwt": { "role": "r", "serviceAccountRef": { "name": name } } });
    let token = json!({ "tokenRef": { "name": name, "key": "token" } });
    let bundle = |kind: &str| {
        let mut key = vault(
            NOWHERE,
            None,
            json!({ "tokenRef": { "name": "x", "key": "x" } }),
        );
        key["vaultTransit"]["caBundle"] = json!({ kind: { "name": name } });
        key
    };
    let aws = |credentials: Value| {
        json!({ "awsKms": {
            "keyId": "alias/ca", "region": "eu-central-1", "credentials": credentials,
        }})
    };
    let identity = json!({ "webIdentity": {
        "roleArn": "arn:aws:iam::111122223333:role/r", "serviceAccountRef": { "name": name },
    }});
    let no_token = "may not create tokens for the ServiceAccount";
    vec![
        ("token", vault(NOWHERE, None, token), "does not exist"),
        ("approle", vault(NOWHERE, None, app_role), "does not exist"),
        ("jwt", vault(NOWHERE, None, jwt), "does not exist"),
        (
            "certificate",
            vault(
                NOWHERE,
                None,
                json!({ "certificate": { "secretName": name } }),
            ),
            "does not exist",
        ),
        ("kubernetes", vault(NOWHERE, None, account), no_token),
        ("jwt-account", vault(NOWHERE, None, jwt_account), no_token),
        ("bundle", bundle("secretRef"), "does not exist"),
        ("bundle-map", bundle("configMapRef"), "does not exist"),
        (
            "access-key",
            aws(json!({ "secretRef": { "name": name } })),
            "does not exist",
        ),
        ("identity", aws(identity), no_token),
    ]
}

/// What another tenant has of that name, where the operator may make tokens for it.
async fn furnish(other: &Tenant, name: &str) -> Result<()> {
    let data = json!({
        "token": "s.of-another-tenant", "tls.key": "tls-key-of-another", "ca.crt": "ca-of-another",
        "access-key-id": "AKIAOFANOTHER", "secret-access-key": "secret-of-another-tenant",
    });
    other.secret(name, data.clone()).await?;
    other.put_cluster_secret(name, data).await?;
    other
        .create_object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name },
            "data": { "ca.crt": "ca-of-another" },
        }))
        .await?;
    other.robot(name).await?;
    other.lets_signet_make_tokens_of(name).await
}

pub(crate) async fn a_reference_stays_in_its_namespace(bed: OwnBed) -> Result<()> {
    let tenant = Tenant::new(bed.bed(), "references").await?;
    let operator = bed.start_operator(&[]).await?;
    let other = Tenant::new(bed.bed(), "of-another").await?;
    let treasure = other.unique("treasure");
    furnish(&other, &treasure).await?;
    for (name, key, message) in references(&treasure) {
        let issuer = tenant.has(name, key).await?;
        tenant.is_not_ready(&issuer, message).await?;
    }
    tenant.secret("key", software_key()?).await?;
    for field in ["secretName", "configMapName"] {
        let spec = json!({
            "key": { "software": { "secretName": "key" } },
            "certificate": { "existing": { field: treasure } },
        });
        let issuer = tenant.has_spec(&field.to_lowercase(), spec).await?;
        let message = tenant.wait_until_not_ready(&issuer, "InvalidCa").await?;
        ensure!(message.contains(&treasure), "{field}: {message}");
    }
    // The last one, as the tenant gets a key of its own in a Secret of that name.
    let key = json!({ "software": { "secretName": treasure } });
    tenant
        .wait_until_ready(&tenant.has("software", key).await?)
        .await?;
    let theirs = other.api::<Secret>().get(&treasure).await?;
    ensure!(theirs.metadata.generation.is_none() && theirs.data.is_some_and(|it| it.len() == 5));
    let is_beyond = |object: &Object| {
        object.name == treasure && [other.name(), NAMESPACE].contains(&&*object.namespace)
    };
    let calls = calls_of_signet(&bed)?.into_iter();
    let beyond: Vec<_> = calls
        .filter_map(|call| call.object_ref)
        .filter(is_beyond)
        .collect();
    ensure!(beyond.is_empty(), "{beyond:?}");
    operator.stop().await?;
    Ok(())
}

/// A name becomes part of a path on the API server.
pub(crate) async fn a_name_is_not_a_path(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&[]).await?;
    let tenant = Tenant::new(bed.bed(), "paths").await?;
    let path = format!("../../{NAMESPACE}/secrets/treasure");
    for (name, key, _) in references(&path) {
        let issuer = tenant.has(name, key).await?;
        tenant
            .is_not_ready(&issuer, "is not a valid name of a")
            .await?;
    }
    for field in ["secretName", "configMapName"] {
        let spec = json!({
            "key": { "software": { "secretName": "key" } },
            "certificate": { "existing": { field: path } },
        });
        tenant.secret("key", software_key()?).await?;
        let issuer = tenant.has_spec(&field.to_lowercase(), spec).await?;
        tenant
            .is_not_ready(&issuer, "is not a valid name of a")
            .await?;
        tenant
            .api::<Secret>()
            .delete("key", &DeleteParams::default())
            .await?;
    }
    let key = json!({ "software": { "secretName": path } });
    let refused = tenant.may_not_write(&key).await?;
    ensure!(refused.contains("write the name of a Secret"), "{refused}");
    operator.stop().await?;
    Ok(())
}

fn software_key() -> Result<Value> {
    let key = KeyKind::P256.generate()?.serialize_pem();
    Ok(json!({ "tls.key": key }))
}
