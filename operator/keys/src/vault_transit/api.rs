//! The requests about a key in Transit; there are no others.

use serde::Deserialize;
use signet_core::x509::algorithm::SignatureAlgorithm;
use vaultrs::api::transit::requests::{ReadKeyRequest, SignDataRequest};
use vaultrs::api::transit::{self, HashAlgorithm, MarshalingAlgorithm};

use super::key::{KeyData, KeyPath};
use crate::vault::{Data, Failure, Permission, Session};

/// The largest description of a key that is read. It has the public key of each version: one that
/// was rotated a thousand times fits.
const MAX_KEY_BYTES: usize = 1024 * 1024;

const MAX_SIGNATURE_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct SignatureData {
    /// In the form `vault:v1:BASE64`.
    signature: String,
}

/// A key, and the login that uses it.
pub(super) struct Transit {
    pub(super) path: KeyPath,
    pub(super) session: Session,
}

impl Transit {
    /// Reads the key, with all its versions.
    pub(super) async fn read_key(&self) -> Result<KeyData, Failure> {
        let permission = self.permission("read", "keys");
        let request = || ReadKeyRequest {
            mount: self.path.mount.clone(),
            name: self.path.name.clone(),
        };
        let key = self.session.call(&permission, request, MAX_KEY_BYTES);
        key.await.map(|key: Data<_>| key.data)
    }

    /// Signs `input`, in base64: a digest, or for Ed25519 the message. The defaults of the engine
    /// are not those of certificates: SHA-256 whatever the curve, and PSS for RSA.
    pub(super) async fn sign(
        &self,
        version: u64,
        algorithm: SignatureAlgorithm,
        input: &str,
    ) -> Result<String, Failure> {
        use SignatureAlgorithm::*;
        let hash = || match algorithm {
            EcdsaSha256 | RsaPkcs1Sha256 => Some(HashAlgorithm::Sha2_256),
            EcdsaSha384 | RsaPkcs1Sha384 => Some(HashAlgorithm::Sha2_384),
            EcdsaSha512 | RsaPkcs1Sha512 => Some(HashAlgorithm::Sha2_512),
            Ed25519 => None,
        };
        let is_rsa = matches!(algorithm, RsaPkcs1Sha256 | RsaPkcs1Sha384 | RsaPkcs1Sha512);
        let is_ecdsa = matches!(algorithm, EcdsaSha256 | EcdsaSha384 | EcdsaSha512);
        let request = || SignDataRequest {
            mount: self.path.mount.clone(),
            name: self.path.name.clone(),
            key_version: Some(version),
            prehashed: hash().is_some().then_some(true),
            hash_algorithm: hash(),
            input: input.to_owned(),
            context: None,
            signature_algorithm: is_rsa.then_some(transit::SignatureAlgorithm::Pkcs1v15),
            marshaling_algorithm: is_ecdsa.then_some(MarshalingAlgorithm::Asn1),
        };
        let permission = self.permission("update", "sign");
        let call = self.session.call(&permission, request, MAX_SIGNATURE_BYTES);
        call.await
            .map(|data: Data<SignatureData>| data.data.signature)
    }

    fn permission(&self, capability: &str, folder: &str) -> Permission {
        let KeyPath { mount, name, .. } = &self.path;
        Permission {
            name: format!("{capability} on {mount}/{folder}/{name}"),
            hint: "",
        }
    }
}
