//! What the two kinds of issuers have in common as objects.

use std::fmt::Debug;

use kube::Resource;
use serde::de::DeserializeOwned;
use signet_api::IssuerResource;

/// An issuer of either kind, as the API server has it.
pub trait Object:
    IssuerResource + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync
{
}

impl Object for signet_api::Issuer {}

impl Object for signet_api::ClusterIssuer {}
