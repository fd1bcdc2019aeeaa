//! Issuers, from their spec to what signs: everything but the API server is the product's own.

mod bundle;
mod commands;
mod creation;
mod deletion;
mod existing;
mod family;
mod gauges;
mod generation;
mod issuer_ref;
mod losses;
mod manual;
mod mesh_above;
mod mesh_keys;
mod missing;
mod profile;
mod requests;
mod roots;
mod rotation;
mod rules;
mod self_signed;
mod shell;
mod status;
mod submit;
mod vault_pki;
mod warnings;
mod world;

use signet_api::{GenerationRole, GenerationState, IssuerStatus, RotationSpec};

use super::outcome::Outcome;
use super::reason::IssuerReason;
use super::round::Round;
use crate::fixtures::{DAY, HOUR};
use crate::keyring::ReadyIssuer;
use world::World;

fn ready(round: &Round) -> &ReadyIssuer {
    round.decision.outcome.as_ref().unwrap()
}

/// Not ready for this reason, and a user has to change something.
#[track_caller]
fn stalls(round: &Round, reason: IssuerReason) -> String {
    refused(&round.decision.outcome, (reason, true))
}

/// Not ready for this reason, which may pass.
#[track_caller]
fn waits(round: &Round, reason: IssuerReason) -> String {
    refused(&round.decision.outcome, (reason, false))
}

#[track_caller]
fn refused(outcome: &Outcome, expected: (IssuerReason, bool)) -> String {
    let not_ready = outcome.as_ref().unwrap_err();
    assert_eq!(
        (not_ready.reason, not_ready.stalled),
        expected,
        "{not_ready:?}"
    );
    not_ready.message.clone()
}

/// The number, role and state of each generation in a status.
fn generations(status: &IssuerStatus) -> Vec<(u32, Option<GenerationRole>, GenerationState)> {
    let summary = status.ca.iter();
    summary
        .map(|ca| (ca.generation, ca.role, ca.state))
        .collect()
}

fn rotation(change: impl FnOnce(&mut RotationSpec)) -> impl FnOnce(&mut World) {
    |world| change(world.spec.rotation.get_or_insert_default())
}

/// The number of roots in the trust bundle.
fn roots(world: &World) -> usize {
    let bundle = world.status.bundle.as_deref().unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count()
}

/// A self-signed issuer that is ready and whose root lives for so many days.
async fn signing(days: i64) -> World {
    let mut world = World::self_signed(days * DAY);
    let round = world.reconcile().await;
    ready(&round);
    world
}
