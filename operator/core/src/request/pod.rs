//! The pod that a PodCertificateRequest names, and its key.

use crate::x509::algorithm::KeyAlgorithm;

/// A pod, as the kubelet of its node names it (PCR-6). The operator compares it with the Pod object
/// before a certificate is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// The namespace of the pod and of its ServiceAccount.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
    /// The name of the ServiceAccount that the pod runs as.
    pub service_account: String,
    /// The UID of that ServiceAccount.
    pub service_account_uid: String,
    /// The name of the node that the pod runs on.
    pub node: String,
    /// The UID of that node.
    pub node_uid: String,
    /// The keys in `spec.unverifiedUserAnnotations`.
    pub user_annotations: Vec<String>,
    /// The key, where it is not in a stub CSR.
    pub bare_key: Option<BareKey>,
    /// The key types of the certificates that the pod mounts from the signer of the request, as its
    /// volumes name them. Empty until the Pod was read.
    pub mounted_key_types: Vec<String>,
}

/// A public key with a signature over the UID of its pod, as v1beta1 of the API has it (PCR-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareKey {
    /// The DER of a SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// RSA-PSS with SHA-256, ECDSA with SHA-256, or Ed25519.
    pub proof: Vec<u8>,
}

/// The key types of the API (PCR-4).
pub const POD_KEY_TYPES: [&str; 6] = [
    "RSA3072",
    "RSA4096",
    "ECDSAP256",
    "ECDSAP384",
    "ECDSAP521",
    "ED25519",
];

/// Returns the name of a key type in the API; none if the API has no such keys (PCR-4).
pub fn pod_key_type(key: KeyAlgorithm) -> Option<&'static str> {
    Some(match key {
        KeyAlgorithm::Rsa { bits: 3072 } => "RSA3072",
        KeyAlgorithm::Rsa { bits: 4096 } => "RSA4096",
        KeyAlgorithm::Rsa { .. } => return None,
        KeyAlgorithm::EcP256 => "ECDSAP256",
        KeyAlgorithm::EcP384 => "ECDSAP384",
        KeyAlgorithm::EcP521 => "ECDSAP521",
        KeyAlgorithm::Ed25519 => "ED25519",
    })
}
