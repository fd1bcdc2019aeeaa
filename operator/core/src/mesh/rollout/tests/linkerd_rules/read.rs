//! What must hold of the entries.

use std::collections::BTreeMap;
use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_SERVER_AUTH;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_EC_PUBLIC_KEY, RSA_ENCRYPTION,
    SECP_256_R_1, SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION,
    SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::Encode as _;
use p256::pkcs8::DecodePrivateKey as _;
use signet_readers::{Chain, Reader};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

use super::super::phases::Phase;
use super::Scene;
use crate::fixtures::NOW;

/// What `linkerd check` accepts (`checkECDSACertRequirements`).
const SHA256: [ObjectIdentifier; 2] = [ECDSA_WITH_SHA_256, SHA_256_WITH_RSA_ENCRYPTION];
/// What the proxy verifies.
const PROXY: [ObjectIdentifier; 7] = [
    ECDSA_WITH_SHA_256,
    ECDSA_WITH_SHA_384,
    ECDSA_WITH_SHA_512,
    ID_ED_25519,
    SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION,
    SHA_512_WITH_RSA_ENCRYPTION,
];
/// The DER of an RSA key of 2048 and of 4096 bits, with the exponent 65537.
const RSA_LENGTHS: [usize; 2] = [294, 550];

/// An entry; empty if it is missing.
fn entry<'a>(entries: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    entries.get(name).map_or("", String::as_str)
}

fn path(phase: &Phase) -> Vec<Certificate> {
    read(entry(&phase.secret, "tls.crt"))
}

fn bundle(phase: &Phase) -> &str {
    entry(&phase.config_map, "ca-bundle.crt")
}

fn read(pem: &str) -> Vec<Certificate> {
    Certificate::load_pem_chain(pem.as_bytes()).unwrap()
}

/// Whether this holds for the CA certificate, which is the first one.
fn ca(scene: &Scene, holds: impl Fn(&Certificate) -> bool) -> bool {
    path(&scene.now).first().is_some_and(holds)
}

/// Whether this holds for every root of both objects.
fn roots(scene: &Scene, holds: impl Fn(&Certificate) -> bool) -> bool {
    let of_secret = read(entry(&scene.now.secret, "ca.crt"));
    let of_config_map = read(bundle(&scene.now));
    !of_config_map.is_empty() && of_secret.iter().chain(&of_config_map).all(holds)
}

pub(super) fn has_the_type_of_its_scheme(scene: &Scene) -> bool {
    scene.now.secret_type == "kubernetes.io/tls"
}

pub(super) fn has_the_entries_of_its_scheme(scene: &Scene) -> bool {
    let secret = &scene.now.secret;
    ["tls.crt", "tls.key"]
        .iter()
        .all(|name| !entry(secret, name).is_empty())
        && ["crt.pem", "key.pem"]
            .iter()
            .all(|name| !secret.contains_key(*name))
}

pub(super) fn has_the_same_roots(scene: &Scene) -> bool {
    let bundle = bundle(&scene.now);
    !bundle.is_empty() && bundle == entry(&scene.now.secret, "ca.crt")
}

pub(super) fn is_ca(scene: &Scene) -> bool {
    ca(scene, |ca| {
        let constraints = ca.tbs_certificate().get_extension::<BasicConstraints>();
        constraints.unwrap().is_some_and(|(_, it)| it.ca)
    })
}

fn is_on_p256(certificate: &Certificate) -> bool {
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let parameters = spki.algorithm.parameters.as_ref();
    let curve = parameters.and_then(|it| it.decode_as::<ObjectIdentifier>().ok());
    spki.algorithm.oid == ID_EC_PUBLIC_KEY && curve == Some(SECP_256_R_1)
}

pub(super) fn ca_is_on_p256(scene: &Scene) -> bool {
    ca(scene, is_on_p256)
}

fn is_signed_with_sha256(certificate: &Certificate) -> bool {
    SHA256.contains(&certificate.signature_algorithm().oid)
}

pub(super) fn ca_is_signed_with_sha256(scene: &Scene) -> bool {
    ca(scene, is_signed_with_sha256)
}

pub(super) fn roots_have_a_known_key(scene: &Scene) -> bool {
    roots(scene, |root| {
        let spki = root.tbs_certificate().subject_public_key_info();
        let length = spki.to_der().unwrap().len();
        let is_rsa = spki.algorithm.oid == RSA_ENCRYPTION;
        is_on_p256(root) || is_rsa && RSA_LENGTHS.contains(&length)
    })
}

pub(super) fn roots_are_signed_with_sha256(scene: &Scene) -> bool {
    roots(scene, is_signed_with_sha256)
}

pub(super) fn proxy_knows_every_signature(scene: &Scene) -> bool {
    let path = path(&scene.now);
    path.iter()
        .all(|one| PROXY.contains(&one.signature_algorithm().oid))
}

pub(super) fn has_its_key(scene: &Scene) -> bool {
    let key = p256::ecdsa::SigningKey::from_pkcs8_pem(entry(&scene.now.secret, "tls.key"));
    key.is_ok_and(|key| {
        let point = key.verifying_key().to_sec1_point(false);
        ca(scene, |ca| {
            let spki = ca.tbs_certificate().subject_public_key_info();
            spki.subject_public_key.raw_bytes() == point.as_bytes()
        })
    })
}

pub(super) fn is_in_order(scene: &Scene) -> bool {
    let path = path(&scene.now);
    let (subject, issuer) = (
        |one: &Certificate| one.tbs_certificate().subject().clone(),
        |one: &Certificate| one.tbs_certificate().issuer().clone(),
    );
    path.windows(2)
        .all(|pair| issuer(&pair[0]) == subject(&pair[1]))
        && path.iter().all(|one| issuer(one) != subject(one))
}

pub(super) fn may_be_above_servers(scene: &Scene) -> bool {
    let path = path(&scene.now);
    path.iter().all(|one| {
        let purposes = one.tbs_certificate().get_extension::<ExtendedKeyUsage>();
        let purposes = purposes.unwrap();
        purposes.is_none_or(|(_, purposes)| purposes.0.contains(&ID_KP_SERVER_AUTH))
    })
}

/// Whether Go, in which the controller is written, verifies the CA.
fn verifies_under(scene: &Scene, roots: &str) -> bool {
    let now = Duration::from_secs(NOW.as_second().unsigned_abs());
    let chain = Chain::from_pem(entry(&scene.now.secret, "tls.crt"), roots);
    chain.unwrap().verify_by(Reader::Go, now).is_ok()
}

pub(super) fn verifies(scene: &Scene) -> bool {
    verifies_under(scene, bundle(&scene.now))
}

/// The controller and the proxies read their roots once.
pub(super) fn verifies_under_the_roots_before(scene: &Scene) -> bool {
    verifies_under(scene, bundle(&scene.before))
}
