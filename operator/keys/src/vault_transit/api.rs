//! The requests that Signet makes to Vault. There are no others.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use signet_core::x509::algorithm::SignatureAlgorithm;
use vaultrs::api::auth::{approle, cert, kubernetes, oidc};
use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};
use vaultrs::api::transit::requests::{ReadKeyRequest, SignDataRequest};
use vaultrs::api::transit::{self, HashAlgorithm, MarshalingAlgorithm};
use zeroize::Zeroizing;

use super::client::{Client, Response, RevokeToken};
use super::error::Failure;
use super::key::KeyData;
use super::login::Credential;

/// What a login or a renewal returns.
#[derive(Deserialize)]
pub(super) struct Auth {
    #[serde(deserialize_with = "header_value")]
    pub(super) client_token: Zeroizing<String>,
    /// In seconds; 0 for a token that does not expire.
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// A token, which is sent as a header.
fn header_value<'de, D: Deserializer<'de>>(text: D) -> Result<Zeroizing<String>, D::Error> {
    let text = String::deserialize(text).map(Zeroizing::new)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(serde::de::Error::custom("not a token"));
    }
    Ok(text)
}

/// What a token says about itself.
#[derive(Deserialize)]
pub(super) struct TokenData {
    /// In seconds; 0 for a token that does not expire.
    #[serde(default)]
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: Option<bool>,
}

#[derive(Deserialize)]
struct SignatureData {
    /// In the form `vault:v1:BASE64`.
    signature: String,
}

/// What is to be signed, and how.
pub(super) struct ToSign {
    /// The digest, or for Ed25519 the message, in base64.
    pub(super) input: String,
    pub(super) version: u64,
    pub(super) algorithm: SignatureAlgorithm,
}

/// Vault's name of the hash of the digest; none for Ed25519, which has none.
fn hash(algorithm: SignatureAlgorithm) -> Option<HashAlgorithm> {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256 => {
            Some(HashAlgorithm::Sha2_256)
        }
        SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::RsaPkcs1Sha384 => {
            Some(HashAlgorithm::Sha2_384)
        }
        SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::RsaPkcs1Sha512 => {
            Some(HashAlgorithm::Sha2_512)
        }
        SignatureAlgorithm::Ed25519 => None,
    }
}

impl Client {
    /// Reads the key, with all its versions.
    pub(super) async fn read_key(&self, token: &str) -> Result<KeyData, Failure> {
        let request = ReadKeyRequest {
            mount: self.path.mount.clone(),
            name: self.path.name.clone(),
        };
        self.data(self.call(request, token, "").await?)
    }

    /// Signs. The defaults of the engine are not those of certificates: SHA-256 whatever the
    /// curve, and PSS for RSA.
    pub(super) async fn sign(&self, token: &str, sign: &ToSign) -> Result<String, Failure> {
        let hash = hash(sign.algorithm);
        let is_rsa = matches!(
            sign.algorithm,
            SignatureAlgorithm::RsaPkcs1Sha256
                | SignatureAlgorithm::RsaPkcs1Sha384
                | SignatureAlgorithm::RsaPkcs1Sha512
        );
        let is_ecdsa = hash.is_some() && !is_rsa;
        let request = SignDataRequest {
            mount: self.path.mount.clone(),
            name: self.path.name.clone(),
            key_version: Some(sign.version),
            hash_algorithm: hash,
            input: sign.input.clone(),
            context: None,
            prehashed: hash.map(|_| true),
            signature_algorithm: is_rsa.then_some(transit::SignatureAlgorithm::Pkcs1v15),
            marshaling_algorithm: is_ecdsa.then_some(MarshalingAlgorithm::Asn1),
        };
        let data: SignatureData = self.data(self.call(request, token, "").await?)?;
        Ok(data.signature)
    }

    /// Exchanges a credential for a token, at the auth method at `mount`.
    pub(super) async fn log_in(
        &self,
        mount: &str,
        credential: &Credential<'_>,
    ) -> Result<Auth, Failure> {
        let mount = mount.to_owned();
        let response = match credential {
            Credential::Kubernetes { role, jwt } => {
                let request = kubernetes::requests::LoginWithKubernetesRequest {
                    mount,
                    role: (*role).to_owned(),
                    jwt: jwt.to_string(),
                };
                self.call(request, "", jwt).await?
            }
            Credential::Jwt { role, jwt } => {
                let request = oidc::requests::JWTLoginRequest {
                    mount,
                    role: Some((*role).to_owned()),
                    jwt: jwt.to_string(),
                };
                self.call(request, "", jwt).await?
            }
            Credential::AppRole { role_id, secret_id } => {
                let request = approle::requests::LoginWithApproleRequest {
                    mount,
                    role_id: (*role_id).to_owned(),
                    secret_id: secret_id.to_string(),
                };
                self.call(request, "", secret_id).await?
            }
            Credential::Certificate { name } => {
                let request = cert::requests::LoginRequest {
                    mount,
                    cert_name: name.unwrap_or_default().to_owned(),
                };
                self.call(request, "", "").await?
            }
        };
        self.auth(response)
    }

    /// Extends the lease of the token.
    pub(super) async fn renew(&self, token: &str) -> Result<Auth, Failure> {
        let request = RenewTokenSelfRequest { increment: None };
        self.auth(self.call(request, token, "").await?)
    }

    /// Looks the token up.
    pub(super) async fn look_up(&self, token: &str) -> Result<TokenData, Failure> {
        self.data(self.call(LookupTokenSelfRequest {}, token, "").await?)
    }

    /// Revokes the token. If that fails, its lease ends it.
    pub(super) async fn revoke(&self, token: &str) {
        let _: Result<Response<IgnoredAny, IgnoredAny>, _> =
            self.call(RevokeToken, token, "").await;
    }

    fn data<T>(&self, response: Response<T, IgnoredAny>) -> Result<T, Failure> {
        response
            .data
            .ok_or_else(|| self.path.invalid_response().into())
    }

    fn auth(&self, response: Response<IgnoredAny, Auth>) -> Result<Auth, Failure> {
        response
            .auth
            .ok_or_else(|| self.path.invalid_response().into())
    }
}
