//! Reconciles `Issuer` and `ClusterIssuer`: one body for both kinds.
//!
//! Each round learns the facts ([`facts`]), decides on one step ([`decide`], pure), takes it, and
//! starts over until there is nothing left to take. What is decided about the status is written
//! once, at the end.

mod decide;
mod facts;
mod generation;
mod reason;
mod status;
pub mod watch;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::{NamespaceResourceScope, ObjectMeta};
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use signet_api::{IssuerKind, IssuerResource};
use signet_core::chain::assemble_root;
use signet_keys::{GeneratedKey, KeyError, KeyToMake, Signer};

use crate::apply::{Created, Plan, Written};
use crate::context::{Context, DEADLINE};
use crate::keyring::{Found, IssuerName, Loaded, State, Version};
use decide::{Outcome, Step, decide};
use facts::Facts;
use reason::{IssuerReason, NotReady};

/// More steps than these in one round mean that two writers are at odds.
const MOST_STEPS: usize = 4;

/// Something outside of the issuer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer or did not take a write.
    #[error("the API server did not answer: {0}")]
    Api(#[from] kube::Error),
    /// The key of an issuer that can sign did not answer just now.
    #[error("the key did not answer: {0}")]
    Key(#[from] KeyError),
    /// It took too long.
    #[error("the issuer was not looked at in time")]
    Deadline(#[from] tokio::time::error::Elapsed),
}

/// An issuer of either kind, as the API server has it.
pub trait Object:
    IssuerResource + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync
{
    /// The handle for writing its status.
    fn api(client: Client, namespace: &str) -> Api<Self>;
}

impl Object for signet_api::Issuer {
    fn api(client: Client, namespace: &str) -> Api<Self> {
        namespaced(client, namespace)
    }
}

impl Object for signet_api::ClusterIssuer {
    fn api(client: Client, _: &str) -> Api<Self> {
        Api::all(client)
    }
}

fn namespaced<K>(client: Client, namespace: &str) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(client, namespace)
}

/// The full name of an issuer.
pub fn name_of<K: Object>(object: &K) -> IssuerName {
    IssuerName {
        kind: K::KIND,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// Looks at one issuer.
///
/// # Errors
/// The API server did not answer, or it took too long.
pub async fn reconcile<K: Object>(object: Arc<K>, context: Arc<Context>) -> Result<Action, Error> {
    let _in_flight = context.health.begin();
    tokio::time::timeout(DEADLINE, look_at(&*object, &context)).await?
}

/// Decides when an issuer that could not be looked at is looked at again.
pub fn error_policy<K: Object>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    let wait = context.attempts.failed(&object.uid().unwrap_or_default());
    let wait = wait.min(context.settings.issuer_resync);
    tracing::warn!(%error, issuer = %name_of(&*object), "will be looked at again in {} s", wait.as_secs());
    Action::requeue(wait)
}

async fn look_at<K: Object>(object: &K, context: &Context) -> Result<Action, Error> {
    let name = name_of(object);
    let version = Version::of(object.meta());
    let (facts, outcome) = settle(object, &name, context).await?;
    if let Some(error) = facts.transient_key_error()
        && matches!(
            context.keyring.find(&name, Some(version.clone())),
            Found::Known(State::Ready(_))
        )
    {
        // It could sign a moment ago; a Secret that cannot be read just now takes that from
        // nobody.
        return Err(error.clone().into());
    }
    let plan = status::plan(object, &facts, &outcome);
    let api = K::api(context.client.clone(), &name.namespace);
    if plan != Plan::default()
        && context.writer.carry_out(&api, object, plan).await? == Written::Conflict
    {
        // What changed need not be the spec, and only that sets off another look.
        context.metrics.conflict();
        let uid = object.uid().unwrap_or_default();
        return Ok(Action::requeue(context.attempts.failed(&uid)));
    }
    publish(&name, version, &facts, &outcome, context);
    Ok(Action::requeue(again(object.meta(), &outcome, context)))
}

/// Takes step after step until the facts call for none.
async fn settle<K: Object>(
    object: &K,
    name: &IssuerName,
    context: &Context,
) -> Result<(Facts, Outcome), Error> {
    let mut may_make_key = true;
    for _ in 0..MOST_STEPS {
        let facts = facts::learn(object, name, may_make_key, context).await?;
        match decide(&facts) {
            Step::Done(outcome) => return Ok((facts, *outcome)),
            Step::MakeKey(key) => {
                make_key(&facts.namespace, &key, context).await?;
                may_make_key = false;
            }
            Step::MakeRoot {
                root,
                signer,
                number,
            } => {
                let chain = match sign_root(&root, &*signer, &facts).await {
                    Ok(root) => signet_core::chain::CaChain::from_root(root),
                    Err(not_ready) => return Ok((facts, Outcome::NotReady(not_ready))),
                };
                let generation = generation::object(&facts, &chain, number);
                context
                    .writer
                    .create_generation(&facts.namespace, &generation)
                    .await?;
            }
            Step::Adopt { chain, number } => {
                let generation = generation::object(&facts, &chain, number);
                context
                    .writer
                    .create_generation(&facts.namespace, &generation)
                    .await?;
            }
        }
    }
    let facts = facts::learn(object, name, false, context).await?;
    let unsettled = NotReady::waits(
        IssuerReason::Progressing,
        "the CA is changing under another writer; it is looked at again",
    );
    Ok((facts, Outcome::NotReady(unsettled)))
}

async fn make_key(namespace: &str, to_make: &KeyToMake, context: &Context) -> Result<(), Error> {
    let name = to_make.secret_name.as_str();
    let key = GeneratedKey::new(to_make.key_type)?;
    let (entry, pem) = key.secret_entry();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            // No owner: a key outlives the issuer that it was made for.
            labels: Some([managed_by()].into()),
            ..ObjectMeta::default()
        },
        string_data: Some([(entry.to_owned(), pem.to_owned())].into()),
        ..Secret::default()
    };
    if context.writer.create_key_secret(namespace, &secret).await? == Created::Done {
        tracing::info!(namespace, secret = name, "a CA key was made");
    }
    Ok(())
}

fn managed_by() -> (String, String) {
    (
        "app.kubernetes.io/managed-by".to_owned(),
        "signet".to_owned(),
    )
}

async fn sign_root(
    root: &signet_core::template::SelfSigned,
    signer: &dyn Signer,
    facts: &Facts,
) -> Result<signet_core::chain::CaCertificate, NotReady> {
    let tbs = root
        .to_be_signed(signer.public_key(), signer.algorithm(), facts.now)
        .map_err(|error| NotReady::stalls(IssuerReason::InvalidSpec, error.to_string()))?;
    let signature = signer
        .sign(&tbs)
        .await
        .map_err(|error| NotReady::from_key(&error))?;
    assemble_root(&tbs, &signature)
        .map_err(|error| NotReady::waits(IssuerReason::SignatureMismatch, error.to_string()))
}

/// Lets requests see what was found.
fn publish(
    name: &IssuerName,
    version: Version,
    facts: &Facts,
    outcome: &Outcome,
    context: &Context,
) {
    let state = match outcome {
        Outcome::Ready(ready) => {
            context
                .metrics
                .issuer(name, Some(ready.chain.not_after().as_second()));
            State::Ready(Arc::new(Loaded {
                rules: ready.rules.clone(),
                chain: ready.chain.clone(),
                signer: ready.signer.clone(),
                bundle: status::bundle(facts),
                backend: facts.spec.key.backend(),
            }))
        }
        Outcome::NotReady(not_ready) => {
            context.metrics.issuer(name, None);
            State::NotReady(not_ready.message.clone())
        }
    };
    context.keyring.put(name, version, state);
}

/// An issuer that is ready is looked at again to see a Secret that changed or a CA that ends;
/// one that is not, sooner, with back-off.
fn again(meta: &ObjectMeta, outcome: &Outcome, context: &Context) -> std::time::Duration {
    let uid = meta.uid.as_deref().unwrap_or_default();
    let resync = context.settings.issuer_resync;
    match outcome {
        Outcome::Ready(ready) => {
            context.attempts.done(uid);
            let left = ready.chain.not_after().duration_since((context.now)());
            resync
                .min(left.try_into().unwrap_or_default())
                .max(std::time::Duration::from_secs(1))
        }
        Outcome::NotReady(_) => context.attempts.failed(uid).min(resync),
    }
}

/// Where the Secrets and CA generations of an issuer are.
pub fn resource_namespace<'a>(name: &'a IssuerName, context: &'a Context) -> &'a str {
    match name.kind {
        IssuerKind::Issuer => &name.namespace,
        IssuerKind::ClusterIssuer => &context.settings.cluster_resource_namespace,
    }
}
