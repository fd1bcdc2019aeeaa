//! Why a reconcile could not be finished.

use signet_keys::KeyError;

use crate::api_error::describe;

/// The reconcile could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer or did not take a write.
    #[error("the API server did not answer: {}", describe(.0))]
    Api(#[from] kube::Error),
    /// Certificates could not be read.
    #[error("the CA generations could not be read: {0}")]
    Unreadable(#[from] tokio::task::JoinError),
    /// The key of an issuer that can sign did not answer just now.
    #[error("the key did not answer: {0}")]
    Key(#[from] KeyError),
    /// It took too long.
    #[error("the issuer was not reconciled in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}
