//! What is in the way of a first CA.

use signet_core::ca::CaCertificate;
use signet_core::mesh::secret::{Entries, IstioLayout, Mesh, RootsFile};

use super::observed;
use crate::fixtures::ca::Ca;
use crate::mesh::observe::Observed;
use crate::mesh::reason::MeshReason;

fn roots(ca: &Ca) -> Vec<CaCertificate> {
    CaCertificate::all_from_pem(ca.pem.as_bytes()).unwrap()
}

/// A generation would be in the way of a CA that is taken over later.
#[test]
fn a_mesh_that_runs_gets_no_first_ca_unless_it_trusts_its_root() {
    let (own, other) = (Ca::root("Own"), Ca::root("Other"));
    let mut mesh = observed(Mesh::Istio(IstioLayout::Plugin), Entries::default());
    let reason = |mesh: &Observed, trusted: &[CaCertificate]| {
        let obstacle = mesh.obstacle(trusted);
        obstacle.map(|(reason, _)| reason)
    };
    assert_eq!(reason(&mesh, &[]), None, "it does not run");
    mesh.loaded = Some(RootsFile::read(own.pem.as_bytes()).unwrap());
    for trusted in [Vec::new(), roots(&other)] {
        assert_eq!(reason(&mesh, &trusted), Some(MeshReason::OtherCa));
    }
    assert_eq!(reason(&mesh, &roots(&own)), None);
    mesh.adopts = true;
    assert_eq!(reason(&mesh, &[]), None, "a person asked for it");
    let nothing_to_adopt = reason(&mesh, &roots(&other));
    assert_eq!(nothing_to_adopt, Some(MeshReason::OtherCa));
}
