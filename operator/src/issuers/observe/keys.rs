//! Observes the keys of an issuer.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use signet_core::ca::lifecycle::View;
use signet_keys::{ErrorClass, KeyError};

use super::Sources;
use crate::connections::{Key, Role};
use crate::context::Context;
use crate::issuers::facts::Facts;
use crate::issuers::generation::Stored;
use crate::issuers::keys::{KeyReference, KeyReferences, Keys, compare, hint, references};
use crate::issuers::{Error, creation};
use crate::plan::made_for;

/// Returns for which issuer Signet created the key in the spec, if it did for one of this name.
/// Where there is a generation, that shows the same.
pub(super) async fn made_for_issuer(
    facts: &Facts,
    context: &Context,
) -> Result<Option<String>, Error> {
    let Some(to_make) = facts.spec.key.backend().provision() else {
        return Ok(None);
    };
    if !facts.generations.stored.is_empty() {
        return Ok(None);
    }
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &facts.namespace);
    let found = api.get_metadata_opt(&to_make.secret_name).await?;
    let annotations = found.and_then(|secret| secret.metadata.annotations);
    Ok(annotations.and_then(|found| made_for(&found, &facts.name)))
}

/// Connects to the keys, or checks them again, and compares them with the active generation's.
pub(super) async fn observe_keys(facts: &mut Facts, sources: &Sources<'_>) {
    let wanted = {
        let situation = facts.situation();
        references(&View::new(&situation), &facts.generations, &facts.spec)
    };
    let mut keys = connect(&wanted, facts, sources).await;
    let active = facts.active().cloned();
    if let (Some(active), Some(Ok(found))) = (&active, &keys.active)
        && is_on_another_server(active, found, facts)
    {
        // The reference is the same, and the key is not: the recorded server has it.
        let wanted = KeyReferences {
            active: Some(KeyReference {
                config: active.key.config.clone(),
                known: active.pin(),
            }),
            next: wanted.next.or(wanted.active),
        };
        keys = connect(&wanted, facts, sources).await;
    }
    let fingerprint = active
        .as_ref()
        .map(|active| active.key.fingerprint.as_str());
    let follows = facts.rotation.follows_existing || creation::starts_over(facts);
    let compared = compare(&keys, fingerprint, follows);
    facts.keys = keys;
    facts.key_state = compared.state;
    facts.active_key_gone = compared.active_is_gone;
    facts.key_replaced = compared.is_replaced;
}

fn is_on_another_server(active: &Stored, found: &Key, facts: &Facts) -> bool {
    found.fingerprint() != active.key.fingerprint
        && !facts.rotation.follows_existing
        && hint(&active.key.config) != hint(&facts.spec.key)
}

async fn connect(wanted: &KeyReferences, facts: &Facts, sources: &Sources<'_>) -> Keys {
    let connect = async |role, reference: &Option<KeyReference>| -> Option<Result<Key, KeyError>> {
        let reference = reference.as_ref()?;
        let connections = sources.connections;
        let issuer = (&facts.name, facts.uid.as_str());
        let parameters = (&reference.config, facts.spec.key_limits);
        let creates_key = reference.config == facts.spec.key && facts.creates_missing_key();
        let key = connections
            .key(
                issuer,
                role,
                parameters,
                &sources.access,
                &reference.known,
                creates_key,
            )
            .await;
        if let Err(error) = &key
            && !(creates_key && error.class == ErrorClass::KeyNotFound)
        {
            let backend = reference.config.backend().name();
            sources.metrics.key_error(backend, error.class);
        }
        Some(key)
    };
    let keys = Keys {
        active: connect(Role::Active, &wanted.active).await,
        next: connect(Role::Next, &wanted.next).await,
    };
    if wanted.next.is_none() {
        sources.connections.forget_role(&facts.name, Role::Next);
    }
    if wanted.active.is_none() {
        sources.connections.forget_role(&facts.name, Role::Active);
    }
    keys
}
