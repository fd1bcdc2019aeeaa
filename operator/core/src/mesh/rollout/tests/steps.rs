//! Each step by itself.

use super::*;
use crate::fixtures::at;
use crate::mesh::secret::RootChanges;

/// What a table says about a mesh; times are minutes before now.
#[derive(Clone, Default)]
struct Scene {
    /// The CA and the roots in the Secret.
    has: Option<(&'static str, &'static str)>,
    loaded: Option<&'static str>,
    written: Option<i64>,
    put_back: Option<i64>,
    wants: (&'static str, &'static str),
}

impl Scene {
    fn plan(&self, mesh: &Mesh) -> Step {
        let existing = self.has.map(|(own, letters)| existing(own, letters));
        self.plan_with(mesh, existing.as_ref())
    }

    fn plan_with(&self, mesh: &Mesh, existing: Option<&Existing>) -> Step {
        let ago = |minutes: i64| at(-minutes * MINUTE);
        plan(&Situation {
            seen: Seen {
                mesh,
                existing,
                loaded: self.loaded.map(file).as_ref(),
                written: self.written.map(ago),
                put_back: self.put_back.map(ago),
                propagation: PROPAGATION,
                longest_leaf: Duration::ZERO,
                now: at(0),
            },
            ca: ca(self.wants.0),
            roots: &roots(self.wants.1),
        })
    }
}

/// A mesh that has loaded what the Secret has.
fn loaded(own: &'static str, letters: &'static str, wants: (&'static str, &'static str)) -> Scene {
    Scene {
        has: Some((own, letters)),
        loaded: Some(letters),
        wants,
        ..Scene::default()
    }
}

/// The kind of a step, and what it leaves in the Secret.
fn short(step: &Step) -> String {
    match step {
        Step::Write(write) => {
            let kind = match write.change() {
                Change::First(_) => "first",
                Change::Complete => "complete",
                Change::Append(_) => "append",
                Change::Swap(_) => "swap",
                Change::Remove(_) => "remove",
                Change::PutBack => "put back",
            };
            let Contents { ca, roots } = write.contents();
            let own = &ca.certificate().subject()[3..];
            format!("{kind} {own} {}", letters(roots))
        }
        Step::Wait(Wait::Loading(_)) => "wait for loading".to_owned(),
        Step::Wait(Wait::Propagation(_)) => "wait".to_owned(),
        Step::Wait(Wait::Leaves(_)) => "wait for leaves".to_owned(),
        Step::Hold(Hold::NotLoaded { .. }) => "hold: not loaded".to_owned(),
        Step::Hold(Hold::OtherCa { .. }) => "hold: other CA".to_owned(),
        Step::Hold(Hold::NotRead { .. }) => "hold: not read".to_owned(),
        Step::Hold(Hold::NoRoot(_)) => "hold: no root".to_owned(),
        Step::Done { lingering } => format!("done {}", lingering.join(" ")).trim().to_owned(),
    }
}

#[track_caller]
fn check(mesh: &Mesh, table: &[(Scene, &str)]) {
    for (scene, expected) in table {
        let shown = format!("{:?} {:?}", scene.has, scene.wants);
        assert_eq!(short(&scene.plan(mesh)), *expected, "{shown}");
    }
}

#[test]
fn makes_one_change_at_a_time_and_in_order() {
    check(
        &ISTIO,
        &[
            (loaded("A0", "A", ("A0", "A")), "done"),
            // A renewal, a new key, a rotation of the root.
            (loaded("A0", "A", ("A1", "A")), "swap A1 A"),
            (loaded("A0", "A", ("A0", "AB")), "append A0 AB"),
            (loaded("A0", "AB", ("B0", "AB")), "swap B0 AB"),
            (loaded("B0", "AB", ("B0", "B")), "remove B0 B"),
            // All of it at once.
            (loaded("A0", "A", ("B0", "B")), "append A0 AB"),
            (loaded("A0", "AB", ("B0", "B")), "swap B0 AB"),
            // The order in the bundle is another one.
            (loaded("A0", "AB", ("A0", "BA")), "done"),
            (loaded("A0", "A", ("A0", "CBA")), "append A0 ACB"),
            // A root that was prepared and is not wanted any more.
            (loaded("A0", "AB", ("A0", "A")), "remove A0 A"),
            (loaded("B0", "ABC", ("B0", "B")), "remove B0 B"),
            // The bytes of A and C would not be contiguous.
            (loaded("C0", "ABC", ("C0", "AC")), "done CN=B"),
            (loaded("C0", "ABC", ("C0", "C")), "remove C0 C"),
        ],
    );
}

#[test]
fn other_meshes_remove_roots_between_others() {
    let scene = Scene {
        has: Some(("C0", "ABC")),
        written: Some(11),
        wants: ("C0", "AC"),
        ..Scene::default()
    };
    let generic = Mesh::Generic(GenericNames {
        certificate: "a".to_owned(),
        key: "b".to_owned(),
        chain: None,
        roots: "c".to_owned(),
        has_config_map: false,
    });
    for mesh in [Mesh::Linkerd, Mesh::Spire, generic] {
        assert_eq!(short(&scene.plan(&mesh)), "remove C0 AC");
    }
}

#[test]
fn waits_for_the_propagation_of_the_last_write() {
    let after = |minutes, loaded| Scene {
        has: Some(("A0", "AB")),
        loaded,
        written: Some(minutes),
        wants: ("B0", "AB"),
        ..Scene::default()
    };
    check(
        &ISTIO,
        &[
            (after(1, Some("A")), "wait for loading"),
            // Another replica may not have it yet.
            (after(1, Some("AB")), "wait"),
            (after(10, Some("AB")), "swap B0 AB"),
            (after(9, None), "wait"),
            (after(10, None), "swap B0 AB"),
        ],
    );
    let step = after(1, Some("A")).plan(&ISTIO);
    assert_eq!(step, Step::Wait(Wait::Loading(at(9 * MINUTE))));
}

#[test]
fn puts_back_roots_that_the_mesh_did_not_load_and_holds() {
    let late = |letters, loaded, put_back, wants| Scene {
        has: Some(("A0", letters)),
        loaded: Some(loaded),
        written: Some(10),
        put_back,
        wants,
    };
    check(
        &ISTIO,
        &[
            (late("AB", "A", None, ("A0", "AB")), "put back A0 A"),
            // The CA stays as it was, and is renewed afterwards.
            (late("AB", "A", None, ("A1", "AB")), "put back A0 A"),
            (late("A", "A", Some(10), ("A1", "AB")), "swap A1 A"),
            (late("A", "A", Some(10), ("A0", "AB")), "hold: not loaded"),
            (late("A", "A", Some(59), ("B0", "AB")), "hold: not loaded"),
            (late("A", "A", Some(60), ("A0", "AB")), "append A0 AB"),
            // A removal that the mesh refused.
            (late("A", "AB", None, ("A0", "A")), "put back A0 AB"),
            (late("AB", "AB", Some(10), ("A0", "A")), "hold: not loaded"),
            // Someone restarted the mesh while the Secret had the new root.
            (late("A", "AB", Some(10), ("A0", "AB")), "put back A0 AB"),
            (late("AB", "AB", Some(10), ("A0", "AB")), "done"),
        ],
    );
    let Step::Hold(hold) = late("A", "A", Some(10), ("A0", "AB")).plan(&ISTIO) else {
        panic!("it does not hold");
    };
    assert_eq!(hold.until(), Some(at(50 * MINUTE)));
    let message = hold.to_string();
    assert!(message.contains("within 10m"), "{message}");
    assert!(message.contains("ISTIO_MULTIROOT_MESH=true"), "{message}");
    assert!(message.contains("restart"), "{message}");
}

#[test]
fn does_not_replace_a_ca_that_the_mesh_runs_with() {
    let first = |loaded, wants| Scene {
        loaded,
        wants,
        ..Scene::default()
    };
    let unread = |wants| Scene {
        has: Some(("A0", "A")),
        loaded: Some("D"),
        written: Some(11),
        wants,
        ..Scene::default()
    };
    check(
        &ISTIO,
        &[
            (first(None, ("A0", "A")), "first A0 A"),
            (first(None, ("B0", "BA")), "first B0 BA"),
            // What the mesh has stays as it is, and the rest follows.
            (first(Some("AB"), ("B0", "BA")), "first B0 AB"),
            (first(Some("A"), ("A0", "AB")), "first A0 A"),
            (first(Some("D"), ("A0", "A")), "hold: other CA"),
            (first(None, ("A0", "B")), "hold: no root"),
            (first(None, ("A0", "")), "hold: no root"),
            // istiod was not restarted since there is such a Secret: renewals go on.
            (unread(("A0", "A")), "hold: not read"),
            (unread(("A0", "AB")), "hold: not read"),
            (unread(("A1", "A")), "swap A1 A"),
        ],
    );
}

#[test]
fn never_leaves_the_ca_without_its_root() {
    check(
        &ISTIO,
        &[
            (loaded("A0", "AB", ("A0", "B")), "done CN=A"),
            (loaded("A0", "A", ("B0", "A")), "hold: no root"),
            (loaded("A0", "A", ("B0", "C")), "append A0 AC"),
            (loaded("A0", "AC", ("B0", "C")), "hold: no root"),
        ],
    );
    assert_eq!(
        Write::remove(
            &existing("A0", "AB").contents,
            &roots("B"),
            RootChanges::Any
        ),
        None
    );
    assert_eq!(Write::swap(&existing("A0", "A").contents, ca("B0")), None);
    assert_eq!(Write::first(ca("A0"), file("B")), None);
    let current = existing("A0", "A").contents;
    for other in ["B", "BC"] {
        assert_eq!(Write::put_back(&current, &file(other)), None);
    }
}

#[test]
fn completes_objects_before_anything_else() {
    let existing = Existing {
        is_complete: false,
        ..existing("A0", "A")
    };
    let scene = Scene {
        written: Some(0),
        wants: ("B0", "B"),
        ..Scene::default()
    };
    let step = scene.plan_with(&Mesh::Linkerd, Some(&existing));
    assert_eq!(short(&step), "complete A0 A");
}

/// The swap may have come long after the CA above was replaced.
#[test]
fn a_root_is_removed_when_the_certificates_under_it_have_expired() {
    let has = existing("B0", "AB");
    for (written, expected) in [(69, "wait for leaves"), (70, "remove B0 B")] {
        let ago = |minutes: i64| at(-minutes * MINUTE);
        let step = plan(&Situation {
            seen: Seen {
                mesh: &ISTIO,
                existing: Some(&has),
                loaded: Some(&file("AB")),
                written: Some(ago(written)),
                put_back: None,
                propagation: PROPAGATION,
                longest_leaf: Duration::from_secs(3600),
                now: at(0),
            },
            ca: ca("B0"),
            roots: &roots("B"),
        });
        assert_eq!(short(&step), expected);
    }
}
