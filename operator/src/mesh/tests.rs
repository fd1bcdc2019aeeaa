//! Whose an object is, what is in the way of a first CA, what is written, and what the conditions
//! say.

mod adoption;
mod holder;
mod report;
mod update;

use std::time::Duration;

use signet_core::mesh::secret::{Entries, Mesh};

use super::keys::Keys;
use super::names::Names;
use super::observe::Observed;

/// A mesh without objects, whose MeshCA has these keys.
pub(crate) fn observed(mesh: Mesh, keys: Entries) -> Observed {
    Observed {
        names: Names {
            secret: "mesh".to_owned(),
            config_map: None,
            loaded: None,
            refuses_helm: false,
            self_signed: None,
        },
        mesh,
        adopts: false,
        propagation: Duration::from_secs(600),
        longest_leaf: Duration::from_secs(24 * 3600),
        secret: None,
        config_map: None,
        contents: Ok(None),
        loaded: None,
        keys: Keys {
            entries: keys,
            ..Keys::default()
        },
        adoptable: None,
    }
}
