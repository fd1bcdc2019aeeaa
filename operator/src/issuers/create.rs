//! Creates keys, roots and generations, before anything is signed under them.

use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use signet_core::ca::{CaCertificate, CaChain};
use signet_core::issue::SelfSigned;
use signet_core::issue::assemble_root;
use signet_keys::{ErrorClass, GeneratedKey, GuardedSigner, KeyError, Software};

use super::Error;
use super::facts::Facts;
use super::generation;
use super::reason::{IssuerReason, NotReady};
use crate::api_error::UNPROCESSABLE;
use crate::context::Context;
use crate::plan::managed_by;

pub(super) async fn key(facts: &Facts, to_make: &Software, context: &Context) -> Result<(), Error> {
    let namespace = facts.namespace.as_str();
    let name = to_make.secret_name.as_str();
    let key_type = to_make.key_type;
    let made = context
        .key_generation
        .run(&facts.name.namespace, move || GeneratedKey::new(key_type));
    let failed = |_| KeyError::new(ErrorClass::Unreachable, "generating the key failed");
    let key = made.await.map_err(failed)??;
    let (entry, pem) = key.secret_entry();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            // Without an owner, because a key outlives its issuer.
            labels: Some([managed_by()].into()),
            ..ObjectMeta::default()
        },
        string_data: Some([(entry.to_owned(), pem.to_owned())].into()),
        ..Secret::default()
    };
    if context.writer.create(namespace, &secret).await? {
        tracing::info!(namespace, secret = name, "created a CA key");
    }
    Ok(())
}

pub(super) async fn root(
    root: &SelfSigned,
    signer: &GuardedSigner,
    facts: &Facts,
    number: u32,
    context: &Context,
) -> Result<Result<(), NotReady>, Error> {
    match sign(root, signer, facts).await {
        Ok(root) => generation(&CaChain::from_root(root), facts, number, context).await,
        Err(not_ready) => Ok(Err(not_ready)),
    }
}

/// Stores a chain in a generation.
///
/// A chain that reads differently from there is refused: it would never be found again, and would be
/// stored in another generation each time.
pub(super) async fn generation(
    chain: &CaChain,
    facts: &Facts,
    number: u32,
    context: &Context,
) -> Result<Result<(), NotReady>, Error> {
    let object = generation::object(
        &facts.name,
        &facts.namespace,
        (&facts.spec.key, facts.pin()),
        chain,
        number,
    );
    let (copy, now) = (object.clone(), facts.now);
    let read = move || generation::read(&copy, now).chain;
    let stored = context
        .chain_parsing
        .run(&facts.name.namespace, read)
        .await?;
    if stored.as_ref() != Ok(chain) {
        return Ok(Err(unfit(
            "the CA certificate cannot be stored in a CAGeneration; leave out certificates that are \
             not part of its chain",
        )));
    }
    match context.writer.create(&facts.namespace, &object).await {
        Ok(_) => Ok(Ok(())),
        Err(kube::Error::Api(status)) if status.code == UNPROCESSABLE => {
            let message = format!(
                "the API server rejected the CAGeneration: {}",
                status.message
            );
            Ok(Err(unfit(&message)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn sign(
    root: &SelfSigned,
    signer: &GuardedSigner,
    facts: &Facts,
) -> Result<CaCertificate, NotReady> {
    let tbs = root
        .to_be_signed(signer.public_key(), signer.algorithm(), facts.now)
        .map_err(|error| IssuerReason::InvalidSpec.stalls(error.to_string()))?;
    let signature = signer
        .sign(&tbs)
        .await
        .map_err(|error| NotReady::from_key(&error))?;
    assemble_root(&tbs, &signature)
        .map_err(|error| IssuerReason::SignatureMismatch.waits(error.to_string()))
}

fn unfit(message: &str) -> NotReady {
    IssuerReason::InvalidCa.stalls(message)
}
