//! Reads an issuer's ClusterTrustBundle.

use kube::Api;

use super::demand::TrustBundleDemand;
use super::object::{ClusterTrustBundle, Version, name};
use super::served::Served;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::publish::object::{Found, Kind, Location};
use crate::publish::problem::Problem;
use crate::publish::reason::BundleReason;

/// What was observed about an issuer's ClusterTrustBundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Observation {
    /// Signet has none here: the cluster does not serve them, or nothing asks for one.
    Unmanaged,
    /// An issuer has one, and the cluster does not serve them.
    NotServed,
    /// It could not be read, or must not be there.
    Failed(Problem),
    /// What exists under its name.
    Read(Version, Option<Found>),
}

impl Observation {
    /// Returns Signet's own object.
    pub(in super::super) fn ours(&self) -> Option<&Found> {
        match self {
            Self::Read(_, found) => found.as_ref().filter(|found| found.is_ours),
            Self::Unmanaged | Self::NotServed | Self::Failed(_) => None,
        }
    }
}

impl Location {
    /// Where an issuer's ClusterTrustBundle is.
    pub(super) fn of_trust_bundle(issuer: &IssuerName, version: Version) -> Self {
        Self {
            kind: Kind::ClusterTrustBundle(version),
            namespace: String::new(),
            name: name(issuer),
            is_in_all_namespaces: false,
        }
    }
}

/// Reads the object, unless nothing asks for one and the watch has seen none.
pub(in super::super) async fn observe(
    issuer: &IssuerName,
    demand: TrustBundleDemand,
    context: &Context,
) -> Observation {
    let known = context.trust_bundles.exists(issuer);
    match demand {
        TrustBundleDemand::Off => return Observation::Unmanaged,
        // Then there is no watch that could find out what the cluster serves.
        TrustBundleDemand::Denied(value) if !context.settings.cluster_trust_bundles => {
            return Observation::Failed(Problem::denied(value));
        }
        TrustBundleDemand::WhatExists | TrustBundleDemand::Nothing if known == Some(false) => {
            return Observation::Unmanaged;
        }
        _ => {}
    }
    let version = match context.trust_bundles.served().await {
        Served::Version(version) => version,
        Served::No if demand.requires(false) => return Observation::NotServed,
        Served::No => return Observation::Unmanaged,
        Served::Unknown(why) if demand.requires(known == Some(true)) => {
            return Observation::Failed(Problem::discovery(&why));
        }
        Served::Unknown(_) => return Observation::Unmanaged,
    };
    if let TrustBundleDemand::Denied(value) = demand {
        return Observation::Failed(Problem::denied(value));
    }
    let api = Api::all_with(context.client.clone(), &version.resource());
    let read: Result<Option<ClusterTrustBundle>, _> = api.get_opt(&name(issuer)).await;
    let problem = match read {
        Ok(found) => {
            let found = found.map(|object| Found::trust_bundle(object, issuer));
            return Observation::Read(version, found);
        }
        Err(error) => Problem::write(&Location::of_trust_bundle(issuer, version), "get", &error),
    };
    let is_asked_for = demand.requires(known == Some(true));
    match problem.reason == BundleReason::PermissionMissing && !is_asked_for {
        true => Observation::Unmanaged,
        false => Observation::Failed(problem),
    }
}
