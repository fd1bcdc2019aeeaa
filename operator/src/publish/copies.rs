//! The copies of a ClusterIssuer's bundle in other namespaces.

use futures::{FutureExt, StreamExt, stream};

use super::apply::apply;
use super::decide::{self, Decision, Step};
use super::demand::Demand;
use super::object::{Kind, Location, ObjectKind, name};
use super::problem::Problem;
use super::report::CopiesReport;
use super::{State, observe};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::writer::Writer;

/// The maximum number of copies that are written in one reconcile, so that the issuer's status does
/// not wait for thousands.
const MAX_STEPS: usize = 200;

/// The number of copies that are written concurrently.
const CONCURRENT: usize = 8;

/// Brings the copies up to date.
pub(super) async fn publish(
    issuer: &IssuerName,
    demand: &Demand,
    state: &State,
    context: &Context,
) -> CopiesReport {
    if demand.selector.is_none() && !demand.finds_old_copies {
        return CopiesReport::default();
    }
    match decide(issuer, demand, state, context).await {
        Ok(decision) => take(decision, issuer, context).await,
        Err(problem) => CopiesReport::failed(problem),
    }
}

async fn decide<'a>(
    issuer: &IssuerName,
    demand: &Demand,
    state: &'a State,
    context: &Context,
) -> Result<Decision<'a>, Problem> {
    let content = match state {
        State::Content(content) => Some(content),
        State::Nothing => None,
        State::AsIs => return Ok(Decision::default()),
    };
    let selected = match &demand.selector {
        Some(selector) => observe::selected(selector, issuer, context)
            .await
            .map_err(|error| Problem::list("namespaces", &error))?,
        None => Vec::new(),
    };
    let found = observe::copies(issuer, context).await;
    let found = found.map_err(|error| Problem::list(ObjectKind::ConfigMap.plural(), &error))?;
    let locate = |namespace: &str| Location {
        kind: Kind::Namespaced(ObjectKind::ConfigMap),
        namespace: namespace.to_owned(),
        name: name(issuer),
        is_in_all_namespaces: true,
    };
    Ok(decide::copies(&selected, &found, content, locate))
}

async fn take(decision: Decision<'_>, issuer: &IssuerName, context: &Context) -> CopiesReport {
    let required = decision.required;
    let foreign = decision.foreign.iter().map(Problem::foreign);
    let mut problems: Vec<_> = decision.foreign.iter().cloned().zip(foreign).collect();
    let second = (context.now)().as_second().unsigned_abs();
    let (steps, left) = decision.round(MAX_STEPS, usize::try_from(second).unwrap_or_default());
    let taken = steps.len();
    let writes = steps
        .into_iter()
        .map(|(at, step)| write(at, step, &context.writer).boxed());
    let mut written = stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(CONCURRENT);
    let mut failed = Vec::new();
    while let Some(problem) = written.next().await {
        failed.extend(problem);
    }
    if left > 0 && failed.len() < taken {
        context.wakeups.wake_issuer(issuer);
    }
    problems.extend(failed);
    problems.sort_by(|(one, _), (other, _)| one.cmp(other));
    CopiesReport {
        required,
        problems: problems.into_iter().map(|(_, problem)| problem).collect(),
        left,
    }
}

async fn write(at: Location, step: Step<'_>, writer: &Writer) -> Option<(Location, Problem)> {
    let problem = apply(&at, &step, writer).await.err()?;
    Some((at, problem))
}
