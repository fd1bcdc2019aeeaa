//! The requests that Signet makes to Vault. Nothing else is asked there.

use rustify::endpoint::{Endpoint, EndpointResult};
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::{DeserializeOwned, IgnoredAny};
use vaultrs::api::EndpointMiddleware;
use vaultrs::api::auth::{approle, cert, kubernetes, oidc};
use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};
use vaultrs::api::transit::requests::SignDataRequest;
use vaultrs::api::transit::{HashAlgorithm, MarshalingAlgorithm, SignatureAlgorithm};
use zeroize::Zeroizing;

use super::answer::{Answer, Auth, KeyData, SignatureData, TokenData};
use super::failure::{Failure, wrong_answer};
use super::login::Credential;
use super::place::Place;
use super::token::Token;
use super::transport::Transport;

/// A server, and the requests that are made to it.
pub(super) struct Api {
    pub(super) place: Place,
    transport: Transport,
}

/// What is to be signed, and how.
pub(super) struct ToSign {
    /// The digest, or for Ed25519 the message, in base64.
    pub(super) input: String,
    pub(super) version: u64,
    /// The hash that gave the digest; none for Ed25519.
    pub(super) hash: Option<HashAlgorithm>,
    pub(super) is_rsa: bool,
}

/// Reads a key. The library's request has an answer that knows fewer kinds of keys.
#[derive(Debug)]
struct ReadKey<'a>(&'a Place);

impl Endpoint for ReadKey<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/keys/{}", self.0.mount, self.0.name)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

/// Ends the token that goes with it. The library's request has a tab in its path.
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

impl Api {
    pub(super) fn new(place: Place, transport: Transport) -> Self {
        Self { place, transport }
    }

    /// The key, with all its versions.
    pub(super) async fn read_key(&self, token: &Token) -> Result<KeyData, Failure> {
        let answer = self.call(ReadKey(&self.place), &[token.text()]).await?;
        self.expect(answer.data)
    }

    /// Signs. The defaults of the engine are not those of certificates: SHA-256 whatever the
    /// curve, and PSS for RSA.
    pub(super) async fn sign(&self, token: &Token, sign: &ToSign) -> Result<String, Failure> {
        let request = SignDataRequest {
            mount: self.place.mount.clone(),
            name: self.place.name.clone(),
            key_version: Some(sign.version),
            hash_algorithm: sign.hash,
            input: sign.input.clone(),
            context: None,
            prehashed: sign.hash.map(|_| true),
            signature_algorithm: sign.is_rsa.then_some(SignatureAlgorithm::Pkcs1v15),
            marshaling_algorithm: (sign.hash.is_some() && !sign.is_rsa)
                .then_some(MarshalingAlgorithm::Asn1),
        };
        let answer = self
            .call::<_, SignatureData>(request, &[token.text()])
            .await?;
        Ok(self.expect(answer.data)?.signature)
    }

    /// Exchanges a credential for a token, at the auth method at `mount`.
    pub(super) async fn log_in(
        &self,
        mount: &str,
        credential: &Credential<'_>,
    ) -> Result<Auth, Failure> {
        let mount = mount.to_owned();
        // The first of the secrets is the token, and there is none yet.
        let answer: Answer<IgnoredAny> = match credential {
            Credential::Kubernetes { role, jwt } => {
                let request = kubernetes::requests::LoginWithKubernetesRequest {
                    mount,
                    role: (*role).to_owned(),
                    jwt: jwt.to_string(),
                };
                self.call(request, &["", jwt]).await?
            }
            Credential::Jwt { role, jwt } => {
                let request = oidc::requests::JWTLoginRequest {
                    mount,
                    role: Some((*role).to_owned()),
                    jwt: jwt.to_string(),
                };
                self.call(request, &["", jwt]).await?
            }
            Credential::AppRole { role_id, secret_id } => {
                let request = approle::requests::LoginWithApproleRequest {
                    mount,
                    role_id: (*role_id).to_owned(),
                    secret_id: secret_id.to_string(),
                };
                self.call(request, &["", secret_id]).await?
            }
            Credential::Certificate { name } => {
                let request = cert::requests::LoginRequest {
                    mount,
                    cert_name: name.unwrap_or_default().to_owned(),
                };
                self.call(request, &[""]).await?
            }
        };
        self.expect(answer.auth)
    }

    /// Makes the token hold for longer.
    pub(super) async fn renew(&self, token: &Token) -> Result<Auth, Failure> {
        let request = RenewTokenSelfRequest { increment: None };
        let answer: Answer<IgnoredAny> = self.call(request, &[token.text()]).await?;
        self.expect(answer.auth)
    }

    /// What the token is.
    pub(super) async fn look_up(&self, token: &Token) -> Result<TokenData, Failure> {
        let answer = self
            .call(LookupTokenSelfRequest {}, &[token.text()])
            .await?;
        self.expect(answer.data)
    }

    /// Ends the token. There is nothing in the answer, and nothing to do about a no.
    pub(super) async fn revoke(&self, token: &Token) {
        let _: Result<Answer<IgnoredAny>, _> = self.call(RevokeToken, &[token.text()]).await;
    }

    /// Makes one request. The first of the secrets is the token that goes with it, if it is not
    /// empty; what the server says of any of them is not shown.
    async fn call<E: Endpoint, T: DeserializeOwned>(
        &self,
        request: E,
        secrets: &[&str],
    ) -> Result<Answer<T>, Failure> {
        let middleware = EndpointMiddleware {
            token: secrets.first().copied().unwrap_or_default().to_owned(),
            version: "v1".to_owned(),
            wrap: None,
            namespace: self.place.namespace.clone(),
        };
        let answered = request
            .with_middleware(&middleware)
            .exec(&self.transport)
            .await;
        let EndpointResult { response, .. } =
            answered.map_err(|error| Failure::from_client(error, &self.place).without(secrets))?;
        let body = Zeroizing::new(response.into_body());
        serde_json::from_slice(&body).map_err(|_| wrong_answer(&self.place).into())
    }

    fn expect<T>(&self, part: Option<T>) -> Result<T, Failure> {
        part.ok_or_else(|| wrong_answer(&self.place).into())
    }
}
