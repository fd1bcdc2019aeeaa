//! Which identities an agent may request for others, and which is its own.

mod bounds;
mod own;

pub(super) use bounds::is_reserved;

use super::Denial;
use super::case::Case;
use super::identity::{self, Identity};
use super::pattern::{Bindings, PathPattern};
use super::rule::{Delegates, Rule};
use crate::reason::Reason;
use crate::spiffe::SpiffeId;

/// Decides the SPIFFE ID of a leaf that an agent requests.
///
/// An agent may be compromised or confused, so the rule that names it is bounded by what no rule
/// gives to a delegate ([`bounds`]).
pub(super) fn decide<'a>(
    case: &'a Case<'a>,
    rule: &'a Rule,
    delegates: &'a Delegates,
) -> Result<Identity<'a>, Denial> {
    if let Some(own) = own::decide(case, delegates)? {
        return Ok(own);
    }
    bounds::check_single_id(case)?;
    let Some(id) = &case.listed else {
        return without_id(case, delegates);
    };
    let bindings = bindings(id);
    check_listed(case, rule, &bindings, id)?;
    let pending = bounds::check(case, rule, delegates, id)?;
    Ok(Identity {
        id: case.policy.trust_domain.as_ref().map(|_| id.clone()),
        bindings,
        pending,
        is_agents_own: false,
    })
}

/// `/ns/<n>/…` is an identity of namespace n, and exactly `/ns/<n>/sa/<s>` that of a ServiceAccount.
pub(super) fn bindings(id: &SpiffeId) -> Bindings<'_> {
    let mut segments = id.segments();
    let first = [(); 5].map(|()| segments.next());
    let (namespace, service_account) = match first {
        [Some("ns"), Some(namespace), Some("sa"), Some(account), None] => {
            (Some(namespace), Some(account))
        }
        [Some("ns"), namespace, ..] => (namespace, None),
        _ => (None, None),
    };
    Bindings {
        namespace,
        service_account,
        certificate: None,
    }
}

/// In a trust domain the ID must match a pattern. Patterns of meshes with IDs of another form (Open
/// Service Mesh has `/*/sidecar/*/*`) must not match those of namespaces by chance. Elsewhere it is a
/// URI like others, which is compared with the lists of names.
fn check_listed(
    case: &Case<'_>,
    rule: &Rule,
    bindings: &Bindings<'_>,
    id: &SpiffeId,
) -> Result<(), Denial> {
    let Some(trust_domain) = &case.policy.trust_domain else {
        return Ok(());
    };
    let is_match = |pattern: &&PathPattern| {
        id.trust_domain() == trust_domain && pattern.matches(id.segments(), bindings)
    };
    let by_chance =
        |pattern: &PathPattern| bindings.namespace.is_some() && pattern.begins_with_wildcard();
    let patterns = rule.allow.spiffe_ids.patterns.iter();
    let matching: Vec<_> = patterns.filter(is_match).collect();
    if matching.is_empty() {
        return Err(Reason::IdentityNotAllowed.denial(format!(
            "{} is allowed to request {}, not {id}",
            case.who(),
            identity::allowed_ids(rule, &Bindings::default(), trust_domain)
        )));
    }
    if matching.into_iter().all(by_chance) {
        return Err(Reason::IdentityNotAllowed.denial(format!(
            "{id} begins with /ns/, and a delegate gets such an ID only by a pattern that does too"
        )));
    }
    Ok(())
}

/// Nothing is added to what an agent requests for others.
fn without_id<'a>(case: &Case<'_>, delegates: &Delegates) -> Result<Identity<'a>, Denial> {
    if case.policy.trust_domain.is_some() {
        return Err(Reason::IdentityNotAllowed.denial(format!(
            "the request names no identity, and {} requests for others, so that none is added; \
             list a SPIFFE ID in the CSR",
            case.who()
        )));
    }
    bounds::check_without_id(case, delegates)?;
    Ok(Identity::default())
}
