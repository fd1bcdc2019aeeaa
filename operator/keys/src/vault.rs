//! What the uses of HashiCorp Vault and OpenBao share: the part of the CRD that says where the
//! server is and how to log in, the login itself, and the calls.
//!
//! A use adds its requests ([`VaultTransit`](crate::VaultTransit) signs with a key,
//! [`VaultPki`](crate::VaultPki) has a CA certificate signed).

mod auth;
#[cfg(feature = "vault")]
mod client;
#[cfg(feature = "vault")]
mod error;
#[cfg(feature = "vault")]
mod login;
#[cfg(feature = "samples")]
mod samples;
#[cfg(feature = "vault")]
mod server;
#[cfg(feature = "vault")]
mod session;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use auth::VaultAuth;
#[cfg(feature = "vault")]
pub(crate) use client::Data;
#[cfg(feature = "vault")]
pub use error::VaultError;
#[cfg(feature = "vault")]
pub(crate) use error::{Failure, ServerMessage};
#[cfg(feature = "vault")]
pub(crate) use server::{Consumer, Server, mount_path, segment};
#[cfg(feature = "vault")]
pub(crate) use session::{Permission, Session};

use crate::ca_bundle::CaBundle;

/// What the API server checks of a path in Vault, without which it could lead anywhere there.
pub(crate) const PATH: &str =
    "self.matches('^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?$')";

/// A server, and how Signet logs in to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultConnection {
    /// The server, such as `https://vault.example.org:8200`, with https and without a path.
    /// Redirects are not followed. An Issuer cannot use loopback and link-local addresses or those
    /// of the API server, unless a flag of the operator allows them.
    #[schemars(length(min = 9, max = 512), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^https://[A-Za-z0-9._:\\\\[\\\\]-]+/?$')",
        "message": "write https://, the host and maybe a port: https://vault.example.org:8200",
    }]))]
    pub address: String,
    /// The namespace in Vault Enterprise or OpenBao, such as `team-a/pki`, for the mount and the
    /// login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the namespace: letters, digits, '_', '-' and '.', separated by '/'",
    }]))]
    pub namespace: Option<String>,
    /// The CA certificates to verify the server with, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// How Signet logs in.
    pub auth: Box<VaultAuth>,
}
