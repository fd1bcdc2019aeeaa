//! Reads an issuer's CA generations from the API server.

use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use signet_api::CAGeneration;
use signet_core::ca::Generation;
use signet_keys::BlockingQueue;
use tokio::task::JoinError;

use super::Error;
use super::generation::{Stored, Unreadable, number_in_name, object_name, read};
use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::pages;

/// The number of generations in one response.
const PAGE: u32 = 50;
/// The maximum number of generations that are read. Signet deletes those that have ended; of more
/// than these, the newest are read.
const MAX_GENERATIONS: usize = 256;

/// The generations of an issuer, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Generations {
    pub(super) stored: Vec<Stored>,
    /// The facts of each, as the lifecycle borrows them.
    pub(super) facts: Vec<Generation>,
    pub(super) unreadable: Vec<Unreadable>,
    /// The highest number that any object has in its name.
    pub(super) highest_number: u32,
}

impl Generations {
    pub(super) fn new(
        mut stored: Vec<Stored>,
        unreadable: Vec<Unreadable>,
        highest_number: u32,
    ) -> Self {
        stored.sort_by_key(Stored::number);
        Self {
            facts: stored.iter().map(|one| one.facts.clone()).collect(),
            stored,
            unreadable,
            highest_number,
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&Stored> {
        self.stored.iter().find(|one| one.number() == number)
    }
}

/// The generations are read from the API server and not from a cache: another CA may only be
/// created if there is none.
///
/// An object that does not match the schema, or whose name is not that of its number, is skipped.
pub(super) async fn generations(
    name: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<Generations, Error> {
    // Until they are parsed: their bytes take memory meanwhile.
    let _permit = queued(context.reads.acquire(&name.namespace)).await;
    let (objects, highest_number) = list(name, namespace, context).await?;
    let now = (context.now)();
    let read = read_each(objects, &name.namespace, now, &context.chain_parsing).await?;
    let (mut stored, mut unreadable) = (Vec::new(), Vec::new());
    for one in read {
        match one {
            Ok(one) => stored.push(one),
            Err(one) => unreadable.push(one),
        }
    }
    Ok(Generations::new(stored, unreadable, highest_number))
}

/// Reads generations. Each waits in the queue for its own turn: a tenant may have many, with chains
/// that take long to verify.
pub(super) async fn read_each(
    objects: Vec<CAGeneration>,
    namespace: &str,
    now: Timestamp,
    queue: &BlockingQueue,
) -> Result<Vec<Result<Stored, Unreadable>>, JoinError> {
    let mut generations = Vec::with_capacity(objects.len());
    for object in objects {
        generations.push(queued(queue.run(namespace, move || read(&object, now))).await?);
    }
    Ok(generations)
}

/// Returns what selects the generations of an issuer in its namespace, and the first page of them.
pub(crate) fn generations_of(issuer: &IssuerName) -> ListParams {
    let IssuerName { kind, name, .. } = issuer;
    let selector = format!("spec.issuerRef.kind={kind},spec.issuerRef.name={name}");
    ListParams::default().fields(&selector).limit(PAGE)
}

async fn list(
    name: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<(Vec<CAGeneration>, u32), Error> {
    let api: Api<DeserializeGuard<CAGeneration>> =
        Api::namespaced(context.client.clone(), namespace);
    let mut page = Some(generations_of(name));
    let mut objects: Vec<CAGeneration> = Vec::new();
    let mut highest_number = 0;
    while let Some(params) = page {
        let listed = api.list(&params).await?;
        for guarded in listed.items {
            let (number, object) = well_formed(name, guarded);
            highest_number = highest_number.max(number.unwrap_or_default());
            objects.extend(object);
        }
        objects.sort_by_key(|object| std::cmp::Reverse(object.spec.generation));
        objects.truncate(MAX_GENERATIONS);
        page = pages::next(params, &listed.metadata);
    }
    Ok((objects, highest_number))
}

/// Returns the number in an object's name, and the object if it is well-formed.
fn well_formed(
    issuer: &IssuerName,
    object: DeserializeGuard<CAGeneration>,
) -> (Option<u32>, Option<CAGeneration>) {
    match object.0 {
        Ok(object) => {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            let is_named = name == object_name(issuer, object.spec.generation);
            if !is_named {
                tracing::warn!(%issuer, name, "skipped a CAGeneration whose name is not that of its number");
            }
            (number_in_name(issuer, name), is_named.then_some(object))
        }
        Err(error) => {
            let name = error.metadata.name.unwrap_or_default();
            tracing::warn!(%issuer, name, error = error.error, "skipped a CAGeneration that does not match the schema");
            (number_in_name(issuer, &name), None)
        }
    }
}
