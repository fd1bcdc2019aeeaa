//! `spec.certificate` of a MeshCA: the issuer above, and which of its roots are trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::{CertificateSpec, CreationMode, IssuerRef, TrustedRootsSpec};

/// The source of the CA certificate of a MeshCA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.issuerRef.serviceAccountRef)",
    "message": "certificate.issuerRef of a MeshCA requires serviceAccountRef: the request is made in the name of a ServiceAccount of its namespace",
}]))]
pub struct MeshCertificateSpec {
    /// The issuer that signs the CA certificate: one of cert-manager's, of an external issuer, or of
    /// Signet. Signet creates a CertificateRequest for it, in the name of the ServiceAccount in
    /// `serviceAccountRef`, which is required. The default subject has the number of the CA
    /// generation, the default duration is 90 days, and the default `pathLength` is what the mesh
    /// needs: 1 for SPIRE, 0 for Istio and Linkerd.
    pub issuer_ref: IssuerRef,
    /// The roots that are trusted. Those in an object are published to the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_roots: Option<TrustedRootsSpec>,
    /// Trusts each new root that the issuer above returns, without a list. It can then add trust
    /// anchors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow_parent_roots: bool,
    /// Accepts a CA certificate without a self-signed root above it. The highest certificate of its
    /// chain is then the trust anchor, which some verifiers do not accept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_missing_root: bool,
    /// The SHA-256 of the root certificate, in hex. No CA with another root is accepted, so that a
    /// cluster that is rebuilt comes back with the same root or not at all. A root that renews it,
    /// with its subject and key, is accepted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub expected_root: Option<String>,
    /// Whether Signet may create a CA: `Allowed`, the default, or `Forbidden`. With `Forbidden`,
    /// only a CA that exists already is used: Signet creates no first key and requests no first CA
    /// certificate. Renewals continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation: Option<CreationMode>,
    /// The fingerprint of a lost CA, as the condition names it: Signet starts over with another CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub acknowledged_loss: Option<String>,
}

impl MeshCertificateSpec {
    /// Returns it as an issuer has it, by default with this path length.
    pub(super) fn of_issuer(
        &self,
        renew_before: GoDuration,
        path_length: Option<u8>,
    ) -> CertificateSpec {
        let Self {
            mut issuer_ref,
            trusted_roots,
            follow_parent_roots,
            allow_missing_root,
            expected_root,
            creation,
            acknowledged_loss,
        } = self.clone();
        let requested = &mut issuer_ref.request.path_length;
        *requested = requested.or(path_length);
        CertificateSpec {
            self_signed: None,
            existing: None,
            issuer_ref: Some(issuer_ref),
            vault_pki: None,
            manual: None,
            renew_before: Some(renew_before),
            trusted_roots,
            follow_parent_roots,
            allow_missing_root,
            expected_root,
            creation,
            acknowledged_loss,
        }
    }
}
