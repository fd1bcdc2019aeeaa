//! An issuer's bundle in a ClusterTrustBundle, which pods project by its signer name.
//!
//! It is an object of the whole cluster. So it is not owned by its issuer, it has no copies, and a
//! [watch](mod@watch) repairs it and notices what was left behind. Whether and in which version the
//! cluster has the API is [known](served) from the API server itself.

mod demand;
mod object;
mod observe;
mod plan;
mod served;
mod watch;

#[cfg(test)]
mod tests;

pub(super) use demand::{Allowed, TrustBundleDemand};
pub(super) use object::{ClusterTrustBundle, Version, object};
pub(super) use observe::{Observation, observe};
pub(super) use plan::plan;
pub use served::TrustBundles;
pub(crate) use watch::watch;
