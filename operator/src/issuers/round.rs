//! One round: observe, decide, take a step, and again, until the facts call for no step.

use std::sync::Arc;

use signet_api::IssuerResource;
use signet_core::ca::lifecycle;
use signet_core::ca::lifecycle::table::Event;

use super::apply::apply;
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
}

/// Takes one step after another. After each observation, requests find the issuer as it is then.
pub(super) async fn round<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<Round, Error> {
    let mut activated = None;
    for step in 0..MAX_STEPS {
        let facts = observe(object, name, step == 0, context).await?;
        let mut decision = decide(&facts);
        connect_records(&facts, &decision, context);
        let Some(step) = decision.step.take() else {
            check_key(object, &facts, context)?;
            return Ok(Round {
                facts,
                decision,
                activated,
            });
        };
        check_key(object, &facts, context)?;
        publish(
            name,
            Version::of(object.meta()),
            &facts,
            &decision.outcome,
            context,
        );
        let activates = activation(&step);
        if let Err(impossible) = apply(step, &facts, context).await? {
            if decision.outcome.is_err() {
                decision.outcome = Err(impossible);
            }
            return Ok(Round {
                facts,
                decision,
                activated,
            });
        }
        activated = activates.or(activated);
    }
    let facts = observe(object, name, false, context).await?;
    let mut decision = decide(&facts);
    connect_records(&facts, &decision, context);
    if decision.outcome.is_err() {
        let conflict = "another writer is active; the issuer is reconciled again";
        decision.outcome = Err(IssuerReason::Progressing.waits(conflict));
    }
    Ok(Round {
        facts,
        decision,
        activated,
    })
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
