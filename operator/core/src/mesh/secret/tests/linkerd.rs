//! Linkerd's roots, which are in two objects.

use super::*;

fn read(objects: &Objects) -> Result<Option<Existing>, SecretError> {
    Mesh::Linkerd.read(objects, NOW)
}

#[test]
fn the_roots_of_the_config_map_count() {
    let both = Mesh::Linkerd.write(&contents());
    let one = contents().roots.piece(1..2).unwrap();
    let mut config_map_has_fewer = both.clone();
    for roots in config_map_has_fewer.config_map.values_mut() {
        one.as_str().clone_into(roots);
    }
    let existing = read(&config_map_has_fewer).unwrap().unwrap();
    assert_eq!(existing.contents.roots, one);
    assert!(!existing.is_complete);
}

#[test]
fn the_roots_of_the_secret_are_for_a_config_map_that_is_missing() {
    let without = Objects {
        secret: Mesh::Linkerd.write(&contents()).secret,
        ..Objects::default()
    };
    let existing = read(&without).unwrap().unwrap();
    assert_eq!(existing.contents, contents());
    assert!(!existing.is_complete);
}

#[test]
fn refuses_roots_without_a_ca() {
    let without = Objects {
        secret: Entries::default(),
        ..Mesh::Linkerd.write(&contents())
    };
    assert_eq!(read(&without), Err(SecretError::RootsWithoutCa));
}
