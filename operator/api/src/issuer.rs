//! `Issuer` and `ClusterIssuer`: one spec, one status, two scopes.

pub(crate) mod bundle;
pub(crate) mod kinds;
pub(crate) mod profile;
pub(crate) mod requesters;
pub(crate) mod rotation;
pub(crate) mod spec;
pub(crate) mod status;
