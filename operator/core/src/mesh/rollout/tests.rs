//! The planner: each step by itself, both comparisons of istiod, random histories, and what is
//! written for each mesh, by Linkerd's rules and by the verifiers of ztunnel and linkerd-proxy.

mod chains;
mod comparison;
mod histories;
mod linkerd_rules;
mod loaded;
mod phases;
mod steps;
mod world;

use std::sync::LazyLock;

use super::*;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;
use crate::mesh::secret::tests::{certificate, signing_ca};
use crate::mesh::secret::{GenericNames, IstioLayout};

const ISTIO: Mesh = Mesh::Istio(IstioLayout::Plugin);
const MINUTE: i64 = 60;
const PROPAGATION: Duration = Duration::from_secs(600);

/// Roots A to D, and below each of them three CAs.
static ROOTS: LazyLock<[(CaCertificate, [SigningCa; 3]); 4]> = LazyLock::new(|| {
    [1, 2, 3, 4].map(|seed: u8| {
        let name = char::from(b'@' + seed).to_string();
        let root = Parts::root(&name, &Key::p256(seed));
        let below = [0, 1, 2].map(|number: u8| {
            let key = Key::p256(10 * seed + number);
            let own = Parts::intermediate(&format!("{name}{number}"), &key, &root);
            signing_ca(&[&own], &root)
        });
        (certificate(&root), below)
    })
});

/// The certificate of a root, from 0 for A.
fn root(number: usize) -> &'static CaCertificate {
    &ROOTS[number].0
}

/// Roots by their letters.
fn roots(letters: &str) -> Vec<CaCertificate> {
    let numbers = letters.bytes().map(|letter| usize::from(letter - b'A'));
    numbers.map(|number| root(number).clone()).collect()
}

/// A file of roots by their letters.
fn file(letters: &str) -> RootsFile {
    RootsFile::of(&roots(letters)).unwrap()
}

/// A CA by the letter of its root and its number.
fn ca(name: &str) -> &'static SigningCa {
    let [letter, number] = name.as_bytes() else {
        panic!("{name} is not a letter and a number");
    };
    &ROOTS[usize::from(letter - b'A')].1[usize::from(number - b'0')]
}

fn existing(own: &str, letters: &str) -> Existing {
    Existing {
        contents: Contents {
            ca: ca(own).clone(),
            roots: file(letters),
        },
        is_complete: true,
    }
}

/// The letters of a file of roots.
fn letters(roots: &RootsFile) -> String {
    let subjects = roots.certificates().map(|root| root.subject());
    subjects.map(|subject| &subject[3..]).collect()
}
