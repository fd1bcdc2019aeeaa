//! What is written for each mesh is what it reads, and what is read of objects that others made.

mod above;
mod check;
mod golden;
mod linkerd;
mod private_key;
mod refusals;
mod roots;
mod self_signed;

use super::*;
use crate::ca::tests::Three;
use crate::ca::{CaCertificate, CaChain};
use crate::fixtures::NOW;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;

/// A certificate as it is read.
pub(crate) fn certificate(parts: &Parts) -> CaCertificate {
    CaCertificate::from_der(&parts.der()).unwrap()
}

/// A CA of these certificates, the issuing one first, below this root. Its key is on P-256.
pub(crate) fn signing_ca(path: &[&Parts], root: &Parts) -> SigningCa {
    let pem: String = path.iter().map(|parts| parts.pem()).collect();
    let chain = CaChain::from_pem(pem.as_bytes(), Some(root.pem().as_bytes()), NOW).unwrap();
    let key = PrivateKeyPem::read(path[0].key.private_pem().as_bytes());
    SigningCa::new(&chain, key.unwrap())
}

/// A CA below an intermediate, in the middle of a rotation: there are two roots, the older one
/// first.
fn contents() -> Contents {
    let chain = Three::new();
    let old = certificate(&Parts::root("old", &Key::p256(9)));
    let roots = [old, certificate(&chain.root)];
    Contents {
        ca: signing_ca(&[&chain.issuing, &chain.middle], &chain.root),
        roots: RootsFile::of(&roots).unwrap(),
    }
}

/// Every mesh, with the folder of its golden files.
pub(crate) fn meshes() -> Vec<(&'static str, Mesh)> {
    let names = |chain: Option<&str>| {
        Mesh::Generic(GenericNames {
            certificate: "issuer.crt".to_owned(),
            key: "issuer.key".to_owned(),
            chain: chain.map(str::to_owned),
            roots: "ca.crt".to_owned(),
            has_config_map: false,
        })
    };
    vec![
        ("istio", Mesh::Istio(IstioLayout::Plugin)),
        ("istio-tls", Mesh::Istio(IstioLayout::Tls)),
        ("linkerd", Mesh::Linkerd),
        ("spire", Mesh::Spire),
        ("generic", names(None)),
        ("generic-chain", names(Some("chain.crt"))),
    ]
}

fn secret(entries: &[(&str, &str)]) -> Objects {
    let entries = entries.iter();
    let entries = entries.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Objects {
        secret: entries.collect(),
        ..Objects::default()
    }
}
