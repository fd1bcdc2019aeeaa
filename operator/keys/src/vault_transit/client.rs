//! vaultrs over Signet's own transport. Only this file calls it; `api` has its requests.
//!
//! What is taken from vaultrs are its requests: paths, methods and bodies. These forms of vaultrs
//! 0.8 are not used, since they are wrong for Signet:
//!
//! - Its client: the settings read `VAULT_TOKEN`, `VAULT_CLIENT_CERT` and `VAULT_SKIP_VERIFY` from
//!   the environment and CA certificates from paths, and its errors do not show the list `errors`.
//! - Its responses: `ReadKeyResponse` knows fewer types of keys than servers have, and others
//!   require fields that servers omit. Signet reads of the body what it needs.
//! - `RevokeTokenSelfRequest`: its path begins with a tab, and no server knows it.

use std::pin::Pin;

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use vaultrs::api::EndpointMiddleware;
use zeroize::Zeroizing;

use super::error::{Failure, Refusal};
use super::key::KeyPath;
use crate::remote::{Http, Redactor};

/// The largest description of a key that is read. It has the public key of each version: one that
/// was rotated a thousand times fits.
const MAX_KEY_BYTES: usize = 1024 * 1024;

/// The largest of all other responses.
const MAX_BYTES: usize = 64 * 1024;

/// Revokes the token that is sent with it.
#[derive(Debug)]
pub(super) struct RevokeToken;

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

/// A response of Vault.
#[derive(Deserialize)]
pub(super) struct Response<T, A> {
    pub(super) data: Option<T>,
    pub(super) auth: Option<A>,
}

/// A client of one server.
pub(super) struct Client {
    pub(super) path: KeyPath,
    http: Http,
    /// The secrets that are sent.
    redactor: Redactor,
}

impl Client {
    pub(super) fn new(path: KeyPath, http: Http) -> Self {
        Self {
            path,
            http,
            redactor: Redactor::default(),
        }
    }

    /// Sends a request with a token, or with none if it is empty. Neither the token nor this other
    /// secret is shown when the server repeats it.
    pub(super) async fn call<E: Endpoint, T: DeserializeOwned, A: DeserializeOwned>(
        &self,
        request: E,
        token: &str,
        secret: &str,
    ) -> Result<Response<T, A>, Failure> {
        self.redactor.remember(token);
        self.redactor.remember(secret);
        let middleware = EndpointMiddleware {
            token: token.to_owned(),
            version: "v1".to_owned(),
            wrap: None,
            namespace: self.path.namespace.clone(),
        };
        let result = request.with_middleware(&middleware).exec(self).await;
        let response = result.map_err(|error| self.failure(error))?.response;
        let body = Zeroizing::new(response.into_body());
        serde_json::from_slice(&body).map_err(|_| self.path.invalid_response().into())
    }

    /// What [`send`](Client::send) put into an error of the library.
    fn failure(&self, error: ClientError) -> Failure {
        if let ClientError::GenericError { source } = error
            && let Ok(failure) = source.downcast::<Failure>()
        {
            return failure;
        }
        self.path.invalid_response().into()
    }

    async fn respond(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Failure> {
        let max_bytes = match *request.method() {
            http::Method::GET => MAX_KEY_BYTES,
            _ => MAX_BYTES,
        };
        let response = self.http.send(request, max_bytes).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(Failure::Refused(Refusal::read(&response, &self.redactor))),
        }
    }
}

impl rustify::client::Client for Client {
    fn base(&self) -> &str {
        &self.path.address
    }

    fn send<'life0, 'async_trait>(
        &'life0 self,
        mut request: http::Request<Vec<u8>>,
    ) -> Pin<
        Box<
            dyn Future<Output = Result<http::Response<Vec<u8>>, ClientError>> + Send + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        if let Some(token) = request.headers_mut().get_mut("X-Vault-Token") {
            // Keeps it out of the Debug of whatever holds the request.
            token.set_sensitive(true);
        }
        Box::pin(async move {
            let response = self.respond(request).await;
            response.map_err(|failure| ClientError::GenericError {
                source: failure.into(),
            })
        })
    }
}
