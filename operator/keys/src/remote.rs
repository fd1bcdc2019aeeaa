//! What backends share that are called over HTTP, at an address that a spec may name.
//!
//! A further such backend needs the requests and responses of its API, and how it logs in. Its
//! address is an [`endpoint`], its connection an [`Http`] client made from [`Sources`], its login a
//! [`SharedLogin`] with a [`Lease`], and what a server says passes through a [`Redactor`].

#![cfg_attr(
    not(all(feature = "aws-kms", feature = "vault")),
    allow(
        dead_code,
        unused_imports,
        reason = "the backends in this build need a part of it"
    )
)]

mod endpoint;
mod error;
mod http;
mod lease;
mod login;
mod redactor;
mod resolver;
mod sources;

use std::time::Duration;

use tokio::time::timeout;

pub(crate) use endpoint::endpoint;
pub use error::RemoteError;
pub(crate) use http::{Http, Tls};
pub(crate) use lease::Lease;
pub(crate) use login::{Renewal, SharedLogin};
pub(crate) use redactor::{Redactor, retry_after};
pub(crate) use sources::Sources;

use crate::error::KeyError;

/// Whether a credential fits into a header as it is.
pub(crate) fn is_header_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The longest that a client waits for a response. It is less than
/// [`ATTEMPT`](crate::guard::ATTEMPT), so that the error names the server, and the client drops
/// the connections of a server that does not respond.
const RESPONSE: Duration = Duration::from_secs(4);

/// The longest that a signature and the login before it may take together, less than an attempt
/// for the same reason.
pub(crate) const CALL: Duration = Duration::from_millis(4500);

/// The longest that reads of Secrets, ConfigMaps and tokens may take, as a part of that.
pub(crate) const READ: Duration = Duration::from_secs(2);

/// The API server, as messages name it.
pub(crate) const API_SERVER: &str = "the API server";

/// Makes a call with all its requests within this time. `server` names the server in the error.
pub(crate) async fn in_time<T>(
    limit: Duration,
    server: &str,
    call: impl Future<Output = Result<T, KeyError>>,
) -> Result<T, KeyError> {
    let timed_out = || RemoteError::Timeout {
        server: server.to_owned(),
        seconds: limit.as_secs(),
    };
    let response = timeout(limit, call).await;
    response.unwrap_or_else(|_| Err(timed_out().into()))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_api_server_is_not_blamed_on_the_backend() {
        let error = in_time(
            CALL,
            "the Vault",
            in_time::<()>(READ, API_SERVER, pending()),
        )
        .await;
        let error = error.unwrap_err();
        let expected = "the API server did not respond within 2 s";
        assert!(error.message.starts_with(expected), "{error}");
        let error = in_time::<()>(CALL, "the Vault", pending())
            .await
            .unwrap_err();
        assert!(error.message.starts_with("the Vault did not"), "{error}");
    }
}
