//! Calls to Vault, and those that log in.
//!
//! What is taken from vaultrs are its requests: paths, methods and bodies. These forms of vaultrs
//! 0.8 are not used, since they are wrong for Signet:
//!
//! - Its client: the settings read `VAULT_TOKEN`, `VAULT_CLIENT_CERT` and `VAULT_SKIP_VERIFY` from
//!   the environment and CA certificates from paths, and its errors do not show the list `errors`.
//! - Its responses: `ReadKeyResponse` knows fewer types of keys than servers have, and others
//!   require fields that servers omit. Signet reads of the body what it needs.
//! - `RevokeTokenSelfRequest`: its path begins with a tab, and no server knows it.
//! - `SignIntermediateIssuerRequest`: it repeats the issuer in the body, where servers do not know
//!   it, and always sends `permitted_dns_domains`.

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use vaultrs::api::EndpointMiddleware;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::cert::requests::LoginRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};
use zeroize::Zeroizing;

use super::auth::VaultAuth;
use super::error::Failure;
use super::server::{Server, mount_path};
use crate::remote::{Http, Redactor, is_header_value};

/// The largest response to a login.
const MAX_BYTES: usize = 64 * 1024;

/// A response with one field.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

#[derive(Deserialize)]
struct LoginResponse {
    auth: Auth,
}

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

fn header_value<'de, D: Deserializer<'de>>(text: D) -> Result<Zeroizing<String>, D::Error> {
    let text = String::deserialize(text).map(Zeroizing::new)?;
    match is_header_value(&text) {
        true => Ok(text),
        false => Err(serde::de::Error::custom("not a token")),
    }
}

/// What a token says about itself.
#[derive(Deserialize)]
struct TokenData {
    /// In seconds; 0 for a token that does not expire.
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: Option<bool>,
}

/// Revokes the token that is sent with it.
#[derive(Debug)]
struct RevokeToken;

impl Endpoint for RevokeToken {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "auth/token/revoke-self".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }
}

pub(super) struct Client {
    pub(super) server: Server,
    http: Http,
    /// The secrets that are sent.
    redactor: Redactor,
}

impl Client {
    pub(super) fn new(server: Server, http: Http) -> Self {
        let redactor = Redactor::default();
        Self {
            server,
            http,
            redactor,
        }
    }

    /// Exchanges the secret of an auth method for a token; one that is a token is looked up.
    pub(super) async fn log_in(&self, auth: &VaultAuth, secret: &str) -> Result<Auth, Failure> {
        let mount = mount_path(auth.method().1, self.server.consumer, "auth mount")?;
        let response: LoginResponse = match auth {
            VaultAuth::Kubernetes(auth) => {
                let (role, jwt) = (auth.role.clone(), secret.to_owned());
                let request = LoginWithKubernetesRequest { mount, role, jwt };
                self.call(request, "", secret).await?
            }
            VaultAuth::Jwt(auth) => {
                let (role, jwt) = (Some(auth.role.clone()), secret.to_owned());
                let request = JWTLoginRequest { mount, role, jwt };
                self.call(request, "", secret).await?
            }
            VaultAuth::AppRole(auth) => {
                let request = LoginWithApproleRequest {
                    mount,
                    role_id: auth.role_id.clone(),
                    secret_id: secret.to_owned(),
                };
                self.call(request, "", secret).await?
            }
            VaultAuth::Certificate(auth) => {
                let cert_name = auth.name.clone().unwrap_or_default();
                let request = LoginRequest { mount, cert_name };
                self.call(request, "", "").await?
            }
            VaultAuth::TokenRef(_) => return self.look_up(secret).await,
        };
        Ok(response.auth)
    }

    /// Returns what the server wrote, in one line, cut and without secrets.
    pub(super) fn message(&self, text: &str) -> String {
        self.redactor.message(text)
    }

    pub(super) async fn renew(&self, token: &str) -> Result<Auth, Failure> {
        let request = RenewTokenSelfRequest { increment: None };
        let response: LoginResponse = self.call(request, token, "").await?;
        Ok(response.auth)
    }

    pub(super) async fn look_up(&self, token: &str) -> Result<Auth, Failure> {
        let response: Data<TokenData> = self.call(LookupTokenSelfRequest {}, token, "").await?;
        Ok(Auth {
            client_token: Zeroizing::new(token.to_owned()),
            lease_duration: response.data.ttl,
            renewable: response.data.renewable.unwrap_or(false),
        })
    }

    /// Revokes the token. If that fails, its lease ends it.
    pub(super) async fn revoke(&self, token: &str) {
        let _: Result<IgnoredAny, _> = self.call(RevokeToken, token, "").await;
    }

    /// Sends a request of a login. Neither the token nor this other secret is shown when the server
    /// repeats it.
    async fn call<E: Endpoint, T: DeserializeOwned>(
        &self,
        request: E,
        token: &str,
        secret: &str,
    ) -> Result<T, Failure> {
        self.redactor.remember(secret);
        self.send(request, token, MAX_BYTES).await
    }

    /// Sends a request with a token, or with none if it is empty, and reads a response of at most
    /// this many bytes.
    pub(super) async fn send<E: Endpoint, T: DeserializeOwned>(
        &self,
        request: E,
        token: &str,
        max_bytes: usize,
    ) -> Result<T, Failure> {
        self.redactor.remember(token);
        let middleware = EndpointMiddleware {
            token: token.to_owned(),
            version: "v1".to_owned(),
            wrap: None,
            namespace: self.server.namespace.clone(),
        };
        let request = request.with_middleware(&middleware);
        let request = request.request(&self.server.address);
        let mut request = request.map_err(|_| self.server.invalid_response())?;
        if let Some(token) = request.headers_mut().get_mut("X-Vault-Token") {
            // Keeps it out of the Debug of whatever holds the request.
            token.set_sensitive(true);
        }
        let response = self.http.send(request, max_bytes).await?;
        if !response.status().is_success() {
            return Err(Failure::refused(&response, &self.redactor));
        }
        let body = Zeroizing::new(response.into_body());
        serde_json::from_slice(&body).map_err(|_| self.server.invalid_response().into())
    }
}
