//! What `signet status` knows of an issuer.

use jiff::Timestamp;
use kube::core::DeserializeGuard;
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
    pub(super) generations: Result<Listed, String>,
    pub(super) requests: Vec<Requests>,
}

/// The CAGenerations of an issuer in one namespace.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) namespace: String,
    pub(super) objects: Vec<CAGeneration>,
    /// Those that do not match the schema: their names, and why.
    pub(super) invalid: Vec<(String, String)>,
}

impl Listed {
    pub(super) fn in_namespace(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, guarded: DeserializeGuard<CAGeneration>) {
        match guarded.0 {
            Ok(object) => self.objects.push(object),
            Err(error) => {
                let name = error.metadata.name.unwrap_or_default();
                self.invalid.push((name, error.error));
            }
        }
    }
}
