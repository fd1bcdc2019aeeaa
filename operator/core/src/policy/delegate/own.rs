//! What belongs to an agent itself.

use const_oid::db::rfc4519::{COMMON_NAME, O};

use super::bounds;
use crate::policy::Denial;
use crate::policy::case::Case;
use crate::policy::identity::Identity;
use crate::policy::pattern::Bindings;
use crate::policy::rule::{Delegates, OwnNames};
use crate::reason::Reason;
use crate::request::csr::Csr;
use crate::spiffe::SpiffeId;
use crate::x509::names;

/// Returns the agent's own identity if the request is for the agent itself: it lists the agent's
/// own DNS names, no others, and no other ID.
pub(super) fn decide<'a>(
    case: &Case<'_>,
    delegates: &Delegates,
) -> Result<Option<Identity<'a>>, Denial> {
    let Some(own) = &delegates.own else {
        return Ok(None);
    };
    let id = own_id(case, own)?;
    if !has_only_own_names(&case.request.csr, own, id.as_ref()) {
        return Ok(None);
    }
    bounds::check_own(case, delegates, id.as_ref())?;
    Ok(Some(Identity {
        id,
        is_agents_own: true,
        ..Identity::default()
    }))
}

fn own_id(case: &Case<'_>, own: &OwnNames) -> Result<Option<SpiffeId>, Denial> {
    let Some(trust_domain) = &case.policy.trust_domain else {
        return Ok(None);
    };
    let segments = own.spiffe_id.fill(&Bindings::default());
    let id = segments.map(|segments| SpiffeId::from_segments(trust_domain, segments));
    id.transpose().map_err(|error| {
        Reason::IdentityNotAllowed.denial(format!(
            "the agent's own SPIFFE ID in the rule is not valid: {error}"
        ))
    })
}

fn has_only_own_names(csr: &Csr, own: &OwnNames, id: Option<&SpiffeId>) -> bool {
    let is_own = |name: &str| {
        let mut patterns = own.dns_names.iter();
        patterns.any(|pattern| pattern.matches(name, &Bindings::default(), false))
    };
    let Some(listed) = &csr.extensions.subject_alt_names else {
        return false;
    };
    let is_own_uri = |uri: &String| id.is_some_and(|id| id.to_string() == *uri);
    let has_no_other_kind =
        listed.emails().is_empty() && listed.ips().is_empty() && listed.others() == 0;
    let Ok(subject) = names::attributes(&csr.subject_der) else {
        return false;
    };
    !listed.dns().is_empty()
        && listed.dns().iter().all(|name| is_own(name))
        && listed.uris().iter().all(is_own_uri)
        && has_no_other_kind
        // The organization of no characters in Istio's CSRs names nothing.
        && (subject.iter()).all(|(oid, value)| {
            (*oid == COMMON_NAME && is_own(value)) || (*oid == O && value.is_empty())
        })
}
