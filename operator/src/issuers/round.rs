//! One round: observe, decide, take a step, and again, until the facts call for no step.

use std::sync::Arc;

use signet_api::IssuerResource;
use signet_core::ca::lifecycle;
use signet_core::ca::lifecycle::table::Event;

use super::apply::{Taken, apply};
use super::decide::{Decision, Step, decide};
use super::facts::Facts;
use super::observe::observe;
use super::reason::IssuerReason;
use super::records::GenerationRecord;
use super::{Error, publish};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::{IssuerLookup, Version};

/// More steps in one round mean that another writer is active.
const MAX_STEPS: usize = 12;

/// The state of an issuer after a round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) facts: Facts,
    pub(super) decision: Decision,
    /// The generation that was activated in this round.
    pub(super) activated: Option<u32>,
    /// The highest number that a generation had before the round, or 0.
    pub(super) highest_before: u32,
}

/// Takes one step after another. After each observation, requests find the issuer as it is then.
pub(super) async fn round<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<Round, Error> {
    let (mut activated, mut steps) = (None, 0);
    let mut highest_before = 0;
    loop {
        let facts = observe(object, name, steps == 0, context).await?;
        if steps == 0 {
            highest_before = facts.generations.highest_number;
        }
        let mut decision = decide(&facts);
        if steps == MAX_STEPS {
            give_up(&mut decision);
        }
        let activates = decision.step.as_ref().and_then(activation);
        let taken = take(object, &facts, &mut decision, context).await;
        let sent = taken.as_ref().ok().and_then(Taken::submission);
        context.memory.store(name, decision.remembered.after(sent));
        match taken? {
            Taken::Done | Taken::Submitted(_) => {
                activated = activates.or(activated);
                steps += 1;
                continue;
            }
            Taken::Impossible(why) if decision.outcome.is_err() => decision.outcome = Err(why),
            Taken::Impossible(_) | Taken::Nothing => {}
        }
        return Ok(Round {
            facts,
            decision,
            activated,
            highest_before,
        });
    }
}

/// Ends a round in which every step called for another.
fn give_up(decision: &mut Decision) {
    decision.step = None;
    if decision.outcome.is_err() {
        let conflict = "another writer is active; the issuer is reconciled again";
        decision.outcome = Err(IssuerReason::Progressing.waits(conflict));
    }
}

/// Takes the step of a decision, if it has one.
async fn take<K: IssuerResource>(
    object: &K,
    facts: &Facts,
    decision: &mut Decision,
    context: &Context,
) -> Result<Taken, Error> {
    connect_records(facts, decision, context);
    check_key(object, facts, context)?;
    let Some(step) = decision.step.take() else {
        return Ok(Taken::Nothing);
    };
    let version = Version::of(object.meta());
    publish(&facts.name, version, facts, &decision.outcome, context);
    apply(step, facts, context).await
}

/// An issuer stays ready until its key is known to be unavailable.
fn check_key<K: IssuerResource>(object: &K, facts: &Facts, context: &Context) -> Result<(), Error> {
    let version = Version::of(object.meta());
    let Some(error) = facts.transient_key_error() else {
        return Ok(());
    };
    let is_ready = matches!(
        context.keyring.find(&facts.name, Some(version)),
        IssuerLookup::Ready(_)
    );
    match is_ready && !context.connections.is_unavailable(&facts.name) {
        true => Err(error.clone().into()),
        false => Ok(()),
    }
}

pub(super) fn activation(step: &Step) -> Option<u32> {
    match step {
        Step::Lifecycle(lifecycle::Step::Record {
            number,
            event: Event::Activated,
            ..
        }) => Some(*number),
        _ => None,
    }
}

/// Lets requests raise the records of the generation that signs.
fn connect_records(facts: &Facts, decision: &Decision, context: &Context) {
    let Ok(ready) = &decision.outcome else {
        return;
    };
    if let Some(signing) = facts.generations.get(ready.number) {
        let record = GenerationRecord::new(
            facts.name.clone(),
            signing.version.clone(),
            context.writer.clone(),
            context.wakeups.clone(),
        );
        ready.records.connect(Arc::new(record));
    }
}
