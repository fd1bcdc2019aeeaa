//! The spec of a MeshCA as the lifecycle of CAs reads it.

use std::time::Duration;

use signet_keys::{KeyBackend, KeyConfig, RsaHash, Software};

use super::{Mesh, MeshCASpec};
use crate::duration::GoDuration;
use crate::{ActivationMode, BundleKind, BundleSpec, IssuerSpec, Profile, RotationSpec};

/// The delays that are left of a CA certificate's lifetime when it is renewed: one until the next
/// root is loaded everywhere and no certificate is left that was issued before, and two more in which
/// the CA that signs still covers certificates of full length.
const RENEWAL_DELAYS: u32 = 3;

/// The default of an issuer.
const MIN_DURATION: Duration = Duration::from_secs(3600);

impl MeshCASpec {
    /// Returns the name of the Secret with the keys of the MeshCA of this name.
    pub fn keys_secret_name(name: &str) -> String {
        format!("{name}-signet-keys")
    }

    /// Returns how long after a root was loaded no certificate is valid whose holder does not know
    /// the root.
    pub fn delay(&self) -> Duration {
        self.longest_lifetime().saturating_add(self.propagation.0)
    }

    /// Returns the longest lifetime of a certificate under the CA.
    pub fn longest_lifetime(&self) -> Duration {
        let leaf = self.max_leaf_lifetime.0;
        match &self.mesh {
            // SPIRE's own CA, which signs the leaves.
            Mesh::Spire(spire) => leaf.max(spire.ca_ttl.0),
            Mesh::Istio(_) | Mesh::Linkerd(_) | Mesh::Generic(_) => leaf,
        }
    }

    /// Returns the spec of an issuer with the same lifecycle, over the key in this entry of the
    /// Secret with the keys of the MeshCA of this name. It signs no requests and publishes no
    /// bundle of its own.
    pub fn issuer_spec(&self, name: &str, entry: Option<&str>) -> IssuerSpec {
        let renew_before = GoDuration(self.delay().saturating_mul(RENEWAL_DELAYS));
        IssuerSpec {
            key: self.key(name, entry),
            key_limits: None,
            certificate: self.certificate.of_issuer(renew_before, self.path_length()),
            spiffe: None,
            policy: None,
            // How long certificates are valid that were issued under an earlier CA, which the mesh uses
            // until it has loaded the next one.
            profile: Some(Profile {
                max_duration: Some(GoDuration(self.delay())),
                // A CA certificate of a few delays is of use, however short they are.
                min_duration: Some(GoDuration(self.delay().min(MIN_DURATION))),
                ..Profile::default()
            }),
            rotation: Some(self.rotation()),
            bundle: Some(BundleSpec {
                kind: BundleKind::None,
                cluster_trust_bundle: Some(false),
                ..BundleSpec::default()
            }),
            suspend: self.suspend,
        }
    }

    /// How many CAs follow below the mesh's; none is without limit.
    const fn path_length(&self) -> Option<u8> {
        match &self.mesh {
            Mesh::Istio(_) | Mesh::Linkerd(_) => Some(0),
            // SPIRE signs a CA of its own.
            Mesh::Spire(_) => Some(1),
            Mesh::Generic(_) => None,
        }
    }

    fn key(&self, name: &str, entry: Option<&str>) -> KeyConfig {
        KeyConfig {
            rsa_hash: RsaHash::default(),
            backend: KeyBackend::Software(Software {
                secret_name: Self::keys_secret_name(name),
                key_type: self.key_type,
                entry: entry.map(str::to_owned),
            }),
        }
    }

    fn rotation(&self) -> RotationSpec {
        let own = self.rotation.clone().unwrap_or_default();
        let activation = match &self.mesh {
            // It reads roots only when it starts, and a person confirms that it was restarted.
            Mesh::Linkerd(_) => Some(ActivationMode::Manual),
            Mesh::Istio(_) | Mesh::Spire(_) | Mesh::Generic(_) => own.activation,
        };
        let is_manual = activation == Some(ActivationMode::Manual);
        RotationSpec {
            activation,
            activation_delay: (!is_manual).then(|| GoDuration(self.delay())),
            ..own
        }
    }
}
