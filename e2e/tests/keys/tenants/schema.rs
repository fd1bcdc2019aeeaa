//! The tenant rule, as far as the API server itself holds it: what cannot be written at all.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_e2e::TestNamespace;

use super::tenant::{Tenant, by_token, vault};

shared![
    a_spec_has_no_way_out_and_no_inline_secret,
    accepts_and_reads_a_spec_with_nulls,
];

/// What a tenant tries, and the error.
type Tries = Vec<(Value, &'static str)>;

const ADDRESS: &str = "https://vault.example.org:8200";
const UNKNOWN: &str = "field not declared in schema";

fn aws(more: &Value) -> Value {
    let mut key = json!({ "keyId": "alias/ca", "region": "eu-central-1" });
    put(&mut key, more);
    json!({ "awsKms": key })
}

fn pkcs11(more: &Value) -> Value {
    let mut key = json!({ "module": "hsm", "token": "t", "keyLabel": "k" });
    put(&mut key, more);
    json!({ "pkcs11": key })
}

fn vault_with(more: &Value) -> Value {
    let mut key = vault(ADDRESS, None, by_token());
    put(&mut key["vaultTransit"], more);
    key
}

fn put(target: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
}

fn other_namespaces() -> Tries {
    let elsewhere = json!({ "name": "s", "key": "k", "namespace": "kube-system" });
    vec![
        (
            json!({ "software": { "secretName": "s", "namespace": "kube-system" } }),
            UNKNOWN,
        ),
        (
            vault(ADDRESS, None, json!({ "tokenRef": elsewhere })),
            UNKNOWN,
        ),
        (
            vault_with(&json!({ "caBundle": { "secretRef": elsewhere } })),
            UNKNOWN,
        ),
        (
            aws(&json!({ "credentials": { "secretRef": elsewhere } })),
            UNKNOWN,
        ),
        (
            vault(
                ADDRESS,
                None,
                json!({ "kubernetes": {
                    "role": "r", "serviceAccountRef": { "name": "s", "namespace": "kube-system" },
                }}),
            ),
            UNKNOWN,
        ),
        // An audience of one's own would make the token good for something else.
        (
            vault(
                ADDRESS,
                None,
                json!({ "kubernetes": {
                    "role": "r", "serviceAccountRef": { "name": "s", "audiences": ["https://api"] },
                }}),
            ),
            UNKNOWN,
        ),
    ]
}

fn inline_secrets() -> Tries {
    vec![
        (
            vault(ADDRESS, None, json!({ "token": "s.secret" })),
            UNKNOWN,
        ),
        (
            vault(ADDRESS, None, json!({ "tokenRef": "s.secret" })),
            "expected map",
        ),
        (
            vault(
                ADDRESS,
                None,
                json!({ "appRole": {
                    "roleId": "r", "secretId": "secret", "secretIdRef": { "name": "s", "key": "k" },
                }}),
            ),
            UNKNOWN,
        ),
        (
            vault(
                ADDRESS,
                None,
                json!({ "jwt": { "role": "r", "jwt": "e30" } }),
            ),
            UNKNOWN,
        ),
        (pkcs11(&json!({ "pin": "1234" })), UNKNOWN),
        // A PIN is the operator's, wherever it is.
        (
            pkcs11(&json!({ "pinSecretRef": { "name": "pin" } })),
            UNKNOWN,
        ),
        (aws(&json!({ "secretAccessKey": "secret" })), UNKNOWN),
        (
            aws(&json!({ "credentials": { "secretRef": "secret" } })),
            "expected map",
        ),
        (
            aws(&json!({ "credentials": { "secretRef": {
                "name": "s", "secretAccessKey": "secret",
            }}})),
            UNKNOWN,
        ),
    ]
}

fn unverified_servers() -> Tries {
    let mut tries: Tries = vec![
        (
            vault("http://vault.example.org:8200", None, by_token()),
            "write https://",
        ),
        (
            vault("unix:///run/vault.sock", None, by_token()),
            "write https://",
        ),
        (
            vault("https://a@vault.example.org", None, by_token()),
            "write https://",
        ),
        (
            vault("https://vault.example.org/path", None, by_token()),
            "write https://",
        ),
        (
            aws(&json!({ "endpoint": "http://kms.example.org" })),
            "write https://",
        ),
        (
            aws(&json!({ "stsEndpoint": "http://sts.example.org" })),
            "write https://",
        ),
        (
            vault_with(&json!({ "caBundle": { "path": "/etc/ssl" } })),
            UNKNOWN,
        ),
    ];
    for field in [
        "insecure",
        "insecureSkipVerify",
        "skipVerify",
        "tlsSkipVerify",
        "tlsVerify",
    ] {
        tries.push((vault_with(&json!({ field: true })), UNKNOWN));
        tries.push((aws(&json!({ field: true })), UNKNOWN));
    }
    tries
}

fn files() -> Tries {
    let module = |name: &str| pkcs11(&json!({ "module": name }));
    let message = "write the name of a module";
    vec![
        (module("/usr/lib/softhsm/libsofthsm2.so"), message),
        (module("../libevil.so"), message),
        (module("libevil.so"), message),
        (
            pkcs11(&json!({ "token": "../tokens/of-another" })),
            "write the name of a token",
        ),
        (pkcs11(&json!({ "modulePath": "/tmp/evil.so" })), UNKNOWN),
        (pkcs11(&json!({ "pinFile": "/etc/shadow" })), UNKNOWN),
        (aws(&json!({ "profile": "admin" })), UNKNOWN),
        (
            aws(&json!({ "credentials": { "file": "/root/.aws/credentials" } })),
            UNKNOWN,
        ),
    ]
}

/// No reference takes a namespace, no secret stands in a spec, TLS is not switched off, no file of
/// the operator is named.
async fn a_spec_has_no_way_out_and_no_inline_secret(test: &TestNamespace) -> Result<()> {
    let tenant = Tenant::new(test.bed(), "schema").await?;
    let tries = [
        other_namespaces(),
        inline_secrets(),
        unverified_servers(),
        files(),
    ];
    for (key, message) in tries.into_iter().flatten() {
        let refused = tenant.may_not_write(&key).await?;
        ensure!(refused.contains(message), "{key}: {refused}");
    }
    Ok(())
}

/// One Issuer that cannot be read would keep the operator from reading any. No field is nullable,
/// so the API server drops each null or sets the field's default, and accepts the spec.
async fn accepts_and_reads_a_spec_with_nulls(test: &TestNamespace) -> Result<()> {
    let tenant = Tenant::new(test.bed(), "nulls").await?;
    let vault_null = {
        let mut key = vault(ADDRESS, None, by_token());
        key["vaultTransit"]["auth"]["appRole"] = Value::Null;
        key["vaultTransit"]["caBundle"] = json!({ "inline": "x", "secretRef": null });
        key
    };
    let tries = [
        json!({ "software": { "secretName": "key" }, "awsKms": null, "pkcs11": null }),
        json!({ "rsaHash": null, "software": { "secretName": "key", "keyType": null } }),
        vault_null,
        aws(&json!({ "credentials": { "secretRef": { "name": "s" }, "webIdentity": null } })),
        pkcs11(&json!({ "keyId": null })),
    ];
    for (number, key) in tries.into_iter().enumerate() {
        let issuer = tenant.has(&format!("null-{number}"), key.clone()).await?;
        let reconciled = tenant
            .wait_for_issuer(&issuer, "reconciled", |_| true)
            .await;
        reconciled.with_context(|| key.to_string())?;
    }
    Ok(())
}
