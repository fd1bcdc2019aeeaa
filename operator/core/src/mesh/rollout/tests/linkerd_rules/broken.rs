//! What breaks each rule.

use super::super::phases::Phase;
use super::Scene;
use crate::fixtures::certificate::Parts;
use crate::fixtures::der::{
    BASIC_CONSTRAINTS, CLIENT_AUTH, EXT_KEY_USAGE, critical, extension, hex, purposes,
};
use crate::fixtures::key::{Key, Kind};

/// A CA below a root that the mesh does not have.
fn other(own: Kind, root: Kind) -> Parts {
    let root = Parts::root("other", &Key::new(root, 80));
    Parts::intermediate("own", &Key::new(own, 81), &root)
}

fn put_ca(scene: &mut Scene, ca: &Parts) {
    scene.now.secret.insert("tls.crt".to_owned(), ca.pem());
}

fn put_bundle(phase: &mut Phase, roots: String) {
    phase.config_map.insert("ca-bundle.crt".to_owned(), roots);
}

fn put_root(scene: &mut Scene, kind: Kind) {
    let root = Parts::root("other", &Key::new(kind, 80));
    scene.now.secret.insert("ca.crt".to_owned(), root.pem());
    put_bundle(&mut scene.now, root.pem());
}

pub(super) fn other_type(scene: &mut Scene) {
    scene.now.secret_type = "Opaque";
}

pub(super) fn other_scheme(scene: &mut Scene) {
    let secret = &mut scene.now.secret;
    let certificate = secret.remove("tls.crt").unwrap_or_default();
    secret.insert("crt.pem".to_owned(), certificate);
}

pub(super) fn roots_in_the_secret_only(scene: &mut Scene) {
    scene.now.config_map.clear();
}

pub(super) fn no_ca(scene: &mut Scene) {
    let constraints = critical(BASIC_CONSTRAINTS, &hex("3000"));
    let leaf = other(Kind::P256, Kind::P256).with(BASIC_CONSTRAINTS, Some(constraints));
    put_ca(scene, &leaf);
}

pub(super) fn ca_on_p384(scene: &mut Scene) {
    put_ca(scene, &other(Kind::P384, Kind::P256));
}

pub(super) fn ca_signed_with_sha384(scene: &mut Scene) {
    put_ca(scene, &other(Kind::P256, Kind::P384));
}

pub(super) fn ca_signed_with_pss(scene: &mut Scene) {
    put_ca(scene, &other(Kind::P256, Kind::Rsa2048).pss());
}

pub(super) fn ca_for_clients_only(scene: &mut Scene) {
    let clients = extension(EXT_KEY_USAGE, &purposes(&[CLIENT_AUTH]));
    put_ca(scene, &other(Kind::P256, Kind::P256).and(clients));
}

pub(super) fn root_on_ed25519(scene: &mut Scene) {
    put_root(scene, Kind::Ed25519);
}

pub(super) fn root_on_p384(scene: &mut Scene) {
    put_root(scene, Kind::P384);
}

pub(super) fn another_key(scene: &mut Scene) {
    let key = Key::p256(80).private_pem();
    scene.now.secret.insert("tls.key".to_owned(), key);
}

pub(super) fn root_in_the_chain(scene: &mut Scene) {
    let root = Parts::root("other", &Key::p256(80));
    let path = scene.now.secret.entry("tls.crt".to_owned()).or_default();
    path.push_str(&root.pem());
}

pub(super) fn other_roots(scene: &mut Scene) {
    put_bundle(&mut scene.now, Parts::root("other", &Key::p256(80)).pem());
}

pub(super) fn other_roots_before(scene: &mut Scene) {
    put_bundle(
        &mut scene.before,
        Parts::root("other", &Key::p256(80)).pem(),
    );
}
