//! Linkerd's rules for the CA of its identity controller and for its trust roots, over every phase
//! (`linkerd check`: pkg/issuercerts/issuercerts.go; the controller: pkg/tls/cred.go and
//! pkg/tls/codec.go; its proxy: linkerd/rustls/src/crypto.rs).
//!
//! The rules are written without the code of [`Mesh`]: they read the entries as Linkerd does.

mod broken;
mod read;

use super::phases::{Phase, phases};
use super::*;

/// What Linkerd reads in a phase, and what it has read in the one before.
#[derive(Clone)]
struct Scene {
    now: Phase,
    before: Phase,
}

/// A rule, and something that breaks it.
struct Rule {
    name: &'static str,
    holds: fn(&Scene) -> bool,
    breaks: fn(&mut Scene),
}

static RULES: [Rule; 14] = [
    Rule {
        name: "the Secret is of the type kubernetes.io/tls",
        holds: read::has_the_type_of_its_scheme,
        breaks: broken::other_type,
    },
    Rule {
        name: "the Secret has the entries of kubernetes.io/tls, and none of linkerd.io/tls",
        holds: read::has_the_entries_of_its_scheme,
        breaks: broken::other_scheme,
    },
    Rule {
        name: "both objects have the same roots",
        holds: read::has_the_same_roots,
        breaks: broken::roots_in_the_secret_only,
    },
    Rule {
        name: "the certificate is a CA's",
        holds: read::is_ca,
        breaks: broken::no_ca,
    },
    Rule {
        name: "its key is on P-256",
        holds: read::ca_is_on_p256,
        breaks: broken::ca_on_p384,
    },
    Rule {
        name: "it is signed with ECDSA or RSA, and SHA-256",
        holds: read::ca_is_signed_with_sha256,
        breaks: broken::ca_signed_with_sha384,
    },
    Rule {
        name: "the keys of the roots are on P-256, or RSA of 2048 or 4096 bits",
        holds: read::roots_have_a_known_key,
        breaks: broken::root_on_ed25519,
    },
    Rule {
        name: "the roots are signed with ECDSA or RSA, and SHA-256",
        holds: read::roots_are_signed_with_sha256,
        breaks: broken::root_on_p384,
    },
    Rule {
        name: "the proxy knows the algorithm of every signature",
        holds: read::proxy_knows_every_signature,
        breaks: broken::ca_signed_with_pss,
    },
    Rule {
        name: "the private key is in a form that the controller reads, and the certificate's",
        holds: read::has_its_key,
        breaks: broken::another_key,
    },
    Rule {
        name: "tls.crt goes from the CA up, and has no root",
        holds: read::is_in_order,
        breaks: broken::root_in_the_chain,
    },
    Rule {
        name: "the CA verifies up to a root",
        holds: read::verifies,
        breaks: broken::other_roots,
    },
    Rule {
        name: "no purpose of a CA excludes servers",
        holds: read::may_be_above_servers,
        breaks: broken::ca_for_clients_only,
    },
    Rule {
        name: "parts that were not restarted since the phase before trust the CA",
        holds: read::verifies_under_the_roots_before,
        breaks: broken::other_roots_before,
    },
];

/// Each phase with the one before.
fn scenes() -> Vec<Scene> {
    let phases = phases(&Mesh::Linkerd);
    let before = phases.iter().take(1).chain(&phases);
    let pairs = phases.iter().zip(before);
    pairs
        .map(|(now, before)| Scene {
            now: now.clone(),
            before: before.clone(),
        })
        .collect()
}

#[test]
fn every_phase_keeps_every_rule() {
    let scenes = scenes();
    let broken = RULES.iter().flat_map(|rule| {
        let broken = scenes.iter().filter(move |scene| !(rule.holds)(scene));
        broken.map(move |scene| format!("{}: {}", scene.now.name, rule.name))
    });
    let broken: Vec<_> = broken.collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// In every phase, so that no rule is kept by chance.
#[test]
fn what_breaks_a_rule_is_noticed() {
    for scene in scenes() {
        for rule in &RULES {
            let mut broken = scene.clone();
            (rule.breaks)(&mut broken);
            assert!(!(rule.holds)(&broken), "{}: {}", scene.now.name, rule.name);
        }
    }
}
