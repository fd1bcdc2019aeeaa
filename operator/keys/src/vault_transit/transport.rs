//! What carries requests to Vault: HTTPS to one server, with nothing from the environment.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};
use rustify::errors::ClientError;
use rustls_pki_types::CertificateDer;

use super::failure::{Failure, Refusal};
use super::place::Place;
use crate::access::Access;
use crate::error::{ErrorClass, KeyError};
use crate::remote::{RESPONSE, Unresolved, causes, chain, refused, resolve};

/// The longest description of a key that is read. It has each version's public key in it: one that
/// was rotated a thousand times fits in.
const MAX_KEY: usize = 1024 * 1024;

/// The longest answer to anything else that is read. The server may be anyone's, and many of these
/// may be under way at once.
const MAX_ANSWER: usize = 64 * 1024;

/// How long a connection that nobody uses stays open.
const IDLE: Duration = Duration::from_secs(60);

/// By what the server is known, and Signet to it.
#[derive(Default)]
pub(super) struct Trust {
    /// The only CA certificates that count, or the system's.
    pub(super) ca: Option<Vec<CertificateDer<'static>>>,
    /// The client's certificates and key, in PEM.
    pub(super) identity: Option<Identity>,
}

/// Connections to one server.
pub(super) struct Transport {
    place: Place,
    http: reqwest::Client,
}

impl Transport {
    /// Prepares it; nothing is connected yet.
    pub(super) fn new(place: &Place, access: &Access, trust: Trust) -> Result<Self, KeyError> {
        let unusable = |sentence: &str| {
            let sentence = format!("vaultTransit: {sentence}");
            KeyError::new(ErrorClass::KeyUnusable, sentence)
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(RESPONSE)
            .timeout(RESPONSE)
            .pool_idle_timeout(IDLE)
            .dns_resolver(Arc::new(Resolver(access.clone())));
        if let Some(ca) = trust.ca {
            let ca: Result<Vec<_>, _> = ca.iter().map(|ca| Certificate::from_der(ca)).collect();
            builder = builder.tls_certs_only(
                ca.map_err(|_| unusable("caBundle holds something that is no certificate"))?,
            );
        }
        if let Some(identity) = trust.identity {
            builder = builder.identity(identity);
        }
        // What is wrong here is a certificate: of the bundle, or the client's with its key.
        let http = builder.build().map_err(|_| {
            unusable(
                "a certificate of caBundle, or the client certificate with its key, cannot be \
                 used; put CA certificates and a pair that belongs together there",
            )
        })?;
        Ok(Self {
            place: place.clone(),
            http,
        })
    }

    async fn answer(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Failure> {
        let longest = match *request.method() {
            http::Method::GET => MAX_KEY,
            _ => MAX_ANSWER,
        };
        let request = reqwest::Request::try_from(request).map_err(|error| self.away(&error))?;
        let mut response = self
            .http
            .execute(request)
            .await
            .map_err(|error| self.away(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.away(&error))? {
            if body.len() + chunk.len() > longest {
                let sentence = format!("{} gives an answer without end", self.place.server());
                return Err(KeyError::new(ErrorClass::InvalidResponse, sentence).into());
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(Failure::Refused(Refusal::read(status, &headers, &body)));
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        Ok(answer)
    }

    /// There is no answer. What the libraries say is not passed on, since they would say what
    /// stands at an address.
    fn away(&self, error: &reqwest::Error) -> Failure {
        let server = self.place.server();
        let unresolved = causes(error).find_map(|cause| cause.downcast_ref());
        let (class, sentence) = if let Some(Unresolved::Refused) = unresolved {
            return refused(&self.place.address).into();
        } else if unresolved.is_some() {
            (
                ErrorClass::Unreachable,
                "cannot be found: its name does not resolve",
            )
        } else if error.is_timeout() {
            (ErrorClass::Unreachable, "does not answer in time")
        } else if says(error, "invalid peer certificate") {
            (
                ErrorClass::Unreachable,
                "has a certificate that is not trusted; put its CA certificates into caBundle, \
                 and see that it is valid and for this host",
            )
        } else if says(error, "alert: ") {
            (
                ErrorClass::Unreachable,
                "refuses the TLS connection; see which client certificates and versions it takes",
            )
        } else if error.is_connect() {
            (ErrorClass::Unreachable, "cannot be connected to")
        } else if says(error, "invalid HTTP") || says(error, "parsed") {
            (
                ErrorClass::InvalidResponse,
                "answers with something that is not HTTP",
            )
        } else {
            (ErrorClass::Unreachable, "broke the connection off")
        };
        let away = KeyError::new(class, format!("{server} {sentence}"));
        away.caused_by(chain(error)).into()
    }
}

impl rustify::client::Client for Transport {
    fn base(&self) -> &str {
        &self.place.address
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
            let answer = self.answer(request).await;
            answer.map_err(|failure| ClientError::GenericError {
                source: failure.into(),
            })
        })
    }
}

/// Resolves names to addresses that may be called.
struct Resolver(Access);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let access = self.0.clone();
        async move {
            let found = resolve(&access, name.as_str()).await?;
            let with_port = |address| SocketAddr::new(address, 0);
            let found: Addrs = Box::new(found.into_iter().map(with_port));
            Ok(found)
        }
        .boxed()
    }
}

fn says(error: &reqwest::Error, words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().contains(words))
}
