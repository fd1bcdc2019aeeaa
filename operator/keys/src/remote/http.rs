//! HTTP to one server: bounded responses, no redirects, nothing from the environment, only addresses
//! that may be called, and for a ClusterIssuer through the operator's proxy.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, NoProxy, Proxy};
use rustls_pki_types::CertificateDer;

use super::RESPONSE;
use super::error::{RemoteError, failure};
use super::resolver::resolve;
use crate::access::{Access, HttpProxy};
use crate::error::KeyError;

/// How long an unused connection stays open.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// How the server and Signet authenticate to each other.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// The only trusted CA certificates; by default, the system's.
    pub(crate) ca: Option<Vec<CertificateDer<'static>>>,
    pub(crate) identity: Option<Identity>,
}

pub(crate) struct Http {
    /// The server, as messages name it.
    server: String,
    tls: Tls,
    access: Access,
    /// With its connections.
    client: Mutex<Arc<Client>>,
}

impl Http {
    /// Prepares a client; nothing is connected yet. `server` names the server in messages, such as
    /// `the Vault at https://vault.example.org`.
    pub(crate) fn new(server: String, tls: Tls, access: &Access) -> Result<Self, RemoteError> {
        let client = client(&tls, access)?;
        Ok(Self {
            server,
            tls,
            access: access.clone(),
            client: Mutex::new(Arc::new(client)),
        })
    }

    /// Sends a request, and reads a response of any status and of at most this many bytes.
    pub(crate) async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<http::Response<Vec<u8>>, KeyError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let client = Arc::clone(&self.client.lock());
        match receive(&client, request, max_bytes).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => {
                let server = self.server.clone();
                Err(RemoteError::TooLarge { server, max_bytes }.into())
            }
            Err(error) => {
                if error.is_timeout() {
                    self.replace(&client);
                }
                let proxy = self.access.allowed_proxy().map(|it| it.server());
                Err(failure(&error, &self.server, &host, proxy))
            }
        }
    }

    /// Uses none of these connections again. After a response that did not come, all of them may be
    /// half open, and each would cost a timeout. Of many calls that time out, one does this.
    fn replace(&self, silent: &Arc<Client>) {
        let mut current = self.client.lock();
        if Arc::ptr_eq(&current, silent)
            // What could be made once can be made again.
            && let Ok(client) = client(&self.tls, &self.access)
        {
            *current = Arc::new(client);
        }
    }
}

async fn receive(
    client: &Client,
    request: http::Request<Vec<u8>>,
    max_bytes: usize,
) -> reqwest::Result<Option<http::Response<Vec<u8>>>> {
    let request = reqwest::Request::try_from(request)?;
    let mut response = client.execute(request).await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    let mut received = http::Response::new(body);
    *received.status_mut() = response.status();
    *received.headers_mut() = response.headers().clone();
    Ok(Some(received))
}

fn client(tls: &Tls, access: &Access) -> Result<Client, RemoteError> {
    let mut builder = Client::builder()
        .tls_backend_rustls()
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(RESPONSE)
        .timeout(RESPONSE)
        .pool_idle_timeout(MAX_IDLE)
        .dns_resolver(Arc::new(Judged(access.clone())));
    if let Some(proxy) = access.allowed_proxy() {
        builder = builder.proxy(tunnel(proxy)?);
    }
    if let Some(ca) = &tls.ca {
        let ca: Result<Vec<_>, _> = ca.iter().map(|ca| Certificate::from_der(ca)).collect();
        builder = builder.tls_certs_only(ca.map_err(|_| RemoteError::InvalidBundle)?);
    }
    if let Some(identity) = &tls.identity {
        builder = builder.identity(identity.clone());
    }
    // What can be wrong here is a certificate: of the bundle, or the client's.
    builder.build().map_err(|_| match tls.identity {
        Some(_) => RemoteError::InvalidIdentity,
        None => RemoteError::InvalidBundle,
    })
}

/// For https only: what is in the clear, such as a metadata service, is on the way to no proxy.
fn tunnel(proxy: &HttpProxy) -> Result<Proxy, RemoteError> {
    let tunnel = Proxy::https(proxy.url()).map_err(|_| RemoteError::NotThroughProxy {
        server: "a server".to_owned(),
        proxy: proxy.server().to_owned(),
    })?;
    Ok(tunnel.no_proxy(NoProxy::from_string(proxy.no_proxy())))
}

/// Resolves names to addresses that may be called.
struct Judged(Access);

impl Resolve for Judged {
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

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
