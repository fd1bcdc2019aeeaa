//! Clients that act as a ServiceAccount which an issuer names. Their tokens stay in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use signet_keys::KeyError;
use zeroize::Zeroizing;

use crate::namespace::api_server_token;

/// A token is not used when it has less than this left.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// The maximum number of tokens that are kept.
const MAX_TOKENS: usize = 256;

/// The clients, by namespace and ServiceAccount.
pub struct ServiceAccounts {
    /// Requests tokens.
    signet: Client,
    /// Sends no credentials. Clients share its connections, and add their tokens.
    anonymous: Client,
    clients: Mutex<HashMap<(String, String), Entry>>,
}

#[derive(Clone)]
struct Entry {
    client: Client,
    until: Timestamp,
}

/// A token that the API server accepts.
pub(crate) struct ApiServerToken {
    pub(crate) token: Zeroizing<String>,
    pub(crate) until: Timestamp,
}

impl ServiceAccounts {
    pub fn new(signet: Client, anonymous: Client) -> Self {
        Self {
            signet,
            anonymous,
            clients: Mutex::default(),
        }
    }

    /// Returns a client that acts as a ServiceAccount. A Role in the namespace must allow Signet to
    /// create its tokens.
    pub async fn client(
        &self,
        namespace: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Client, KeyError> {
        let key = (namespace.to_owned(), name.to_owned());
        let known = self.clients.lock().get(&key).cloned();
        if let Some(known) =
            known.filter(|known| now < known.until.saturating_sub(MARGIN).unwrap_or(now))
        {
            return Ok(known.client);
        }
        let token = api_server_token(&self.signet, namespace, name).await?;
        let entry = Entry {
            client: with_token(self.anonymous.clone(), token.token),
            until: token.until,
        };
        let client = entry.client.clone();
        self.keep(key, entry);
        Ok(client)
    }

    /// Forgets a token that the API server did not accept: its ServiceAccount was recreated.
    pub fn forget(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.clients.lock().remove(&key);
    }

    fn keep(&self, key: (String, String), entry: Entry) {
        let mut clients = self.clients.lock();
        if clients.len() >= MAX_TOKENS
            && let Some(first) = clients.iter().min_by_key(|(_, entry)| entry.until)
        {
            let first = first.0.clone();
            clients.remove(&first);
        }
        clients.insert(key, entry);
    }
}

impl fmt::Debug for ServiceAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceAccounts(..)")
    }
}

fn with_token(anonymous: Client, token: Zeroizing<String>) -> Client {
    let token = Arc::new(token);
    let send = move |mut request: Request<Body>| {
        let (anonymous, token) = (anonymous.clone(), token.clone());
        async move {
            let value = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let mut value = HeaderValue::from_str(&value)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
            let response = anonymous.send(request).await;
            response.map_err(tower::BoxError::from)
        }
    };
    Client::new(tower::service_fn(send), "default")
}

#[cfg(test)]
mod tests;
