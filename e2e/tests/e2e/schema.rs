//! What the API server itself refuses, and its message.

mod mesh_ca;
mod rules;

use std::ffi::OsStr;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::shell::Shell;
use signet_e2e::{TestNamespace, spec};

pub(crate) use mesh_ca::tests as mesh_ca;

shared![
    a_spec_that_cannot_be_meant_is_refused_with_what_to_change,
    what_is_meant_is_taken,
    a_preset_is_taken_as_it_is_printed,
    an_unknown_key_type_is_refused,
    a_change_is_judged_like_a_creation,
    a_trust_domain_is_neither_added_nor_changed_nor_removed,
];

/// What is changed in a spec that is right, and the error of the API server.
type Wrong = Vec<(Value, &'static str)>;

fn wrong() -> Wrong {
    [
        wrong_unions(),
        wrong_values(),
        wrong_lists(),
        wrong_lifetimes(),
        wrong_urls(),
        rules::wrong(),
    ]
    .concat()
}

fn wrong_unions() -> Wrong {
    let long = "x".repeat(254);
    vec![
        (json!({ "key": null }), "spec.key: Required value"),
        (
            json!({ "key": { "software": null } }),
            "name exactly one of: awsKms, ",
        ),
        (
            json!({ "key": { "software": { "secretName": "" } } }),
            "spec.key.software.secretName",
        ),
        (
            json!({ "key": { "software": { "secretName": long } } }),
            "spec.key.software.secretName",
        ),
        (
            json!({ "certificate": null }),
            "spec.certificate: Required value",
        ),
        (
            json!({ "certificate": { "selfSigned": null } }),
            "name exactly one of: selfSigned, existing",
        ),
        (
            json!({ "certificate": { "existing": {} } }),
            "name exactly one of: selfSigned, existing",
        ),
        (
            json!({ "certificate": { "selfSigned": { "subject": "CN=a" }, "existing": {} } }),
            "name exactly one of: selfSigned, existing",
        ),
    ]
}

fn trusted_roots(list: Value) -> Value {
    json!({ "certificate": { "trustedRoots": list } })
}

fn wrong_lists() -> Wrong {
    vec![
        (
            trusted_roots(json!({ "fingerprints": ["AB:CD"] })),
            "64 lower-case hex digits without colons",
        ),
        (
            trusted_roots(json!({ "fingerprints": vec!["ab".repeat(32); 17] })),
            "must have at most 16 items",
        ),
        (
            trusted_roots(json!({ "configMapName": "a", "secretName": "a" })),
            "set exactly one of: fingerprints, configMapName, secretName",
        ),
    ]
}

fn wrong_values() -> Wrong {
    vec![
        (
            json!({ "certificate": { "selfSigned": { "duration": "soon" } } }),
            "hours, minutes and seconds",
        ),
        (
            json!({ "certificate": { "selfSigned": { "duration": "0s" } } }),
            "at least one second",
        ),
        (
            json!({ "certificate": { "selfSigned": { "duration": "-1h" } } }),
            "hours, minutes and seconds",
        ),
        (
            json!({ "certificate": { "selfSigned": { "duration": "" } } }),
            "hours, minutes and seconds",
        ),
        (
            json!({ "certificate": { "selfSigned": { "pathLength": -1 } } }),
            "spec.certificate.selfSigned.pathLength",
        ),
        (
            json!({ "certificate": { "selfSigned": { "pathLength": 11 } } }),
            "spec.certificate.selfSigned.pathLength",
        ),
        (
            json!({ "spiffe": {} }),
            "spec.spiffe.trustDomain: Required value",
        ),
        (
            json!({ "spiffe": { "trustDomain": "" } }),
            "spec.spiffe.trustDomain",
        ),
        (
            json!({ "spiffe": { "trustDomain": "spiffe://prod.example" } }),
            "without spiffe://",
        ),
        (
            json!({ "spiffe": { "trustDomain": "Prod.example" } }),
            "lower-case letters",
        ),
        (
            json!({ "spiffe": { "trustDomain": "prod.example/ns" } }),
            "without a path",
        ),
        (
            json!({ "spiffe": { "trustDomain": "prod.example." } }),
            "separated by single dots",
        ),
        (
            json!({ "spiffe": { "trustDomain": "prod..example" } }),
            "separated by single dots",
        ),
        (
            json!({ "spiffe": { "trustDomain": ".example" } }),
            "separated by single dots",
        ),
        (
            json!({ "profile": { "ca": { "pathLength": 11 } } }),
            "spec.profile.ca.pathLength",
        ),
        (
            json!({ "rotation": { "activation": "Manual", "activationDelay": "1h" } }),
            "set only one of them",
        ),
        (
            json!({ "rotation": { "activate": "ABC" } }),
            "spec.rotation.activate",
        ),
        (
            json!({ "rotation": { "revoked": ["0".repeat(63)] } }),
            "spec.rotation.revoked",
        ),
    ]
}

fn wrong_lifetimes() -> Wrong {
    vec![
        (
            json!({ "profile": { "maxDuration": "0s" } }),
            "at least one second",
        ),
        (
            json!({ "profile": { "minDuration": "2h", "maxDuration": "1h59m59s" } }),
            "minDuration must not be longer than maxDuration",
        ),
        (
            json!({ "profile": { "minDuration": "2h", "ca": { "maxDuration": "1h" } } }),
            "minDuration must not be longer than ca.maxDuration",
        ),
        (
            json!({
                "spiffe": { "trustDomain": "prod.example" },
                "profile": { "minDuration": "2208h1s" },
            }),
            "profile.maxDuration is 2208h by default",
        ),
        (
            json!({ "profile": { "whenCAExpiresFirst": "Refuse" } }),
            "supported values: \"Shorten\", \"Wait\"",
        ),
    ]
}

fn wrong_urls() -> Wrong {
    let crl = |url: &str| json!({ "profile": { "crlDistributionPoints": [url] } });
    let many: Vec<_> = (0..9).map(|number| format!("http://a/{number}")).collect();
    let scheme = "must be absolute URLs with the scheme http, https or ldap";
    vec![
        (crl("ftp://pki.example"), scheme),
        (crl("pki.example/ca.crl"), scheme),
        (crl("http:///ca.crl"), scheme),
        (crl("http://pki.example/a b"), scheme),
        (crl("http://pki.example/#ca"), scheme),
        (
            crl("http://pki.example/$(namespace)"),
            "may contain only the variable $(generation)",
        ),
        (
            json!({ "profile": { "crlDistributionPoints": many } }),
            "must have at most 8 items",
        ),
        (
            json!({ "profile": { "issuingCertificateURLs": ["file:///ca.der"] } }),
            scheme,
        ),
        (
            json!({ "profile": { "ocspServers": ["ldap://ocsp.example"] } }),
            "must be absolute URLs with the scheme http or https",
        ),
    ]
}

async fn a_spec_that_cannot_be_meant_is_refused_with_what_to_change(
    test: &TestNamespace,
) -> Result<()> {
    for kind in [Issuer, ClusterIssuer] {
        for (change, message) in wrong() {
            let mut spec = spec::self_signed("key");
            merge(&mut spec, &change);
            let refused = test.create_issuer(kind, "wrong", spec).await.err();
            let refused = refused
                .with_context(|| format!("{change} was taken"))?
                .to_string();
            ensure!(refused.contains(message), "{change}: {refused}");
        }
    }
    Ok(())
}

async fn what_is_meant_is_taken(test: &TestNamespace) -> Result<()> {
    for (number, change) in [
        json!({ "certificate": { "selfSigned": { "duration": "2160h" } } }),
        json!({ "certificate": { "selfSigned": { "duration": "1h30m" } } }),
        json!({ "certificate": { "selfSigned": { "duration": "90s", "pathLength": 0, "subject": "CN=a" } } }),
        json!({ "spiffe": { "trustDomain": "a-b_c.example.org" } }),
        json!({ "profile": {} }),
        json!({ "profile": { "ca": {} } }),
        json!({ "profile": { "minDuration": "2h", "maxDuration": "2h", "ca": { "maxDuration": "2h" } } }),
        json!({
            "profile": {
                "crlDistributionPoints": [
                    "http://pki.example:8080/$(generation).crl",
                    "ldap:///CN=CA$(generation)?certificateRevocationList;binary",
                ],
                "issuingCertificateURLs": ["https://[2001:db8::1]/%20?id=$(generation)"],
                "ocspServers": ["http://g$(generation).ocsp.example"],
                "whenCAExpiresFirst": "Wait",
            },
        }),
        json!({ "key": { "software": { "keyType": "ED25519" } } }),
        json!({ "rotation": { "activation": "Manual", "requestID": "1", "revisionHistoryLimit": 0 } }),
        json!({ "rotation": { "activationDelay": "24h", "revoked": ["0".repeat(64)] } }),
        json!({ "certificate": { "renewBefore": "24h" }, "suspend": false }),
        json!({ "certificate": { "trustedRoots": { "fingerprints": ["ab".repeat(32)] }, "followParentRoots": true } }),
    ]
    .into_iter()
    .chain(rules::right_specs())
    .enumerate()
    {
        let mut spec = spec::self_signed(&test.unique(&number.to_string()));
        merge(&mut spec, &change);
        let name = number.to_string();
        test.issuer(Issuer, &name, spec)
            .await
            .with_context(|| change.to_string())?;
    }
    Ok(())
}

/// So that a user can begin with a preset and change it.
async fn a_preset_is_taken_as_it_is_printed(test: &TestNamespace) -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/presets");
    let shell = Shell::new(test.bed())?;
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let spiffe = match name.ends_with("-plain") {
            true => "",
            false => "  spiffe: { trustDomain: presets.example }\n",
        };
        let policy = fs::read_to_string(&path)?;
        if policy.starts_with("# Only the preset can state this") {
            continue;
        }
        let policy = policy.replace('\n', "\n  ");
        let profile = if policy.contains(" ca:") {
            "{ ca: {} }"
        } else {
            "{}"
        };
        let object = format!(
            "apiVersion: signet.dev/v1alpha1\nkind: ClusterIssuer\nmetadata: {{ name: {} }}\nspec:\n  \
             key: {{ software: {{ secretName: ca }} }}\n  certificate: {{ selfSigned: {{}} }}\n  \
             profile: {profile}\n{spiffe}  {policy}\n",
            test.unique("preset"),
        );
        fs::write(shell.folder().join("preset.yaml"), object)?;
        let create = "kubectl create --dry-run=server -f preset.yaml";
        shell.run(create).await.with_context(|| name.to_owned())?;
    }
    Ok(())
}

async fn an_unknown_key_type_is_refused(test: &TestNamespace) -> Result<()> {
    for key_type in ["RSA1024", "P256", "ecdsap256", "MLDSA65"] {
        let mut spec = spec::self_signed("key");
        spec["key"]["software"]["keyType"] = json!(key_type);
        let refused = test.create_issuer(Issuer, "wrong", spec).await.err();
        let refused = refused
            .with_context(|| format!("{key_type} was taken"))?
            .to_string();
        ensure!(
            refused.contains("ECDSAP256") && refused.contains("ED25519"),
            "{refused}"
        );
    }
    Ok(())
}

async fn a_change_is_judged_like_a_creation(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    for (change, message) in wrong() {
        let refused = test.patch_issuer(&issuer, change.clone()).await.err();
        let refused = refused
            .with_context(|| format!("{change} was taken"))?
            .to_string();
        ensure!(refused.contains(message), "{change}: {refused}");
    }
    Ok(())
}

/// Bundles of different trust domains must not be merged.
async fn a_trust_domain_is_neither_added_nor_changed_nor_removed(
    test: &TestNamespace,
) -> Result<()> {
    for kind in [Issuer, ClusterIssuer] {
        let own = |name: &str| test.unique(&format!("{name}-{}", kind.plural()));
        let plain = test
            .create_issuer(kind, "plain", spec::self_signed(&own("plain")))
            .await?;
        let spiffe = spec::spiffe(&own("spiffe"), "example.org");
        let spiffe = test.create_issuer(kind, "spiffe", spiffe).await?;
        let other = json!({ "spiffe": { "trustDomain": "example.com" } });
        for (issuer, change) in [
            (&plain, other.clone()),
            (&spiffe, other),
            (&spiffe, json!({ "spiffe": null })),
        ] {
            let refused = test.patch_issuer(issuer, change.clone()).await.err();
            let refused = refused.with_context(|| format!("{change} was taken"))?;
            let expected = "cannot be added, changed or removed";
            ensure!(refused.to_string().contains(expected), "{refused}");
        }
    }
    Ok(())
}

/// A JSON merge patch (RFC 7396).
fn merge(target: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in change {
        match value {
            Value::Null => drop(target.as_object_mut().map(|target| target.remove(key))),
            _ => merge(&mut target[key], value),
        }
    }
}
