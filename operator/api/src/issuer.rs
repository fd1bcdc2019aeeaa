//! `Issuer` and `ClusterIssuer`: one spec, one status, two scopes.

pub(crate) mod bundle;
pub(crate) mod issuer_ref;
pub(crate) mod kinds;
pub(crate) mod policy;
pub(crate) mod profile;
pub(crate) mod rotation;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod trusted_roots;
pub(crate) mod vault_pki;
