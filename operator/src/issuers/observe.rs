//! Reads an issuer's facts from the API server and from its key.

use std::sync::Arc;

use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use signet_api::{CAGeneration, IssuerKind, IssuerResource, IssuerSpec};
use signet_core::ca::{CaChain, ChainError};
use signet_keys::{Access, Addresses, ErrorClass, KeyError, KeyPin, Namespace, SecretData};

use super::Error;
use super::decide::key_to_create;
use super::facts::Facts;
use super::generation::{self, Generation};
use crate::connections::Key;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::namespace::IssuerNamespace;

/// The number of generations in one response.
const PAGE: u32 = 50;

/// The generations are read from the API server and not from a cache: a key may only be created if
/// there is none.
pub(super) async fn observe<K: IssuerResource>(
    object: &K,
    name: &IssuerName,
    may_create_key: bool,
    context: &Context,
) -> Result<Facts, Error> {
    let spec = object.issuer_spec().clone();
    let namespace = context.resource_namespace(name).to_owned();
    let (generations, kept) = {
        // Until they are parsed: their bytes take memory meanwhile.
        let _permit = context.reads.acquire(&name.namespace).await;
        generations(name, &namespace, context).await?
    };
    let uid = object.uid().unwrap_or_default();
    let access = access(name, &namespace, context);
    let ca = valid_over_this_key(&generations, &spec, (context.now)());
    let known = KeyPin {
        pin: ca.and_then(|ca| ca.key.pin.clone()),
        fingerprint: ca.map(|ca| ca.key.fingerprint.clone()),
    };
    let connections = &context.connections;
    let creates_key = may_create_key && key_to_create(&spec, &generations).is_some();
    let key = connections.key((name, &uid), &spec, &access, &known, creates_key);
    let key = key.await;
    if let Err(error) = &key
        && !(creates_key && error.class == ErrorClass::KeyNotFound)
    {
        let backend = spec.key.backend().name();
        context.metrics.key_error(backend, error.class);
    }
    // A key whose chain cannot be read cannot sign, and the status reports why.
    let (key, existing) = match with_existing(key, &spec, &access, context).await {
        Ok((key, existing)) => (Ok(key), existing),
        Err(error) => (Err(error), None),
    };
    Ok(Facts {
        name: name.clone(),
        uid,
        spec,
        namespace,
        generations,
        kept,
        key,
        existing,
        may_create_key,
        cert_manager: context.settings.cert_manager_service_account.clone(),
        now: (context.now)(),
    })
}

/// Returns the generations whose certificates may still be valid and the last one, and the number of
/// all. An issuer may have many that have expired, and each may be large.
async fn generations(
    name: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<(Vec<Generation>, usize), Error> {
    let api: Api<CAGeneration> = Api::namespaced(context.client.clone(), namespace);
    let issuer = format!(
        "spec.issuerRef.kind={},spec.issuerRef.name={}",
        name.kind, name.name
    );
    let mut page = ListParams::default().fields(&issuer).limit(PAGE);
    let mut objects: Vec<CAGeneration> = Vec::new();
    let mut kept = 0;
    loop {
        let listed = api.list(&page).await?;
        kept += listed.items.len();
        objects.extend(listed.items);
        let last = objects.iter().map(|object| object.spec.generation).max();
        let now = (context.now)();
        objects
            .retain(|object| Some(object.spec.generation) == last || now < object.spec.not_after.0);
        match listed.metadata.continue_ {
            Some(token) if !token.is_empty() => page = page.continue_token(&token),
            _ => break,
        }
    }
    let now = (context.now)();
    let generations = generation::read_each(objects, &name.namespace, now, &context.chain_parsing);
    Ok((generations.await?, kept))
}

fn access(name: &IssuerName, namespace: &str, context: &Context) -> Access {
    let (client, settings) = (context.client.clone(), &context.settings);
    let is_tenants = name.kind == IssuerKind::Issuer;
    let refused = context.api_server.clone().filter(|_| is_tenants);
    Access {
        namespace: Arc::new(IssuerNamespace::new(client, namespace, name)),
        tenant: is_tenants.then(|| name.namespace.clone()),
        ambient_credentials: match is_tenants {
            true => settings.issuer_ambient_credentials,
            false => settings.cluster_issuer_ambient_credentials,
        },
        addresses: match refused {
            Some(api_server) => Addresses::Outside { api_server },
            None => Addresses::Any,
        },
        modules: context.modules.clone(),
        signing: context.signing.clone(),
    }
}

/// Returns the last CA that is valid over the key of this reference.
fn valid_over_this_key<'a>(
    generations: &'a [Generation],
    spec: &IssuerSpec,
    now: Timestamp,
) -> Option<&'a Generation> {
    let mut newest_first = generations.iter().rev();
    newest_first.find(|ca| ca.key.config.same_key(&spec.key) && ca.is_alive(now))
}

/// Adds to a key the chain that exists over it, if the spec names one.
async fn with_existing(
    key: Result<Key, KeyError>,
    spec: &IssuerSpec,
    access: &Access,
    context: &Context,
) -> Result<(Key, Option<Result<CaChain, ChainError>>), KeyError> {
    let key = key?;
    let namespace = &*access.namespace;
    let Some(existing) = &spec.certificate.existing else {
        return Ok((key, None));
    };
    let data = match (&existing.secret_name, &existing.config_map_name) {
        (Some(name), _) => namespace.secret(name).await?.unwrap_or_default(),
        (None, Some(name)) => in_config_map(namespace, name).await?,
        (None, None) => match &key.colocated_secret {
            Some(data) => data.clone(),
            None => return Ok((key, None)),
        },
    };
    let now = (context.now)();
    let read = move || {
        let tls_crt = data.get("tls.crt").unwrap_or_default();
        CaChain::from_pem(tls_crt, data.get("ca.crt"), now)
    };
    let tenant = access.tenant.as_deref().unwrap_or_default();
    let chain = context.chain_parsing.run(tenant, read).await;
    let chain = chain.unwrap_or_else(|_| {
        let message = "reading it failed; the operator's log has the cause".to_owned();
        Err(ChainError::Unreadable { index: 1, message })
    });
    Ok((key, Some(chain)))
}

async fn in_config_map(namespace: &dyn Namespace, name: &str) -> Result<SecretData, KeyError> {
    let map = namespace.config_map(name).await?.unwrap_or_default();
    let bytes = map
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()));
    Ok(bytes.collect())
}
