//! One step after another, until the issuer is as its spec says.

use super::create;
use super::decide::{Outcome, Step, decide};
use super::error::Error;
use super::facts::Facts;
use super::object::Object;
use super::observe::observe;
use super::reason::{IssuerReason, NotReady};
use crate::context::Context;
use crate::issuer_name::IssuerName;

/// More steps in one reconcile mean that another writer is active.
const MAX_STEPS: usize = 4;

/// Takes one step after another until the facts call for none.
pub(super) async fn converge<K: Object>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<(Facts, Outcome), Error> {
    let mut may_create_key = true;
    for _ in 0..MAX_STEPS {
        let facts = observe(object, name, may_create_key, context).await?;
        match decide(&facts) {
            Step::Done(outcome) => return Ok((facts, *outcome)),
            Step::CreateKey(key) => {
                create::key(&facts, &key, context).await?;
                // The error that the missing key caused is outdated.
                context.connections.forget(name);
                may_create_key = false;
            }
            Step::CreateRoot {
                root,
                signer,
                number,
            } => {
                let created = create::root(&root, &signer, &facts, number, context).await?;
                if let Err(not_ready) = created {
                    return Ok((facts, Outcome::NotReady(not_ready)));
                }
            }
            Step::Adopt { chain, number } => {
                let created = create::generation(&chain, &facts, number, context).await?;
                if let Err(not_ready) = created {
                    return Ok((facts, Outcome::NotReady(not_ready)));
                }
            }
        }
    }
    let facts = observe(object, name, false, context).await?;
    let conflict = NotReady::waits(
        IssuerReason::Progressing,
        "the CA is changing under another writer; it is looked at again",
    );
    Ok((facts, Outcome::NotReady(conflict)))
}
