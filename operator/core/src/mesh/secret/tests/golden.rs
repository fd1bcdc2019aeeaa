//! The entries of each mesh as files, from a fixed chain (`golden`).
//!
//! `SIGNET_WRITE_GOLDEN=1 cargo test --package signet-core golden` writes them.
#![allow(
    clippy::disallowed_methods,
    reason = "golden files are files, which the tests compare or write"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// An object and an entry of it, and the value.
type Files = BTreeMap<(String, String), Vec<u8>>;

fn folder(mesh: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mesh/secret/tests");
    tests.join("golden").join(mesh)
}

fn written(objects: &Objects) -> Files {
    let secret = objects.secret.iter();
    let secret = secret.map(|(name, value)| (("secret", name), value));
    let config_map = objects.config_map.iter();
    let config_map = config_map.map(|(name, value)| (("configmap", &**name), value.as_bytes()));
    secret
        .chain(config_map)
        .map(|((object, name), value)| ((object.to_owned(), name.to_owned()), value.to_vec()))
        .collect()
}

fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    for object in ["secret", "configmap"] {
        let entries = fs::read_dir(folder.join(object));
        for entry in entries.into_iter().flatten().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            files.insert((object.to_owned(), name), fs::read(entry.path()).unwrap());
        }
    }
    files
}

#[test]
fn golden_files_match_what_is_written() {
    for (name, mesh) in meshes() {
        let files = written(&mesh.write(&contents()));
        if std::env::var_os("SIGNET_WRITE_GOLDEN").is_some() {
            for ((object, entry), value) in &files {
                fs::create_dir_all(folder(name).join(object)).unwrap();
                fs::write(folder(name).join(object).join(entry), value).unwrap();
            }
        }
        assert!(
            read(&folder(name)) == files,
            "{name} is stale; run SIGNET_WRITE_GOLDEN=1 cargo test -p signet-core golden"
        );
    }
}

#[test]
fn golden_files_are_read_back() {
    for (name, mesh) in meshes() {
        let mut objects = Objects::default();
        let (mut secret, mut config_map) = (Vec::new(), BTreeMap::new());
        for ((object, entry), value) in read(&folder(name)) {
            if object == "secret" {
                secret.push((entry, value));
            } else {
                config_map.insert(entry, String::from_utf8(value).unwrap());
            }
        }
        objects.secret = secret.into_iter().collect();
        objects.config_map = config_map;
        let existing = mesh.read(&objects, NOW).unwrap().unwrap();
        assert_eq!(existing, Existing::complete(contents()), "{name}");
    }
}

#[test]
fn a_mesh_without_entries_has_nothing_to_read() {
    for (name, mesh) in meshes() {
        let empty: Vec<_> = written(&mesh.write(&contents()))
            .into_keys()
            .filter(|(object, _)| object == "secret")
            .map(|(_, entry)| (entry, Vec::new()))
            .collect();
        for secret in [Entries::default(), empty.into_iter().collect()] {
            let objects = Objects {
                secret,
                ..Objects::default()
            };
            assert_eq!(mesh.read(&objects, NOW), Ok(None), "{name}");
        }
    }
}

#[test]
fn istio_has_the_chain_from_the_ca_up_without_the_root() {
    let Three {
        root,
        middle,
        issuing,
    } = Three::new();
    let entries = Mesh::Istio(IstioLayout::Plugin).write(&contents()).secret;
    let text = |name| String::from_utf8(entries.get(name).unwrap().to_vec()).unwrap();
    assert_eq!(text("ca-cert.pem"), issuing.pem());
    assert_eq!(text("cert-chain.pem"), issuing.pem() + &middle.pem());
    assert!(text("root-cert.pem").ends_with(&root.pem()));
    assert_eq!(text("ca-key.pem"), issuing.key.private_pem());
    assert_eq!(entries.iter().count(), 4);
}
