//! A CA certificate signed by the PKI engine of HashiCorp Vault or OpenBao.

#[cfg(feature = "vault")]
mod api;
#[cfg(feature = "vault")]
mod error;
#[cfg(feature = "samples")]
mod samples;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "vault")]
pub use error::VaultPkiError;

use crate::access::Access;
use crate::error::KeyError;
use crate::vault::{PATH, VaultConnection};

/// An issuer of the PKI secrets engine of HashiCorp Vault or OpenBao.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultPki {
    /// The server and the login.
    #[serde(flatten)]
    pub connection: VaultConnection,
    /// The path at which the PKI engine is mounted. Defaults to `pki`.
    #[serde(default = "pki")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount: letters, digits, '_', '-' and '.', separated by '/'",
    }]))]
    pub mount: String,
    /// The issuer that signs, by its name or ID. Defaults to `default`, the default issuer of the
    /// mount.
    #[serde(default = "default_issuer")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$')",
        "message": "write the name or ID of an issuer: letters, digits, '_', '-' and '.'",
    }]))]
    pub issuer_ref: String,
}

fn pki() -> String {
    "pki".to_owned()
}

fn default_issuer() -> String {
    "default".to_owned()
}

/// What is requested of the PKI engine. Subject, names and extensions are those of the CSR, but
/// engines ignore the basicConstraints in it.
#[derive(Clone, Copy, Debug)]
pub struct IntermediateRequest<'a> {
    /// The CSR, in PEM.
    pub csr_pem: &'a str,
    /// The common name in the CSR, if it has one. The engine's documentation requires it.
    pub common_name: Option<&'a str>,
    /// How many CAs may follow below the CA. By default one less than the issuer's, or no limit.
    pub path_length: Option<u8>,
    /// The lifetime. The engine cuts it to the maximum of the mount, with a warning.
    pub ttl: Duration,
}

/// What the PKI engine returned, in PEM and unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIntermediate {
    /// The new CA certificate.
    pub certificate: String,
    /// The new CA certificate (of most servers), its issuer, and what the mount has above it. It
    /// ends in a root only if that was imported into the mount.
    pub ca_chain: Vec<String>,
    /// The certificate of the issuer.
    pub issuing_ca: String,
    /// What the engine has changed or objects to, each in one line and cut.
    pub warnings: Vec<String>,
}

impl SignedIntermediate {
    /// Returns the CA certificate and all above it, each once, as one PEM file.
    pub fn chain_pem(&self) -> String {
        let above = self.ca_chain.iter().chain([&self.issuing_ca]);
        join([&self.certificate].into_iter().chain(above))
    }
}

/// Joins PEM blocks, each once and with a newline at its end.
fn join<'a>(blocks: impl Iterator<Item = &'a String>) -> String {
    let mut seen = Vec::new();
    for block in blocks.map(|block| block.trim()) {
        if !block.is_empty() && !seen.contains(&block) {
            seen.push(block);
        }
    }
    seen.iter().map(|block| format!("{block}\n")).collect()
}

impl VaultPki {
    /// Has the CSR signed as an intermediate CA. Each call leaves a certificate in the mount.
    ///
    /// # Errors
    /// The class says whether the same call can succeed later
    /// ([`is_transient`](crate::ErrorClass::is_transient)), and the message what to change.
    #[cfg(feature = "vault")]
    pub async fn sign_intermediate(
        &self,
        request: &IntermediateRequest<'_>,
        access: &Access,
    ) -> Result<SignedIntermediate, KeyError> {
        api::sign_intermediate(self, request, access).await
    }

    /// Reads the certificate of the issuer and what the mount has above it, as one PEM file. This
    /// takes no login, so that a new root can be seen before it signs.
    ///
    /// # Errors
    /// As for [`Self::sign_intermediate`].
    #[cfg(feature = "vault")]
    pub async fn issuer_chain(&self, access: &Access) -> Result<String, KeyError> {
        api::issuer_chain(self, access).await
    }

    /// Fails in a program without a client for Vault.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "vault"))]
    pub async fn sign_intermediate(
        &self,
        _request: &IntermediateRequest<'_>,
        _access: &Access,
    ) -> Result<SignedIntermediate, KeyError> {
        Err(crate::guard::GuardError::NotBuilt { feature: "vault" }.into())
    }

    /// Fails in a program without a client for Vault.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "vault"))]
    pub async fn issuer_chain(&self, _access: &Access) -> Result<String, KeyError> {
        Err(crate::guard::GuardError::NotBuilt { feature: "vault" }.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_it_is_read() {
        let written = json!({
            "address": "https://vault:8200",
            "auth": { "tokenRef": { "name": "vault", "key": "token" } },
            "mount": "pki_int",
            "issuerRef": "root-2026",
            "namespace": "team-a",
        });
        let read: VaultPki = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(json!(read), written);
    }

    #[test]
    fn mount_and_issuer_have_defaults() {
        let config = json!({
            "address": "https://vault:8200",
            "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        });
        let read: VaultPki = serde_json::from_value(config).unwrap();
        assert_eq!((&*read.mount, &*read.issuer_ref), ("pki", "default"));
    }

    #[test]
    fn a_chain_has_each_certificate_once() {
        let signed = SignedIntermediate {
            certificate: "ca".to_owned(),
            ca_chain: ["ca\n", "issuer", "root"].map(str::to_owned).to_vec(),
            issuing_ca: "issuer\n".to_owned(),
            warnings: Vec::new(),
        };
        assert_eq!(signed.chain_pem(), "ca\nissuer\nroot\n");
        let without_chain = SignedIntermediate {
            ca_chain: Vec::new(),
            ..signed
        };
        assert_eq!(without_chain.chain_pem(), "ca\nissuer\n");
    }
}
