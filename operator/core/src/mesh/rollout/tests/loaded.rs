//! Which roots count as loaded.

use super::*;
use crate::fixtures::at;

/// Of A, B and C, which the mesh has loaded so many minutes after the last write.
fn has_loaded(existing: Option<&Existing>, shown: Option<&str>, minutes: i64) -> [bool; 3] {
    let shown = shown.map(file);
    let seen = Seen {
        mesh: &ISTIO,
        existing,
        loaded: shown.as_ref(),
        written: Some(at(-minutes * MINUTE)),
        put_back: None,
        propagation: PROPAGATION,
        longest_leaf: Duration::ZERO,
        now: at(0),
    };
    [0, 1, 2].map(|number| seen.has_loaded(root(number)))
}

#[test]
fn a_root_is_loaded_once_the_mesh_shows_it_or_the_propagation_has_passed() {
    let has = existing("A0", "AB");
    assert_eq!(has_loaded(Some(&has), Some("A"), 20), [true, false, false]);
    assert_eq!(has_loaded(Some(&has), Some("AB"), 0), [true, true, false]);
    assert_eq!(has_loaded(Some(&has), None, 9), [false; 3]);
    assert_eq!(has_loaded(Some(&has), None, 10), [true, true, false]);
}

#[test]
fn a_root_that_is_not_in_every_object_is_not_loaded() {
    let has = existing("A0", "AB");
    // One that was put back is not in the Secret any more.
    assert_eq!(has_loaded(Some(&has), Some("ABC"), 20), [true, true, false]);
    assert_eq!(has_loaded(None, Some("A"), 20), [false; 3]);
    let partial = Existing {
        is_complete: false,
        ..has
    };
    assert_eq!(has_loaded(Some(&partial), None, 20), [false; 3]);
}
