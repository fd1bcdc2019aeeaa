//! What is written.

use signet_core::ca::CaChain;
use signet_core::mesh::rollout::Change;
use signet_core::mesh::secret::{Mesh, SecretError};

use super::observed;
use crate::fixtures::NOW;
use crate::fixtures::ca::Ca;
use crate::mesh::holder::Holder;
use crate::mesh::observe::{Found, Observed};
use crate::mesh::reason::MeshReason;
use crate::mesh::update::{Wanted, decide};
use crate::writer::ObjectVersion;

const ENTRY: &str = "key";

/// Linkerd with roots in its ConfigMap, and without the Secret.
fn without_secret(holder: Holder, key: &str) -> Observed {
    let entry = (ENTRY.to_owned(), key.as_bytes().to_vec());
    let mut mesh = observed(Mesh::Linkerd, [entry].into_iter().collect());
    mesh.config_map = Some(Found {
        version: ObjectVersion {
            uid: "1".to_owned(),
            resource_version: "1".to_owned(),
        },
        holder,
        is_of_helm: false,
        written: None,
        put_back: None,
    });
    mesh.contents = Err(SecretError::RootsWithoutCa);
    mesh
}

/// The operator may end after the first of its two writes, or the Secret may be deleted.
#[test]
fn a_secret_that_is_missing_beside_signets_own_roots_is_written_again() {
    let root = Ca::root("Root");
    let ca = root.issue("CA");
    let chain = CaChain::from_pem(ca.pem.as_bytes(), Some(root.pem.as_bytes()), NOW).unwrap();
    let wanted = Wanted::Ca {
        chain: &chain,
        entry: ENTRY,
        roots: chain.roots(),
    };
    let own = without_secret(Holder::Own, &ca.key_pem());
    let write = decide(&own, wanted, NOW).unwrap();
    assert_eq!(*write.change(), Change::First("CN=CA".to_owned()));
    let others = without_secret(Holder::Person, &ca.key_pem());
    let report = decide(&others, wanted, NOW).unwrap_err();
    assert_eq!(report.reason, MeshReason::InvalidObject);
}
