//! What backends share that are called over the network, at an address that a spec may name.

mod cause;
mod lookup;
mod said;
mod server;

use std::error::Error;
use std::time::Duration;

use crate::error::{ErrorClass, KeyError};

pub(crate) use cause::chain;
pub(crate) use lookup::{Unresolved, resolve};
pub(crate) use said::{retry_after, shown};
pub(crate) use server::server;

/// The longest that a client waits for a response. It is less than
/// [`ATTEMPT`](crate::guard::ATTEMPT), so that the error names the server, and the client drops
/// the connection that was silent.
pub(crate) const RESPONSE: Duration = Duration::from_secs(4);

/// What is said of a host at an address that may not be called. Which address that is, is not
/// said: an Issuer is no window into the network.
pub(crate) fn refused(host: &str) -> KeyError {
    let sentence = format!(
        "{host} leads to the operator's own host or link, to a service of the cloud for it, \
         or to the API server, which an Issuer may not call; name another server, or use a \
         ClusterIssuer"
    );
    KeyError::new(ErrorClass::KeyUnusable, sentence)
}

/// An error and its causes.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
