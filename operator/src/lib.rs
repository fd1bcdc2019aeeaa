//! The Signet operator.
//!
//! Two things are reconciled: issuers ([`issuer`]) and requests ([`certificate_request`] and
//! [`signing_request`], which share the flow of [`request`]). What they learn and decide is
//! pure; what is written to the API server is written in [`apply`] alone, and every call that
//! the operator makes is listed in [`permissions`].

// Builds for the fuzzer (fuzz/) can skip the check of a CSR's self-signature.
#[cfg(fuzzing)]
compile_error!("the operator is not built for a fuzzer");

pub mod admin;
pub mod apply;
pub mod args;
pub mod arithmetic;
pub mod attempts;
pub mod certificate_request;
pub mod connections;
pub mod context;
#[cfg(test)]
mod fixtures;
pub mod health;
pub mod issuer;
pub mod keyring;
pub mod lease;
mod lock;
pub mod metrics;
pub mod namespace;
pub mod permissions;
pub mod request;
pub mod run;
pub mod sharing;
pub mod signing_request;
pub mod telemetry;
pub mod watch;
