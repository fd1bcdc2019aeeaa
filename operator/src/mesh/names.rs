//! Where each mesh reads its CA. Pure.

use signet_api::{GenericMesh, Mesh as MeshSpec};
use signet_core::mesh::secret::{Entries, GenericNames, IstioLayout, Mesh, istio, linkerd};

/// The names of the objects of a mesh, in the namespace of its MeshCA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) secret: String,
    /// A ConfigMap that Signet writes, too.
    pub(super) config_map: Option<String>,
    /// The ConfigMap in which the mesh shows the roots that it has loaded, and the entry.
    pub(super) loaded: Option<(&'static str, &'static str)>,
    /// Whether the mesh's Helm chart has these objects only with settings that do not fit.
    pub(super) refuses_helm: bool,
    /// A Secret in which the mesh may have a CA that it created itself.
    pub(super) self_signed: Option<&'static str>,
}

impl Names {
    pub(super) fn of(mesh: &MeshSpec) -> Self {
        let (secret, config_map) = match mesh {
            MeshSpec::Istio(_) => (istio::SECRET, None),
            MeshSpec::Linkerd(_) => (linkerd::SECRET, Some(linkerd::CONFIG_MAP)),
            MeshSpec::Spire(spire) => (&*spire.secret_name, None),
            MeshSpec::Generic(generic) => {
                (&*generic.secret_name, generic.config_map_name.as_deref())
            }
        };
        let is_istio = matches!(mesh, MeshSpec::Istio(_));
        Self {
            secret: secret.to_owned(),
            config_map: config_map.map(str::to_owned),
            refuses_helm: matches!(mesh, MeshSpec::Linkerd(_)),
            loaded: is_istio.then_some(istio::LOADED_ROOTS),
            self_signed: is_istio.then_some(istio::SELF_SIGNED_SECRET),
        }
    }
}

/// Returns the format of a mesh's objects. That of Istio depends on what the Secret has.
pub(super) fn format(mesh: &MeshSpec, secret: &Entries) -> Mesh {
    match mesh {
        MeshSpec::Istio(_) => Mesh::Istio(IstioLayout::of(secret)),
        MeshSpec::Linkerd(_) => Mesh::Linkerd,
        MeshSpec::Spire(_) => Mesh::Spire,
        MeshSpec::Generic(generic) => Mesh::Generic(generic_names(generic)),
    }
}

fn generic_names(mesh: &GenericMesh) -> GenericNames {
    let entries = &mesh.entries;
    GenericNames {
        certificate: entries.certificate.clone(),
        key: entries.private_key.clone(),
        chain: entries.chain.clone(),
        roots: entries.roots.clone(),
        has_config_map: mesh.config_map_name.is_some(),
    }
}
