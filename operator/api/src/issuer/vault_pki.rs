//! A PKI engine of HashiCorp Vault or OpenBao that signs the CA certificate.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signet_keys::VaultPki;

use super::spec::CaRequest;
use crate::duration::GoDuration;

/// The issuer of the PKI engine, and what is requested from it. A change starts a new CA generation,
/// except that of `auth` and `caBundle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultPkiSource {
    /// The server, the login, the mount and the issuer.
    #[serde(flatten)]
    pub pki: VaultPki,
    /// The lifetime to request. The engine cuts it to the maximum of its mount. Defaults to 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// What the CSR requests.
    #[serde(flatten)]
    pub request: CaRequest,
}

/// The lifetime of a certificate from cert-manager's issuers (rule A3-28).
const DEFAULT_DURATION: Duration = Duration::from_secs(90 * 24 * 3600);

impl VaultPkiSource {
    /// Returns the lifetime to request.
    pub fn duration(&self) -> Duration {
        self.duration
            .map_or(DEFAULT_DURATION, |duration| duration.0)
    }
}
