//! What backends share that are called over the network, at an address that a spec may name.

mod lookup;
mod said;
mod server;

use std::error::Error;

pub(crate) use lookup::{Unresolved, resolve};
pub(crate) use said::{retry_after, shown};
pub(crate) use server::server;

/// An error and its causes.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
