//! Every chain that a MeshCA writes, as ztunnel and linkerd-proxy verify it: by rustls-webpki in the
//! releases that they lock.
//!
//! A write does not reach every workload at the same time. So what is issued in a phase must be
//! accepted under the roots of that phase, of the one before and of the next one.

use signet_readers::{Chain, Mesh as Proxy, Reader};

use super::phases::{Phase, phases};
use super::*;
use crate::fixtures::NOW;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, CLIENT_AUTH, EXT_KEY_USAGE, KEY_USAGE, SAN, SERVER_AUTH, critical, dns,
    extension, hex, purposes, seq, uri,
};
use crate::mesh::secret::tests::meshes;

/// The certificates that the mesh sends after a leaf, and the roots that it gives to workloads.
fn read(mesh: &Mesh, phase: &Phase) -> (String, String) {
    let Phase {
        secret, config_map, ..
    } = phase;
    match mesh {
        Mesh::Istio(IstioLayout::Plugin) => (
            secret["cert-chain.pem"].clone(),
            secret["root-cert.pem"].clone(),
        ),
        // istiod sends the roots, too.
        Mesh::Istio(IstioLayout::Tls) => (
            secret["tls.crt"].clone() + &secret["ca.crt"],
            secret["ca.crt"].clone(),
        ),
        Mesh::Linkerd => (
            secret["tls.crt"].clone(),
            config_map["ca-bundle.crt"].clone(),
        ),
        Mesh::Spire => (secret["tls.crt"].clone(), secret["bundle.crt"].clone()),
        Mesh::Generic(names) => {
            let above = names.chain.as_ref().map_or("", |name| &*secret[name]);
            (
                secret[&names.certificate].clone() + above,
                secret[&names.roots].clone(),
            )
        }
    }
}

/// A workload's certificate below this CA.
fn leaf(mesh: &Mesh, ca: &Parts) -> Parts {
    let name = match mesh {
        Mesh::Linkerd => dns("web.shop.serviceaccount.identity.linkerd.cluster.local"),
        Mesh::Istio(_) | Mesh::Spire | Mesh::Generic(_) => {
            uri("spiffe://cluster.local/ns/shop/sa/web")
        }
    };
    let both = purposes(&[SERVER_AUTH, CLIENT_AUTH]);
    Parts::intermediate("web", &Key::p256(90), ca)
        .with(
            BASIC_CONSTRAINTS,
            Some(critical(BASIC_CONSTRAINTS, &hex("3000"))),
        )
        .with(KEY_USAGE, Some(critical(KEY_USAGE, &hex("03020780"))))
        .and(extension(EXT_KEY_USAGE, &both))
        .and(extension(SAN, &seq(&[name])))
}

/// What a workload of a phase presents. The CA and the key are those that the mesh has.
fn presented(mesh: &Mesh, phase: &Phase) -> String {
    let (sent, _) = read(mesh, phase);
    assert!(sent.starts_with(&phase.ca.pem()), "{}", phase.name);
    let key = phase.ca.key.private_pem();
    assert!(phase.secret.values().any(|value| *value == key));
    match mesh {
        // SPIRE signs with a CA of its own.
        Mesh::Spire => {
            let own = Parts::intermediate("SPIRE", &Key::p256(91), &phase.ca).path_length(0);
            leaf(mesh, &own).pem() + &own.pem() + &sent
        }
        Mesh::Istio(_) | Mesh::Linkerd | Mesh::Generic(_) => leaf(mesh, &phase.ca).pem() + &sent,
    }
}

/// Has a proxy verify a chain for both purposes of TLS.
fn verify(proxy: Proxy, chain: &str, roots: &str) -> Result<(), String> {
    let now = Duration::from_secs(NOW.as_second().unsigned_abs());
    let chain = Chain::from_pem(chain, roots).unwrap();
    let verified = chain.verify_by(Reader::Locked(proxy), now);
    verified.map_err(|error| format!("{error:#}"))
}

#[test]
fn proxies_accept_each_chain_under_the_roots_around_it() {
    for (name, mesh) in meshes() {
        let phases = phases(&mesh);
        for (number, phase) in phases.iter().enumerate() {
            let chain = presented(&mesh, phase);
            let around = number.saturating_sub(1)..(number + 2).min(phases.len());
            for other in &phases[around] {
                let (_, roots) = read(&mesh, other);
                for proxy in Proxy::ALL {
                    let verified = verify(proxy, &chain, &roots);
                    let what = format!("{name}, {}, roots of {}", phase.name, other.name);
                    assert_eq!(verified, Ok(()), "{what}");
                }
            }
        }
    }
}

/// The check can fail: without a phase between them, one root does not follow the other.
#[test]
fn proxies_reject_the_last_chain_under_the_first_root_and_the_first_under_the_last() {
    for (name, mesh) in meshes() {
        let phases = phases(&mesh);
        let [first, .., last] = &phases[..] else {
            panic!("{name} has one phase");
        };
        for (phase, other) in [(first, last), (last, first)] {
            let chain = presented(&mesh, phase);
            let (_, roots) = read(&mesh, other);
            for proxy in Proxy::ALL {
                let error = verify(proxy, &chain, &roots).unwrap_err();
                assert!(error.contains("UnknownIssuer"), "{name}: {error}");
            }
        }
    }
}
