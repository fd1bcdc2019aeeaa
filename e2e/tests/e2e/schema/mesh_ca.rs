//! What the API server itself refuses of a MeshCA, and its message.

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::MeshCA;
use signet_e2e::csr::Csr;
use signet_e2e::{Ask, TestNamespace};

use super::{Wrong, merge};

shared![
    a_mesh_ca_that_cannot_be_meant_is_refused_with_what_to_change,
    a_mesh_ca_that_is_meant_is_taken_with_its_defaults,
    the_objects_of_a_mesh_stay_the_same,
    a_request_to_a_mesh_ca_gets_an_event,
];

/// A spec that is right.
fn spec(mesh: &Value) -> Value {
    json!({
        "mesh": mesh,
        "certificate": {
            "issuerRef": {
                "group": "signet.dev", "kind": "ClusterIssuer", "name": "corp",
                "serviceAccountRef": { "name": "robot" },
            },
        },
    })
}

fn generic() -> Value {
    json!({ "generic": {
        "secretName": "dapr-trust-bundle", "configMapName": "dapr-trust-bundle",
        "entries": {
            "privateKey": "issuer.key", "certificate": "issuer.crt", "roots": "ca.crt",
        },
    } })
}

/// A change of `spec.certificate.issuerRef`.
fn issuer_ref(change: Value) -> Value {
    json!({ "certificate": { "issuerRef": change } })
}

fn entries(change: Value) -> Value {
    json!({ "mesh": { "generic": { "entries": change } } })
}

fn spire(change: Value) -> Value {
    json!({ "mesh": { "spire": change } })
}

/// What is wrong for any mesh, here for Istio.
fn wrong_for_any() -> Wrong {
    let exactly_one = "name exactly one of: generic, istio, linkerd, spire";
    let six_times = "must be at least six times the sum";
    vec![
        (json!({ "mesh": null }), "spec.mesh: Required value"),
        (json!({ "mesh": { "istio": null } }), exactly_one),
        (json!({ "mesh": { "linkerd": {} } }), exactly_one),
        (
            json!({ "certificate": null }),
            "spec.certificate: Required value",
        ),
        (
            json!({ "certificate": { "issuerRef": null } }),
            "spec.certificate.issuerRef: Required value",
        ),
        (
            issuer_ref(json!({ "serviceAccountRef": null })),
            "issuerRef of a MeshCA requires serviceAccountRef",
        ),
        (
            issuer_ref(json!({ "kind": "MeshCA" })),
            "a MeshCA signs no requests",
        ),
        (issuer_ref(json!({ "duration": "144h59m59s" })), six_times),
        (json!({ "maxLeafLifetime": "360h" }), six_times),
        (
            json!({ "maxLeafLifetime": "348h", "propagation": "12h1s" }),
            six_times,
        ),
        (json!({ "maxLeafLifetime": "0s" }), "at least one second"),
        (
            json!({ "maxLeafLifetime": "2160h1s" }),
            "maxLeafLifetime must be at most 2160h",
        ),
        (
            json!({ "propagation": "24h1s" }),
            "propagation must be at most 24h",
        ),
        (
            json!({ "rotation": { "activationDelay": "1h" } }),
            "follows from maxLeafLifetime and propagation",
        ),
        (json!({ "keyType": "P256" }), "\"ECDSAP256\""),
    ]
}

fn wrong_for_linkerd() -> Wrong {
    vec![
        (
            json!({ "keyType": "ECDSAP384" }),
            "Linkerd accepts only a CA key of keyType ECDSAP256",
        ),
        (
            json!({ "rotation": { "activation": "Automatic" } }),
            "rotation.activation is Manual",
        ),
    ]
}

fn wrong_for_spire() -> Wrong {
    vec![
        (
            issuer_ref(json!({ "pathLength": 0 })),
            "certificate.issuerRef.pathLength must be at least 1",
        ),
        (
            json!({ "keyType": "ED25519" }),
            "SPIRE reads only EC and RSA keys",
        ),
        (
            spire(json!({ "caTTL": "360h" })),
            "must be at least six times the sum",
        ),
        (
            spire(json!({ "caTTL": "2160h1s" })),
            "mesh.spire.caTTL must be at most 2160h",
        ),
        (
            spire(json!({ "secretName": "Upstream" })),
            "write the name of an object",
        ),
        (
            spire(json!({ "secretName": "wrong-signet-keys" })),
            "mesh.spire.secretName must not be the Secret with the keys",
        ),
    ]
}

fn wrong_for_generic() -> Wrong {
    let different = "privateKey, certificate, chain and roots must be different entries";
    let pattern = "should match";
    vec![
        (entries(json!({ "privateKey": "ca.crt" })), different),
        (entries(json!({ "privateKey": "issuer.crt" })), different),
        (entries(json!({ "certificate": "ca.crt" })), different),
        (entries(json!({ "chain": "issuer.key" })), different),
        (entries(json!({ "chain": "issuer.crt" })), different),
        (entries(json!({ "chain": "ca.crt" })), different),
        (entries(json!({ "roots": "a/b" })), pattern),
        (entries(json!({ "roots": "." })), pattern),
        (entries(json!({ "roots": "..data" })), pattern),
        (
            entries(json!({ "roots": null })),
            "spec.mesh.generic.entries.roots: Required value",
        ),
        (
            json!({ "mesh": { "generic": { "secretName": null } } }),
            "spec.mesh.generic.secretName: Required value",
        ),
        (
            json!({ "mesh": { "generic": { "configMapName": "Roots" } } }),
            "write the name of an object",
        ),
        (
            json!({ "mesh": { "generic": { "secretName": "wrong-signet-keys" } } }),
            "mesh.generic.secretName must not be the Secret with the keys",
        ),
    ]
}

async fn create(test: &TestNamespace, name: &str, spec: &Value) -> Result<(), kube::Error> {
    let object = json!({
        "apiVersion": "signet.dev/v1alpha1", "kind": "MeshCA",
        "metadata": { "name": name }, "spec": spec,
    });
    test.create_object(object).await.map(drop)
}

async fn a_mesh_ca_that_cannot_be_meant_is_refused_with_what_to_change(
    test: &TestNamespace,
) -> Result<()> {
    for (mesh, wrong) in [
        (json!({ "istio": {} }), wrong_for_any()),
        (json!({ "linkerd": {} }), wrong_for_linkerd()),
        (json!({ "spire": {} }), wrong_for_spire()),
        (generic(), wrong_for_generic()),
    ] {
        for (change, message) in wrong {
            let mut spec = spec(&mesh);
            merge(&mut spec, &change);
            let refused = create(test, "wrong", &spec).await.err();
            let refused = refused
                .with_context(|| format!("{change} was taken"))?
                .to_string();
            ensure!(refused.contains(message), "{change}: {refused}");
        }
    }
    let long = create(test, &"a".repeat(201), &spec(&generic())).await;
    let refused = long.err().context("the name was taken")?.to_string();
    ensure!(refused.contains("at most 200 characters"), "{refused}");
    Ok(())
}

async fn a_mesh_ca_that_is_meant_is_taken_with_its_defaults(test: &TestNamespace) -> Result<()> {
    let (istio, linkerd) = (json!({ "istio": {} }), json!({ "linkerd": {} }));
    let named = json!({ "spire": { "secretName": "upstream", "caTTL": "72h" } });
    let manual = json!({ "rotation": { "activation": "Manual", "requestID": "1" } });
    for (number, (mesh, change)) in [
        (&istio, json!({})),
        (&istio, issuer_ref(json!({ "duration": "145h" }))),
        (&istio, issuer_ref(json!({ "pathLength": 0 }))),
        (&istio, json!({ "maxLeafLifetime": "359h50m" })),
        (
            &istio,
            json!({ "keyType": "RSA4096", "adopt": true, "suspend": true }),
        ),
        (&istio, manual.clone()),
        (&linkerd, json!({})),
        (&linkerd, manual),
        (
            &json!({ "spire": {} }),
            issuer_ref(json!({ "pathLength": 1 })),
        ),
        (&named, json!({ "keyType": "ECDSAP384" })),
        (&generic(), json!({})),
        (
            &generic(),
            entries(json!({ "chain": "chain.pem", "roots": ".roots" })),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut spec = spec(mesh);
        merge(&mut spec, &change);
        create(test, &number.to_string(), &spec)
            .await
            .with_context(|| spec.to_string())?;
    }
    let first = test.api::<MeshCA>().get("0").await?;
    let delay = first.spec.delay().as_secs();
    ensure!(delay == 24 * 3600 + 600, "{:?}", first.spec);
    let status = first.status.context("it has a status")?.issuer;
    ensure!(status.observed_generation == Some(-1), "{status:?}");
    Ok(())
}

/// What is in them would stay there, with its private key.
async fn the_objects_of_a_mesh_stay_the_same(test: &TestNamespace) -> Result<()> {
    let api = test.api::<MeshCA>();
    let patch = async |name: &str, change: &Value| {
        let patch = Patch::Merge(json!({ "spec": change }));
        api.patch(name, &PatchParams::default(), &patch).await
    };
    create(test, "spire", &spec(&json!({ "spire": {} }))).await?;
    create(test, "generic", &spec(&generic())).await?;
    let revoked = json!({ "rotation": { "revoked": ["0".repeat(64)] } });
    for (name, change) in [
        ("spire", spire(json!({ "caTTL": "12h" }))),
        ("generic", json!({ "keyType": "RSA3072" })),
        ("generic", revoked),
    ] {
        patch(name, &change).await?;
    }
    for (name, change, message) in [
        (
            "spire",
            json!({ "mesh": { "spire": null, "istio": {} } }),
            "the mesh of a MeshCA cannot be changed",
        ),
        (
            "spire",
            spire(json!({ "secretName": "other" })),
            "mesh.spire.secretName cannot be changed",
        ),
        (
            "generic",
            entries(json!({ "chain": "chain.pem" })),
            "mesh.generic cannot be changed",
        ),
        (
            "generic",
            json!({ "rotation": { "revoked": [] } }),
            "entries of rotation.revoked cannot be removed",
        ),
    ] {
        let refused = patch(name, &change).await.err();
        let refused = refused
            .with_context(|| format!("{change} was taken"))?
            .to_string();
        ensure!(refused.contains(message), "{change}: {refused}");
    }
    Ok(())
}

/// Its key is for its mesh.
async fn a_request_to_a_mesh_ca_gets_an_event(test: &TestNamespace) -> Result<()> {
    create(test, "istio", &spec(&json!({ "istio": {} }))).await?;
    let csr = Csr::for_dns("shop.example")?;
    let reference = json!({ "group": "signet.dev", "name": "istio", "kind": "MeshCA" });
    let request = test.ask(&Ask::of_reference(reference, &csr)).await?;
    let object = test.request(&request).await?;
    let event = test.bed().wait_for_event(&object, "IssuerNotFound").await?;
    let note = event.message.context("it has a note")?;
    ensure!(note.contains("no issuers of kind \"MeshCA\""), "{note}");
    Ok(())
}
