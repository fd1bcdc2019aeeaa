//! What has to be done about revoked keys outside of this issuer. Pure.

use signet_api::{GenerationState, IssuerStatus};
use signet_core::ca::lifecycle::State;

use crate::issuers::facts::Facts;
use crate::issuers::generation::Stored;
use crate::plan::{PlannedEvent, truncate};
use crate::sharing::KeyUsers;

/// Returns the keys in `spec.rotation.revoked` over which a generation is.
pub(in crate::issuers) fn keys(facts: &Facts) -> Vec<String> {
    let mut keys: Vec<_> = revoked(facts)
        .map(|one| one.key.fingerprint.clone())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns which certificates parents must revoke, and which other issuers use the keys.
pub(super) fn notes(facts: &Facts, users: &[KeyUsers]) -> Vec<String> {
    let certificates = certificates(facts);
    let certificates = (!certificates.is_empty()).then(|| {
        format!(
            "have these certificates over revoked keys revoked by the CAs that issued them: {}",
            certificates.join("; ")
        )
    });
    let users = users.iter().map(KeyUsers::to_string);
    certificates.into_iter().chain(users).collect()
}

/// Returns the event if a key was revoked.
pub(super) fn event(
    facts: &Facts,
    (status, before): (&IssuerStatus, &IssuerStatus),
    users: &[KeyUsers],
) -> Option<PlannedEvent> {
    let is_revoked = |status: &IssuerStatus, number: u32| {
        let mut listed = status.ca.iter();
        listed.any(|ca| ca.generation == number && ca.state == GenerationState::Revoked)
    };
    let mut listed = status.ca.iter();
    let new = listed
        .find(|ca| is_revoked(status, ca.generation) && !is_revoked(before, ca.generation))?;
    let revoked = format!(
        "the key {} of {} is revoked, and nothing is signed with it any more",
        new.key_fingerprint, new.name
    );
    let notes = [vec![revoked], notes(facts, users)].concat();
    Some(PlannedEvent {
        warning: true,
        reason: "KeyRevoked",
        action: "Revoke",
        note: truncate(&notes.join("; ")),
    })
}

fn revoked(facts: &Facts) -> impl Iterator<Item = &Stored> {
    let stored = facts.generations.stored.iter();
    stored.filter(|one| facts.state(one) == State::Revoked)
}

/// Returns the certificates that have a parent and are still valid, each once. RFC 5280 5.3: a CRL
/// identifies them by issuer and serial number.
fn certificates(facts: &Facts) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    let issuing = revoked(facts).filter_map(|one| Some(one.chain.as_ref()?.issuing()));
    for ca in issuing.filter(|ca| !ca.is_self_signed() && facts.now < ca.not_after()) {
        let serial = hex::encode(ca.serial_number());
        let line = format!("serial number {serial} of {}", truncate(&ca.issuer()));
        if !listed.contains(&line) {
            listed.push(line);
        }
    }
    listed
}
