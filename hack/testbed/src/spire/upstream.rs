//! Where a server gets its CA from.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{SecretVolumeSource, Volume};

use super::configuration::{Setting, plugin};
use crate::istio::volumes::{Volumes, below};

/// Where the Secret of the plugin "disk" is mounted.
const FOLDER: &str = "/run/spire/upstream_ca";

/// The plugin UpstreamAuthority of a server.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// "cert-manager": the server requests its CA from a ClusterIssuer of Signet.
    CertManager {
        /// How it reaches the API server.
        kubeconfig: PathBuf,
        /// Where it creates its requests.
        namespace: String,
        /// The name of the issuer.
        issuer: String,
    },
    /// "disk": the server signs its CA with the key in a Secret, which is mounted.
    Disk {
        /// The namespace of the server.
        namespace: String,
        /// The name of the Secret, with `tls.crt`, `tls.key` and `ca.crt`.
        secret: String,
    },
    /// "spire": another server signs it.
    Spire {
        /// Where that one listens.
        port: u16,
        /// The socket of an agent below it.
        workload_api: PathBuf,
    },
}

impl Upstream {
    /// Its part of the server's configuration, as Signet's pages have it.
    pub(super) fn plugin(&self, root: &Path) -> String {
        let (name, settings) = self.settings(root);
        plugin("UpstreamAuthority", name, &settings)
    }

    fn settings(&self, root: &Path) -> (&'static str, Vec<Setting>) {
        match self {
            Self::CertManager {
                kubeconfig,
                namespace,
                issuer,
            } => {
                let settings = [
                    ("kube_config_file", text(kubeconfig)),
                    ("namespace", namespace.clone()),
                    ("issuer_group", "signet.dev".to_owned()),
                    ("issuer_kind", "ClusterIssuer".to_owned()),
                    ("issuer_name", issuer.clone()),
                ];
                ("cert-manager", settings.to_vec())
            }
            Self::Disk { .. } => {
                let file = |name: &str| text(&below(root, FOLDER).join(name));
                let settings = [
                    ("cert_file_path", file("tls.crt")),
                    ("key_file_path", file("tls.key")),
                    ("bundle_file_path", file("ca.crt")),
                ];
                ("disk", settings.to_vec())
            }
            Self::Spire { port, workload_api } => {
                let settings = [
                    ("server_address", "127.0.0.1".to_owned()),
                    ("server_port", port.to_string()),
                    ("workload_api_socket", text(workload_api)),
                ];
                ("spire", settings.to_vec())
            }
        }
    }

    /// What is mounted for it.
    pub(super) fn volumes(&self, root: &Path) -> Volumes {
        let Self::Disk { namespace, secret } = self else {
            return Volumes::new(root, "", Vec::new());
        };
        let volume = Volume {
            name: "upstream-ca".to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.clone()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        };
        Volumes::new(root, namespace, vec![(FOLDER.to_owned(), volume)])
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_disk_reads_what_is_mounted() {
        let upstream = Upstream::Disk {
            namespace: "spire-server".to_owned(),
            secret: "spiffe-upstream-ca".to_owned(),
        };
        let text = upstream.plugin(Path::new("/home/server"));
        let line = "cert_file_path = \"/home/server/run/spire/upstream_ca/tls.crt\"\n";
        assert!(text.contains(line), "{text}");
        assert!(text.starts_with("  UpstreamAuthority \"disk\" {"), "{text}");
    }
}
