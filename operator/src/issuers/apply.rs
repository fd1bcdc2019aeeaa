//! Takes a step: the only place that creates keys, and creates, changes and deletes generations.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use signet_api::{GenerationCertificate, GenerationKey, MeshCASpec};
use signet_core::ca::lifecycle::table::Event;
use signet_core::ca::lifecycle::{self, KeyState, NewGeneration};
use signet_core::ca::{Lifetimes, step_for};
use signet_core::issue::{Csr, IssueError};
use signet_keys::{ErrorClass, GeneratedKey, KeyError, Software};
use zeroize::Zeroizing;

use super::Error;
use super::creation;
use super::decide::{Step, Submit};
use super::facts::Facts;
use super::generation::{self, NewObject, Stored};
use super::observe::{Sources, parent_request};
use super::parents::{self, OwnRequest};
use super::profile;
use super::ready::lifetime;
use super::reason::{IssuerReason, NotReady};
use super::submission::Submission;
use crate::api_error::UNPROCESSABLE;
use crate::context::Context;
use crate::deadline::queued;
use crate::mesh::{MeshReason, NewKey};
use crate::plan::{issuer_annotations, managed_by};
use crate::writer::Recorded;

/// What became of a step.
#[derive(Debug)]
pub(super) enum Taken {
    /// The facts have changed, by this or by another writer.
    Done,
    /// A CSR was sent to the parent. How that went is a fact of the next round.
    Submitted(Arc<Submission>),
    Impossible(NotReady),
    /// There was no step.
    Nothing,
}

impl Taken {
    pub(super) const fn submission(&self) -> Option<&Arc<Submission>> {
        match self {
            Self::Submitted(submission) => Some(submission),
            Self::Done | Self::Impossible(_) | Self::Nothing => None,
        }
    }
}

/// Takes a step.
pub(super) async fn apply(step: Step, facts: &Facts, context: &Context) -> Result<Taken, Error> {
    let taken = match step {
        Step::CreateKey(to_make) => {
            if let Err(not_ready) = key(facts, &to_make, context).await? {
                return Ok(Taken::Impossible(not_ready));
            }
            // The error that the missing key caused is outdated.
            context.connections.forget(&facts.name);
            return Ok(Taken::Done);
        }
        Step::AddKey(key) => return Ok(taken(add_key(&key, facts, context).await)),
        Step::RemoveKeys(entries) => return Ok(taken(remove_keys(&entries, facts, context).await)),
        Step::Adopt => adopt(facts, context).await,
        Step::Inherit { number, roots } => match facts.generations.get(number) {
            Some(stored) => inherit(stored, &roots, context).await,
            None => Ok(()),
        },
        Step::Submit(submission) => {
            let sources = Sources::of(&facts.name, &facts.namespace, context);
            let sent = submit(submission, facts, &sources).await;
            return Ok(sent.map_or(Taken::Done, Taken::Submitted));
        }
        Step::Withdraw(own) => {
            let sources = Sources::of(&facts.name, &facts.namespace, context);
            let withdrawn = withdraw(&own, facts, &sources).await;
            return Ok(withdrawn.map_or_else(Taken::Impossible, |()| Taken::Done));
        }
        Step::Lifecycle(lifecycle::Step::Create(new)) => match csr(&new, facts).await {
            Ok(csr) => create(new, csr, facts, context).await,
            Err(not_ready) => return Ok(Taken::Impossible(not_ready)),
        },
        Step::Lifecycle(lifecycle::Step::Record { number, event, at }) => {
            let stored = facts.generations.get(number);
            match stored.and_then(|stored| Some((stored, change(stored, event, at, facts)?))) {
                Some((stored, change)) => record(stored, event, &change, context).await,
                None => Ok(()),
            }
        }
        Step::Lifecycle(lifecycle::Step::Delete(number)) => match facts.generations.get(number) {
            Some(stored) => context.writer.delete_generation(&stored.version).await,
            None => Ok(()),
        },
    };
    match taken {
        Ok(()) => Ok(Taken::Done),
        Err(kube::Error::Api(status)) if status.code == UNPROCESSABLE => {
            let rejected = IssuerReason::InvalidCa.stalls(format!(
                "the API server rejected the CAGeneration: {}",
                status.message
            ));
            Ok(Taken::Impossible(rejected))
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends a CSR to the parent; none if what the step was decided on is gone.
pub(super) async fn submit(
    step: Submit,
    facts: &Facts,
    sources: &Sources<'_>,
) -> Option<Arc<Submission>> {
    let parent = parents::of(&facts.spec)?;
    let generation = facts.generations.get(step.generation)?;
    let (csr, of) = (generation.csr.as_ref()?, facts.csr_of(generation)?);
    let request = parent_request(facts, sources);
    let result = parent.submit(csr, step.attempt, &request).await;
    let submission = Submission::new(of, facts.submission(), facts.now, result);
    Some(Arc::new(submission))
}

/// Deletes a request to the parent.
pub(super) async fn withdraw(
    own: &OwnRequest,
    facts: &Facts,
    sources: &Sources<'_>,
) -> Result<(), NotReady> {
    let Some(parent) = parents::of(&facts.spec) else {
        return Ok(());
    };
    parent.withdraw(own, &parent_request(facts, sources)).await
}

fn taken(result: Result<(), NotReady>) -> Taken {
    result.map_or_else(Taken::Impossible, |()| Taken::Done)
}

/// Adds a key to those of a MeshCA.
async fn add_key(key: &NewKey, facts: &Facts, context: &Context) -> Result<(), NotReady> {
    let Some(mesh) = &facts.mesh else {
        return Ok(());
    };
    if let Some(refusal) = mesh.keys.refusal() {
        let name = MeshCASpec::keys_secret_name(&facts.name.name);
        let reason = IssuerReason::Mesh(MeshReason::ForeignObject);
        return Err(reason.stalls(format!("the Secret {name} {refusal}")));
    }
    let added = mesh.keys.add(key, facts.owner(), context).await;
    added.map_err(|message| IssuerReason::Mesh(MeshReason::Failed).waits(message))?;
    let (issuer, entry) = (&facts.name, &key.entry);
    tracing::info!(%issuer, entry, "added a CA key");
    Ok(())
}

async fn remove_keys(entries: &[String], facts: &Facts, context: &Context) -> Result<(), NotReady> {
    let Some(mesh) = &facts.mesh else {
        return Ok(());
    };
    let removed = mesh.keys.remove(entries, facts.owner(), context).await;
    removed.map_err(|message| IssuerReason::Mesh(MeshReason::Failed).waits(message))?;
    let (issuer, entries) = (&facts.name, entries.join(", "));
    tracing::info!(%issuer, entries, "removed CA keys that are of no more use");
    Ok(())
}

async fn key(
    facts: &Facts,
    to_make: &Software,
    context: &Context,
) -> Result<Result<(), NotReady>, Error> {
    let namespace = facts.namespace.as_str();
    let name = to_make.secret_name.as_str();
    let key_type = to_make.key_type;
    let made = context
        .key_generation
        .run(&facts.name.namespace, move || GeneratedKey::new(key_type));
    let failed = |_| KeyError::new(ErrorClass::Unreachable, "generating the key failed");
    let key = queued(made).await.map_err(failed)??;
    if facts.mesh.is_some() {
        let new = NewKey {
            entry: key.subject_key_id(),
            pem: Zeroizing::new(key.pem().as_bytes().to_vec()),
        };
        return Ok(add_key(&new, facts, context).await);
    }
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            // Without an owner, because a key outlives its issuer.
            labels: Some([managed_by()].into()),
            annotations: Some(issuer_annotations(&facts.name, &facts.uid)),
            ..ObjectMeta::default()
        },
        string_data: Some([(to_make.entry().to_owned(), key.pem().to_owned())].into()),
        ..Secret::default()
    };
    if context.writer.create(namespace, &secret).await? {
        tracing::info!(namespace, secret = name, "created a CA key");
    }
    Ok(Ok(()))
}

async fn create(
    new: NewGeneration,
    csr: Option<String>,
    facts: &Facts,
    context: &Context,
) -> Result<(), kube::Error> {
    let Some(object) = new_object(new, csr, facts) else {
        return Ok(());
    };
    let object = generation::new(&facts.name, &facts.namespace, object);
    let created = context.writer.create(&facts.namespace, &object);
    created.await.map(drop)
}

/// Signs the CSR of a new generation; none if its source wants none, or its key is not there.
pub(super) async fn csr(new: &NewGeneration, facts: &Facts) -> Result<Option<String>, NotReady> {
    let Some(request) = parents::ca_request(new, facts)? else {
        return Ok(None);
    };
    let Some(key) = facts.keys.of(&new.key) else {
        return Ok(None);
    };
    let (public_key, algorithm) = (key.guard.public_key(), key.guard.algorithm());
    let invalid = |error: IssueError| IssuerReason::InvalidSpec.stalls(error.to_string());
    let to_sign = request
        .to_be_signed(public_key, algorithm)
        .map_err(invalid)?;
    let signature = key.guard.sign(&to_sign).await;
    let signature = signature.map_err(|error| NotReady::from_key(&error))?;
    let csr = Csr::assemble(&to_sign, &signature)
        .map_err(|error| IssuerReason::SignatureMismatch.waits(error.to_string()))?;
    Ok(Some(csr.pem().to_owned()))
}

/// Returns what a new generation consists of; none if what it takes over is gone.
pub(super) fn new_object(
    new: NewGeneration,
    csr: Option<String>,
    facts: &Facts,
) -> Option<NewObject> {
    let copied = match new.copy_of {
        Some(number) => Some(facts.generations.get(number)?),
        None => None,
    };
    Some(NewObject {
        number: new.number,
        key: key_of(&new, copied, facts)?,
        certificate: copied.and_then(copy),
        csr,
        purpose: new.purpose,
        trust_domain: facts
            .spec
            .spiffe
            .as_ref()
            .map(|spiffe| spiffe.trust_domain.clone()),
        prepared: facts.now,
        lifetimes: Lifetimes::default(),
        signs: false,
        inherited: None,
    })
}

async fn adopt(facts: &Facts, context: &Context) -> Result<(), kube::Error> {
    let Some(object) = adopted_object(facts) else {
        return Ok(());
    };
    let name = generation::object_name(&facts.name, object.number);
    let object = generation::new(&facts.name, &facts.namespace, object);
    if context.writer.create(&facts.namespace, &object).await? {
        tracing::warn!(issuer = %facts.name, name, "adopted a CA that had no CAGeneration");
    }
    Ok(())
}

/// Returns the generation over a CA certificate that was found. Its records are lost, so they have
/// what may have been granted at most.
pub(super) fn adopted_object(facts: &Facts) -> Option<NewObject> {
    let (new, offer) = creation::adopted(facts)?;
    let lifetime = lifetime(&offer.chain);
    let limits = profile::lifetimes(&facts.spec);
    let most = |max: Option<Duration>| Some(max.map_or(lifetime, |max| max.min(lifetime)));
    Some(NewObject {
        certificate: Some(generation::certificate(&offer.chain, offer.trust)),
        lifetimes: Lifetimes {
            leaf: most(limits.max_leaf),
            // A mesh signs leaves; the CA that SPIRE signs counts as one.
            ca: most(limits.max_ca).filter(|_| facts.mesh.is_none()),
        },
        // The mesh signs with it.
        signs: facts.mesh.is_some(),
        inherited: creation::inherited_with(facts),
        ..new_object(new, None, facts)?
    })
}

async fn inherit(stored: &Stored, roots: &str, context: &Context) -> Result<(), kube::Error> {
    let change = json!({ "inheritedRoots": roots });
    context.writer.record(&stored.version, &change).await?;
    Ok(())
}

/// Returns the key as the spec names it, if that is the key; otherwise as it was recorded.
fn key_of(new: &NewGeneration, copied: Option<&Stored>, facts: &Facts) -> Option<GenerationKey> {
    let of_spec = facts.keys.of(&new.key).filter(|_| {
        facts.key_state == KeyState::Found(new.key.clone())
            && new.purpose.key_name == facts.rotation.key_name
            && new.purpose.rollback_to.is_none()
    });
    if let Some(key) = of_spec {
        return Some(GenerationKey {
            config: facts.spec.key.clone(),
            pin: key.pin.clone(),
            fingerprint: new.key.clone(),
        });
    }
    let mut newest_first = facts.generations.stored.iter().rev();
    let same_key = || newest_first.find(|one| one.key.fingerprint == new.key);
    copied.or_else(same_key).map(|stored| stored.key.clone())
}

fn copy(stored: &Stored) -> Option<GenerationCertificate> {
    let chain = stored.chain.as_ref()?;
    Some(generation::certificate(chain, stored.trust?))
}

/// Returns the change of a generation's spec that records a transition.
pub(super) fn change(
    stored: &Stored,
    event: Event,
    at: jiff::Timestamp,
    facts: &Facts,
) -> Option<Value> {
    match event {
        Event::Certified => {
            let offer = facts.offer.as_ref()?.as_ref().ok()?;
            let certificate = generation::certificate(&offer.chain, offer.trust);
            Some(json!({ "certificate": certificate }))
        }
        Event::Activated => {
            let mut change = generation::fact(event, at)?;
            let max = profile::lifetimes(&facts.spec).max_leaf;
            let ca = lifetime(stored.chain.as_ref()?);
            let leaf = step_for(facts.rotation.default_leaf, max, ca);
            let recorded = stored.facts.lifetimes.leaf.unwrap_or_default().max(leaf);
            change["longestLeafSeconds"] = json!(recorded.as_secs());
            Some(change)
        }
        _ => generation::fact(event, at),
    }
}

async fn record(
    stored: &Stored,
    event: Event,
    change: &Value,
    context: &Context,
) -> Result<(), kube::Error> {
    if let Recorded::At(_) = context.writer.record(&stored.version, change).await? {
        tracing::info!(
            namespace = stored.version.namespace,
            name = stored.name(),
            event = event.as_str(),
            "changed a CAGeneration"
        );
    }
    Ok(())
}
