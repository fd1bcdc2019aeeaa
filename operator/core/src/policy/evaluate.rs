//! The rules of an issuer, in order: the first that allows the whole request decides.

use super::case::Case;
use super::requesters::{self, Pending, Subject};
use super::rule::{Requesters, Rule};
use super::{
    DEFAULT, Denial, Kind, Refusal, allowed_names, ca, delegate, identity, keys, lifetime,
    requesters::no_rule, usages,
};
use crate::spiffe::SpiffeId;

/// What a rule allows.
pub(super) struct Allowed<'a> {
    pub(super) rule: &'a Rule,
    pub(super) kind: Kind,
    pub(super) spiffe_id: Option<SpiffeId>,
}

/// How far a request came under a rule that its requester has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Identity,
    Names,
    Limits,
}

/// Why a rule does not allow a request.
struct Miss<'a> {
    rule: &'a Rule,
    stage: Stage,
    denial: Denial,
}

/// Returns what the first rule allows that allows the request.
///
/// A rule costs nothing but a comparison of requesters unless it is the requester's.
pub(super) fn evaluate<'a>(case: &'a Case<'a>) -> Result<Allowed<'a>, Refusal> {
    let mut closest: Option<Miss<'a>> = None;
    let mut pending: Option<Pending> = None;
    for rule in &case.policy.rules {
        let Some((subject, unknown)) = requesters::recognize(rule, case) else {
            continue;
        };
        match attempt(case, rule, &subject) {
            Ok((allowed, more)) => match unknown.or(more) {
                None => return Ok(allowed),
                Some(unknown) => pending = pending.or(Some(unknown)),
            },
            Err(miss) => {
                if closest.as_ref().is_none_or(|it| it.stage < miss.stage) {
                    closest = Some(miss);
                }
            }
        }
    }
    Err(match (pending, closest) {
        (Some(pending), _) => Refusal::Wait(pending.wait()),
        (None, Some(miss)) => Refusal::Deny(explain(miss, case)),
        (None, None) => Refusal::Deny(no_rule(case)),
    })
}

/// Returns what the rule allows, and the namespace whose labels are needed to be sure.
fn attempt<'a>(
    case: &'a Case<'a>,
    rule: &'a Rule,
    subject: &Subject<'a>,
) -> Result<(Allowed<'a>, Option<Pending>), Miss<'a>> {
    let at = |stage| {
        move |denial| Miss {
            rule,
            stage,
            denial,
        }
    };
    let mut unknown = None;
    let (kind, spiffe_id) = if case.request.raw.ca {
        identity::check_scope(case, subject).map_err(at(Stage::Identity))?;
        (ca::decide(case, rule).map_err(at(Stage::Limits))?, None)
    } else {
        let identity = match subject {
            Subject::Delegate(delegates) => delegate::decide(case, rule, delegates),
            subject => identity::decide(case, rule, subject),
        };
        let identity = identity.map_err(at(Stage::Identity))?;
        unknown = identity.pending;
        if !identity.is_agents_own {
            allowed_names::check(case, rule, &identity.bindings).map_err(at(Stage::Names))?;
        }
        (Kind::Leaf, identity.id)
    };
    usages::check_rule(case.request, rule, kind)
        .and_then(|()| keys::check(case.request, rule))
        .and_then(|()| lifetime::check_rule(case, rule))
        .map_err(at(Stage::Limits))?;
    let allowed = Allowed {
        rule,
        kind,
        spiffe_id,
    };
    Ok((allowed, unknown))
}

/// Adds the name of the closest rule, unless there is only the preset.
fn explain(miss: Miss<'_>, case: &Case<'_>) -> Denial {
    let Miss { rule, denial, .. } = miss;
    let denial = Denial {
        rule: Some(rule.name.clone()),
        ..denial
    };
    if case.policy.rules.iter().all(|rule| rule.name == DEFAULT) {
        return denial;
    }
    let kind = match rule.requesters {
        Requesters::Delegates(_) => "delegates",
        Requesters::ServiceAccounts { .. } => "ServiceAccounts",
        Requesters::Certificates(_) => "Certificates",
        Requesters::Pods(_) => "pods",
        Requesters::Anyone => "all requesters",
    };
    Denial {
        message: format!(
            "{} (closest rule: {}, for {kind})",
            denial.message, rule.name
        ),
        ..denial
    }
}
