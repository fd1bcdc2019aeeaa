//! One step after another, until the issuer is as its spec says.

use std::sync::Arc;

use signet_api::IssuerResource;

use super::decide::{Outcome, Step, decide};
use super::facts::Facts;
use super::observe::observe;
use super::reason::{IssuerReason, NotReady};
use super::{Error, create};
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::keyring::ReadyIssuer;

/// More steps in one reconcile mean that another writer is active.
const MAX_STEPS: usize = 4;

/// Takes one step after another until the facts call for none.
pub(super) async fn converge<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<(Facts, Outcome), Error> {
    for step in 0..MAX_STEPS {
        let facts = observe(object, name, step == 0, context).await?;
        let taken = match decide(&facts) {
            Ok(step) => take(step, &facts, context).await?,
            Err(not_ready) => Err(not_ready),
        };
        if let Some(outcome) = taken.transpose() {
            return Ok((facts, outcome));
        }
    }
    let facts = observe(object, name, false, context).await?;
    let conflict =
        IssuerReason::Progressing.waits("another writer is active; the issuer is reconciled again");
    Ok((facts, Err(conflict)))
}

/// Takes a step. Returns the issuer if it is ready, or none if the facts have changed.
async fn take(
    step: Step,
    facts: &Facts,
    context: &Context,
) -> Result<Result<Option<Arc<ReadyIssuer>>, NotReady>, Error> {
    let taken = match step {
        Step::Ready(ready) => return Ok(Ok(Some(ready))),
        Step::CreateKey(key) => {
            create::key(facts, &key, context).await?;
            // The error that the missing key caused is outdated.
            context.connections.forget(&facts.name);
            Ok(())
        }
        Step::CreateRoot {
            root,
            signer,
            number,
        } => create::root(&root, &signer, facts, number, context).await?,
        Step::Adopt { chain, number } => create::generation(&chain, facts, number, context).await?,
    };
    Ok(taken.map(|()| None))
}
