//! What a MeshCA is to the lifecycle of CAs, and its defaults.

use serde_json::{Value, json};

use super::*;
use crate::duration::parse;
use crate::{ActivationMode, BundleKind, CertificateSource};

/// A MeshCA of this name, with a change of its spec.
fn mesh_ca(change: impl FnOnce(&mut Value)) -> MeshCA {
    let mut spec = json!({
        "mesh": { "istio": {} },
        "certificate": {
            "issuerRef": { "name": "corp", "serviceAccountRef": { "name": "robot" } },
        },
    });
    change(&mut spec);
    MeshCA::new("istio", serde_json::from_value(spec).unwrap())
}

fn with(field: &str, value: Value) -> MeshCA {
    mesh_ca(|spec| spec[field] = value)
}

fn seconds(text: &str) -> Duration {
    parse(text).unwrap()
}

#[test]
fn a_ca_is_renewed_when_three_delays_are_left() {
    let spire = |ca_ttl: &str| json!({ "spire": { "caTTL": ca_ttl } });
    for (field, value, delay) in [
        ("adopt", json!(true), "24h10m"),
        ("maxLeafLifetime", json!("1h"), "1h10m"),
        ("propagation", json!("2m"), "24h2m"),
        ("mesh", json!({ "linkerd": {} }), "24h10m"),
        ("mesh", json!({ "spire": {} }), "24h10m"),
        // SPIRE's CA outlives the certificates under it.
        ("mesh", spire("72h"), "72h10m"),
        ("mesh", spire("1h"), "24h10m"),
    ] {
        let label = format!("{field}: {value}");
        let mesh_ca = with(field, value);
        let delay = seconds(delay);
        assert_eq!(mesh_ca.spec.delay(), delay, "{label}");
        let spec = mesh_ca.issuer_spec();
        let renew_before = spec.certificate.renew_before.unwrap();
        assert_eq!(renew_before.0, delay * 3, "{label}");
        let profile = spec.profile.as_ref().unwrap();
        assert_eq!(profile.max_duration.unwrap().0, delay, "{label}");
    }
}

#[test]
fn activation_is_delayed_except_where_a_person_confirms_it() {
    let manual = json!({ "activation": "Manual", "requestID": "1" });
    let linkerd = mesh_ca(|spec| spec["mesh"] = json!({ "linkerd": {} }));
    for (mesh_ca, is_manual) in [
        (mesh_ca(|_| ()), false),
        (with("rotation", json!({ "requestID": "1" })), false),
        (with("rotation", manual), true),
        (linkerd, true),
    ] {
        let spec = mesh_ca.issuer_spec();
        let rotation = spec.rotation.as_ref().unwrap();
        let delay = rotation.activation_delay.map(|delay| delay.0);
        assert_eq!(delay, (!is_manual).then_some(mesh_ca.spec.delay()));
        let activation = rotation.activation.unwrap_or_default();
        assert_eq!(activation == ActivationMode::Manual, is_manual);
        let own = mesh_ca.spec.rotation.as_ref();
        let requested = own.and_then(|own| own.request_id.clone());
        assert_eq!(rotation.request_id, requested);
    }
}

#[test]
fn its_keys_are_entries_of_one_secret() {
    let mesh_ca = with("keyType", json!("RSA2048"));
    let reference = |spec: &IssuerSpec| spec.key.backend().reference();
    let hint = mesh_ca.issuer_spec().key.backend().spec_hint();
    assert!(hint.ends_with("RSA2048"), "{hint}");
    let expected = "software/istio-signet-keys";
    assert_eq!(reference(&mesh_ca.issuer_spec()), expected);
    let spec = mesh_ca.spec.issuer_spec("istio", Some("a1b2"));
    assert_eq!(reference(&spec), format!("{expected}/a1b2"));
}

/// Otherwise its CA would come from another source, or sign for others.
#[test]
fn its_certificate_is_from_the_issuer_above_and_its_roots_are_for_the_mesh() {
    let mesh_ca = mesh_ca(|spec| {
        let certificate = &mut spec["certificate"];
        certificate["followParentRoots"] = json!(true);
        certificate["allowMissingRoot"] = json!(true);
        certificate["expectedRoot"] = json!("a".repeat(64));
        certificate["creation"] = json!("Forbidden");
        certificate["acknowledgedLoss"] = json!("b".repeat(64));
        certificate["trustedRoots"] = json!({ "configMapName": "roots" });
        spec["suspend"] = json!(true);
    });
    let spec = mesh_ca.issuer_spec();
    let source = spec.certificate.source().unwrap();
    assert!(matches!(source, CertificateSource::IssuerRef(above) if above.name == "corp"));
    let mut certificate = json!(spec.certificate);
    certificate.as_object_mut().unwrap().remove("renewBefore");
    let mut expected = json!(mesh_ca.spec.certificate);
    // istiod signs no CAs.
    expected["issuerRef"]["pathLength"] = json!(0);
    assert_eq!(certificate, expected);
    assert!(spec.suspend && spec.spiffe.is_none() && spec.policy.is_none());
    let profile = spec.profile.as_ref().unwrap();
    assert!(profile.ca.is_none());
    let bundle = spec.bundle.as_ref().unwrap();
    let published = (bundle.kind, bundle.cluster_trust_bundle);
    assert_eq!(published, (BundleKind::None, Some(false)));
}

/// How fast the mesh is says nothing about the CA certificate.
#[test]
fn only_what_is_requested_asks_for_another_certificate() {
    let canonical = |mesh_ca: &MeshCA| mesh_ca.issuer_spec().certificate.canonical();
    let before = canonical(&mesh_ca(|_| ()));
    for (field, value) in [
        ("maxLeafLifetime", json!("1h")),
        ("propagation", json!("1m")),
        ("suspend", json!(true)),
    ] {
        assert_eq!(canonical(&with(field, value)), before, "{field}");
    }
    let longer = mesh_ca(|spec| spec["certificate"]["issuerRef"]["duration"] = json!("4320h"));
    assert_ne!(canonical(&longer), before);
}

#[test]
fn a_write_of_the_shared_status_keeps_what_the_mesh_loaded() {
    let mut mesh_ca = mesh_ca(|_| ());
    assert_eq!(mesh_ca.issuer_status(), None);
    let shared = |generation| IssuerStatus {
        observed_generation: Some(generation),
        ..IssuerStatus::default()
    };
    mesh_ca.set_issuer_status(shared(1));
    let mesh = MeshStatus {
        loaded_roots: vec!["a".repeat(64)],
        waits_for: Some(MeshWait::Restart),
        waits_since: None,
    };
    mesh_ca.status.as_mut().unwrap().mesh = Some(mesh.clone());
    let written = mesh_ca.status_with(&shared(2));
    let expected = json!({
        "observedGeneration": 2,
        "mesh": { "loadedRoots": ["a".repeat(64)], "waitsFor": "Restart" },
    });
    assert_eq!(written, expected);
    mesh_ca.set_issuer_status(shared(2));
    assert_eq!(mesh_ca.issuer_status(), Some(&shared(2)));
    let read: MeshCAStatus = serde_json::from_value(written).unwrap();
    assert_eq!(mesh_ca.status, Some(read));
}

#[test]
fn defaults_are_in_the_schema() {
    let crd = crate::crds::all().pop().unwrap();
    assert_eq!(crd.spec.names.kind, "MeshCA");
    let schema = json!(crd.spec.versions[0].schema);
    let default = |path: &str| {
        let path = path.replace('.', "/properties/");
        let path = format!("/openAPIV3Schema/properties/{path}/default");
        schema.pointer(&path).cloned().unwrap_or_default()
    };
    for (path, expected) in [
        ("spec.keyType", json!("ECDSAP256")),
        ("spec.maxLeafLifetime", json!("24h0m0s")),
        ("spec.propagation", json!("0h10m0s")),
        ("spec.mesh.spire.caTTL", json!("24h0m0s")),
        ("spec.mesh.spire.secretName", json!("spiffe-upstream-ca")),
        ("spec.certificate.issuerRef.kind", json!("Issuer")),
        ("status", json!({ "observedGeneration": -1 })),
    ] {
        assert_eq!(default(path), expected, "{path}");
    }
}
