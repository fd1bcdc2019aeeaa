//! What `signet status` knows of an issuer.

use jiff::Timestamp;
use signet_api::{CAGeneration, IssuerStatus};

use crate::issuer_name::IssuerName;
use crate::requests::census::Requests;

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) name: IssuerName,
    /// The `metadata.generation`.
    pub(super) generation: Option<i64>,
    pub(super) trust_domain: Option<String>,
    pub(super) status: IssuerStatus,
    /// Fails if the user may not list them, for example.
    pub(super) generations: Result<Vec<CAGeneration>, String>,
    pub(super) requests: Vec<Requests>,
}
