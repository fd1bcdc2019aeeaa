//! What a MeshCA writes for each mesh through a renewal, another key and another root.

use std::collections::BTreeMap;

use super::*;
use crate::fixtures::key::Kind;
use crate::fixtures::{DAY, HOUR, NOW, at};

/// What each write begins, in order.
const PHASES: [&str; 6] = [
    "the first CA",
    "a renewal",
    "another key",
    "another root beside the first",
    "a CA below the other root",
    "the first root removed",
];

/// What the objects of a mesh have after a write.
#[derive(Clone)]
pub(super) struct Phase {
    pub(super) name: &'static str,
    /// The type of a Secret that Signet creates.
    pub(super) secret_type: &'static str,
    pub(super) secret: BTreeMap<String, String>,
    pub(super) config_map: BTreeMap<String, String>,
    /// What signs with them, with its key.
    pub(super) ca: Parts,
}

/// A CA of the mesh, the issuer above it, and the root, which is to be the only one.
struct Wanted {
    own: Parts,
    issuer: Parts,
    root: Parts,
}

/// The issuers below both roots: the first root is on RSA, as many offline roots are.
fn wanted(mesh: &Mesh) -> [Wanted; 4] {
    let first = Parts::root("A", &Key::new(Kind::Rsa2048, 1));
    let other = Parts::root("B", &Key::p256(2));
    let below = |root: &Parts, seeds: [u8; 2]| {
        let [issuer, own] = seeds.map(Key::p256);
        let issuer = Parts::intermediate(&format!("issuer {}", seeds[0]), &issuer, root);
        let issuer = issuer.path_length(mesh.path_length() + 1);
        let own = Parts::intermediate(&format!("mesh {}", seeds[1]), &own, &issuer);
        Wanted {
            own: own.path_length(mesh.path_length()),
            issuer,
            root: root.clone(),
        }
    };
    let renewed = below(&first, [3, 5]);
    [
        below(&first, [3, 5]),
        Wanted {
            own: renewed.own.valid(at(-DAY), at(200 * DAY)),
            ..renewed
        },
        below(&first, [3, 6]),
        below(&other, [4, 7]),
    ]
}

/// The phases of a mesh, by the planner: each write is read back before the next one.
pub(super) fn phases(mesh: &Mesh) -> Vec<Phase> {
    let wanted = wanted(mesh);
    let (mut phases, mut existing): (Vec<Phase>, Option<Existing>) = (Vec::new(), None);
    for Wanted { own, issuer, root } in &wanted {
        let (ca, roots) = (signing_ca(&[own, issuer], root), [certificate(root)]);
        loop {
            let step = next(mesh, existing.as_ref(), phases.len(), (&ca, &roots));
            let Step::Write(write) = step else {
                assert!(matches!(step, Step::Done { .. }), "{step:?}");
                break;
            };
            let objects = mesh.write(write.contents());
            existing = mesh.read(&objects, NOW).unwrap();
            let signing = write.contents().ca.certificate();
            let mut own = wanted.iter().map(|wanted| &wanted.own);
            let own = own.find(|own| certificate(own) == *signing);
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            let secret = objects.secret.iter();
            phases.push(Phase {
                name: PHASES[phases.len()],
                secret_type: mesh.secret_type(),
                secret: secret
                    .map(|(name, value)| (name.to_owned(), text(value)))
                    .collect(),
                config_map: objects.config_map,
                ca: own.unwrap().clone(),
            });
        }
    }
    assert_eq!(phases.len(), PHASES.len());
    phases
}

/// The next step after so many writes, once everything of the last one has passed.
fn next(
    mesh: &Mesh,
    existing: Option<&Existing>,
    writes: usize,
    (ca, roots): (&SigningCa, &[CaCertificate]),
) -> Step {
    let last = 2 * HOUR * writes as i64;
    plan(&Situation {
        seen: Seen {
            mesh,
            existing,
            loaded: None,
            written: existing.map(|_| at(last)),
            put_back: None,
            propagation: PROPAGATION,
            longest_leaf: Duration::from_secs(3600),
            now: at(last + 2 * HOUR),
        },
        ca,
        roots,
    })
}
