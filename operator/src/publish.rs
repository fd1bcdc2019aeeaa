//! Publishes an issuer's trust bundle in objects that others can read.
//!
//! The objects are [observed](observe) with the issuer's other facts, the [demand] follows from the
//! spec, [`decide`] compares both (pure), and [`apply`] takes the steps. It runs with each round of
//! the issuer, so an object that was edited or deleted is repaired at the next resync, and a
//! [ClusterTrustBundle](trust_bundle) when its watch reports it. Which roots are published is a
//! [`fact`] that the rotation depends on.

mod apply;
mod copies;
mod decide;
mod demand;
mod fact;
mod object;
mod observe;
mod own;
mod problem;
mod reason;
mod report;
pub(crate) mod trust_bundle;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::time::Duration;

use signet_core::ca::Bundle;

pub use demand::{Demand, OwnDemand};
pub use observe::{Observed, observe};
pub use report::Report;
pub use trust_bundle::TrustBundles;

use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::writer::Writer;
use object::Content;
use own::OwnPlan;
use problem::Problem;
use report::{CopiesReport, OwnReport};
use trust_bundle::TrustBundleDemand;

/// How long publishing in the issuer's own namespace may delay the issuer's status.
const OWN_TIMEOUT: Duration = Duration::from_secs(15);

/// How long copies may delay it. What is left is written in the next reconcile.
const COPIES_TIMEOUT: Duration = Duration::from_secs(20);

/// What is known of the roots of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// Every root that is trusted now; at least one.
    Roots(Bundle),
    /// No root is trusted anymore, so no object may hold one.
    Nothing,
    /// There is no CA yet, or it could not be read, so that objects stay as they are.
    Unknown,
}

/// What an issuer publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    pub roots: Trusted,
    /// The length that the bundle would have with every root that is trusted, if that is too long.
    /// Then no root is added to it.
    pub too_large: Option<usize>,
}

/// What the objects of a bundle have to contain.
#[derive(Clone, Debug)]
enum State {
    Content(Content),
    /// Objects are deleted.
    Nothing,
    /// Objects stay as they are.
    AsIs,
}

impl State {
    /// `is_unwanted` is whether the spec wants no object.
    fn new(
        issuer: &IssuerName,
        uid: &str,
        trust: &Trust,
        demand: &Demand,
        is_unwanted: bool,
    ) -> Self {
        match &trust.roots {
            Trusted::Roots(bundle) => {
                Self::Content(Content::new(issuer, uid, bundle.pem(), &demand.labels))
            }
            Trusted::Nothing => Self::Nothing,
            Trusted::Unknown if is_unwanted => Self::Nothing,
            Trusted::Unknown => Self::AsIs,
        }
    }
}

/// Brings the objects of an issuer's bundle up to date, the copies only `with_copies`. What fails is
/// reported, and tried again at the next reconcile.
pub async fn publish(
    issuer: &IssuerName,
    uid: &str,
    observed: &Observed,
    trust: &Trust,
    with_copies: bool,
    context: &Context,
) -> Report {
    let report = write(issuer, uid, observed, trust, with_copies, context).await;
    context
        .metrics
        .bundle(issuer, report.is_published(), report.outdated());
    report
}

async fn write(
    issuer: &IssuerName,
    uid: &str,
    observed: &Observed,
    trust: &Trust,
    with_copies: bool,
    context: &Context,
) -> Report {
    let demand = &observed.demand;
    let state = |is_unwanted| State::new(issuer, uid, trust, demand, is_unwanted);
    let of_cluster = state(demand.trust_bundle == TrustBundleDemand::Nothing);
    let state = state(demand.own == OwnDemand::Nothing);
    let namespace = context.resource_namespace(issuer);
    let plans = [
        own::plan((issuer, namespace), observed, &state, trust.too_large),
        trust_bundle::plan(issuer, observed, &of_cluster, trust.too_large),
    ];
    let own = tokio::time::timeout(OWN_TIMEOUT, take(plans, &context.writer)).await;
    let own = own.unwrap_or_else(|_| OwnReport::failed(Problem::timeout(OWN_TIMEOUT)));
    let copies = match with_copies {
        true => Some(publish_copies(issuer, demand, &state, context).await),
        false => None,
    };
    Report { own, copies }
}

/// Takes plans that do not depend on each other.
async fn take(plans: [OwnPlan<'_>; 2], writer: &Writer) -> OwnReport {
    let mut report = OwnReport::default();
    for plan in plans {
        report.add(own::take(plan, writer).await);
    }
    report
}

/// Deletes the bundle of an issuer that no longer exists, with its copies where that is allowed. There
/// is no series for it: tenants choose the names, and may delete any number of issuers.
pub async fn remove(issuer: &IssuerName, observed: &Observed, context: &Context) {
    let nothing = Trust {
        roots: Trusted::Nothing,
        too_large: None,
    };
    write(issuer, "", observed, &nothing, true, context).await;
}

/// Returns the name of the objects with an issuer's bundle.
pub fn object_name(issuer: &IssuerName) -> String {
    object::name(issuer)
}

async fn publish_copies(
    issuer: &IssuerName,
    demand: &Demand,
    state: &State,
    context: &Context,
) -> CopiesReport {
    let copies = copies::publish(issuer, demand, state, context);
    let copies = tokio::time::timeout(COPIES_TIMEOUT, copies).await;
    copies.unwrap_or_else(|_| CopiesReport::failed(Problem::timeout(COPIES_TIMEOUT)))
}
