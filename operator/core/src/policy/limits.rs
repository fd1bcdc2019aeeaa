//! What the CA certificates above forbid: a certificate against it would verify nowhere.

use super::{Denial, IssuerPolicy};
use crate::ca::Forbidden;
use crate::reason::Reason;
use crate::x509::names::SubjectAltNames;
use crate::x509::usages::Usages;

/// Checks the subject, names and extended usages of a certificate that is otherwise allowed.
pub(super) fn check(
    policy: &IssuerPolicy,
    subject_der: &[u8],
    names: Option<&SubjectAltNames>,
    usages: &Usages,
) -> Result<(), Denial> {
    let outcome = policy.limits.check(subject_der, names, &usages.extended);
    outcome.map_err(|forbidden| {
        let reason = match forbidden {
            Forbidden::Usage { .. } => Reason::InvalidUsages,
            Forbidden::Name { .. } | Forbidden::TooManyNames => Reason::InvalidName,
        };
        reason.denial(forbidden.to_string())
    })
}
