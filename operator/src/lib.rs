//! The Signet operator.
//!
//! Two things are reconciled: issuers ([`issuers`]) and requests (`requests`, with one folder for
//! each API). Both observe, decide with pure functions, and end in a [`plan`]. Only [`writer`] writes to the API server, and
//! [`permissions`] lists every call that the operator makes.

// Builds for the fuzzer (fuzz/) can skip the check of a CSR's self-signature.
#[cfg(fuzzing)]
compile_error!("the operator is not built for a fuzzer");

pub mod api_client;
pub mod api_error;
pub mod api_health;
pub mod args;
pub mod attempts;
pub mod connections;
pub mod context;
mod crypto_provider;
pub mod deadline;
mod discovery;
#[cfg(test)]
mod fixtures;
pub mod health;
pub mod inspect;
pub mod issuer_name;
pub mod issuers;
pub mod keyring;
pub mod listings;
mod mesh;
pub mod metrics;
pub mod namespace;
pub mod namespace_labels;
pub mod offline;
pub mod pages;
pub mod permissions;
pub mod plan;
pub mod policy;
mod printable;
pub mod publish;
mod queue_lengths;
mod requests;
pub mod run;
pub mod service_accounts;
pub mod sharing;
mod signer_name;
pub mod version;
pub mod wakeups;
pub mod watch;
pub mod without_times;
pub mod writer;
