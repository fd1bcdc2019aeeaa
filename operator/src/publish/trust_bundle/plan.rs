//! What is done about an issuer's ClusterTrustBundle. Pure.

use super::observe::Observation;
use crate::issuer_name::IssuerName;
use crate::publish::State;
use crate::publish::decide::Decision;
use crate::publish::object::Location;
use crate::publish::observe::Observed;
use crate::publish::own::OwnPlan;
use crate::publish::problem::Problem;
use crate::publish::report::OwnReport;

/// Decides what is done about the object. `too_large` is the length of a bundle that no root is
/// added to.
pub(in super::super) fn plan<'a>(
    issuer: &IssuerName,
    observed: &Observed,
    state: &'a State,
    too_large: Option<usize>,
) -> OwnPlan<'a> {
    let (version, found) = match &observed.trust_bundle {
        Observation::Unmanaged => return OwnPlan::default(),
        Observation::NotServed => return OwnPlan::of(OwnReport::not_served()),
        Observation::Failed(problem) => return OwnPlan::of(OwnReport::failed(problem.clone())),
        Observation::Read(version, found) => (*version, found.as_ref()),
    };
    let is_required = observed.requires_trust_bundle();
    let mut report = OwnReport::default();
    if is_required {
        report.problems.extend(too_large.map(Problem::too_large));
    }
    let content = match state {
        State::Content(content) => Some(content),
        State::Nothing => None,
        State::AsIs => return OwnPlan::of(report),
    };
    let mut decision = Decision::default();
    let at = Location::of_trust_bundle(issuer, version);
    decision.add(at, found, content.filter(|_| is_required));
    OwnPlan::decided(report, decision)
}
