//! Commands that read a cluster as their user, and change nothing: `signet check` and
//! `signet status`.
//!
//! Each reads its facts in one place, and decides on them with pure functions. None of it is part of
//! the operator, so its calls are not in [`permissions`](crate::permissions).

mod check;
mod client;
mod readiness;
mod status;
mod style;
mod time;

pub use check::check;
pub use status::status;
