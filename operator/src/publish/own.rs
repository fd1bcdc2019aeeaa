//! The objects in the issuer's own namespace.

use super::State;
use super::apply::apply;
use super::decide::{self, Decision, Step};
use super::object::{Kind, Location, ObjectKind, name};
use super::observe::Observed;
use super::problem::Problem;
use super::report::OwnReport;
use crate::issuer_name::IssuerName;
use crate::writer::Writer;

/// What is to be done, and what is known to be in order or impossible already.
#[derive(Debug, Default)]
pub(super) struct OwnPlan<'a> {
    pub(super) report: OwnReport,
    pub(super) steps: Vec<(Location, Step<'a>)>,
}

impl<'a> OwnPlan<'a> {
    /// There is nothing to be done.
    pub(super) fn of(report: OwnReport) -> Self {
        Self {
            report,
            steps: Vec::new(),
        }
    }

    /// What was decided about the objects, after what is reported already.
    pub(super) fn decided(mut report: OwnReport, decision: Decision<'a>) -> Self {
        let foreign = decision.foreign.iter().map(Problem::foreign);
        report.problems.extend(foreign);
        report.current = decision.current;
        Self {
            report,
            steps: decision.steps,
        }
    }
}

/// Decides what is done about the objects. Pure. `too_large` is the length of a bundle that no root
/// is added to.
pub(super) fn plan<'a>(
    (issuer, namespace): (&IssuerName, &str),
    observed: &Observed,
    state: &'a State,
    too_large: Option<usize>,
) -> OwnPlan<'a> {
    let own = match &observed.own {
        Ok(own) => own,
        Err(problem) => return OwnPlan::of(OwnReport::failed(problem.clone())),
    };
    let demand = observed.demand.own;
    let requires = |kind| demand.requires(kind, own.is_ours(kind));
    let mut report = OwnReport::default();
    if ObjectKind::ALL.into_iter().any(requires) {
        report.problems.extend(too_large.map(Problem::too_large));
    }
    let content = match state {
        State::Content(content) => Some(content),
        State::Nothing => None,
        State::AsIs => return OwnPlan::of(report),
    };
    let decision = decide::own(demand, own, content, |kind| Location {
        kind: Kind::Namespaced(kind),
        namespace: namespace.to_owned(),
        name: name(issuer),
        is_in_all_namespaces: issuer.kind.is_namespaced(),
    });
    OwnPlan::decided(report, decision)
}

/// Brings the objects up to date.
pub(super) async fn take(plan: OwnPlan<'_>, writer: &Writer) -> OwnReport {
    let mut report = plan.report;
    for (at, step) in plan.steps {
        if step.deletes() && !report.problems.is_empty() {
            // The object that takes its place is not there yet.
            break;
        }
        let taken = apply(&at, &step, writer).await;
        report.took(at, &step, taken);
    }
    report
}
