//! What there is to know about an issuer, read from the API server and from its key.

use std::sync::Arc;

use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use signet_api::{CAGeneration, CertificateSource, IssuerSpec};
use signet_core::chain::{CaChain, ChainError};
use signet_core::request::ServiceAccount;
use signet_keys::{KeyConfig, KeyError, Secrets, Signer, connect};

use super::generation::{self, Generation};
use super::{Object, resource_namespace};
use crate::context::Context;
use crate::keyring::IssuerName;
use crate::secrets::{NamespaceSecrets, Snapshot};

/// How many generations are read at a time.
const PAGE: u32 = 50;

/// The facts of one round.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// Where its Secrets and CA generations are.
    pub(super) namespace: String,
    /// Oldest first.
    pub(super) generations: Vec<Generation>,
    pub(super) key: Result<Arc<dyn Signer>, KeyError>,
    /// The chain that stands beside an existing key.
    pub(super) beside: Option<Result<CaChain, ChainError>>,
    /// Whether a key may be made in this round.
    pub(super) may_make_key: bool,
    pub(super) cert_manager: ServiceAccount,
    pub(super) now: Timestamp,
}

impl Facts {
    /// An error of the key that may pass by itself.
    pub(super) fn transient_key_error(&self) -> Option<&KeyError> {
        self.key
            .as_ref()
            .err()
            .filter(|error| error.class.is_transient())
    }
}

/// Learns the facts.
///
/// The generations are read from the API server and not from a cache: that there is none decides
/// whether a key may be made.
pub(super) async fn learn<K: Object>(
    object: &K,
    name: &IssuerName,
    may_make_key: bool,
    context: &Context,
) -> Result<Facts, super::Error> {
    let spec = object.issuer_spec().clone();
    let namespace = resource_namespace(name, context).to_owned();
    let generations = generations(name, &namespace, context).await?;
    let secrets = Snapshot::of(NamespaceSecrets::new(context.client.clone(), &namespace));
    let key = connect(&spec.key, &secrets).await;
    let beside = match spec.certificate.source() {
        Some(CertificateSource::Existing) if key.is_ok() => beside(&spec.key, &secrets).await?,
        _ => None,
    };
    Ok(Facts {
        name: name.clone(),
        uid: object.uid().unwrap_or_default(),
        spec,
        namespace,
        generations,
        key,
        beside,
        may_make_key,
        cert_manager: context.settings.cert_manager.clone(),
        now: (context.now)(),
    })
}

/// The generations that matter: those whose certificates may still be valid, and the last one.
///
/// They are read page by page, since an issuer may have many that have ended, and each may be
/// large.
async fn generations(
    name: &IssuerName,
    namespace: &str,
    context: &Context,
) -> Result<Vec<Generation>, kube::Error> {
    let api: Api<CAGeneration> = Api::namespaced(context.client.clone(), namespace);
    let mine = format!(
        "spec.issuerRef.kind={},spec.issuerRef.name={}",
        name.kind, name.name
    );
    let mut page = ListParams::default().fields(&mine).limit(PAGE);
    let mut objects: Vec<CAGeneration> = Vec::new();
    loop {
        let listed = api.list(&page).await?;
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
    let mut generations: Vec<_> = objects.iter().map(generation::read).collect();
    generations.sort_by_key(|generation| generation.number);
    Ok(generations)
}

async fn beside(
    key: &KeyConfig,
    secrets: &dyn Secrets,
) -> Result<Option<Result<CaChain, ChainError>>, KeyError> {
    let Some(name) = key.certificate_secret() else {
        return Ok(None);
    };
    let data = secrets.read(name).await?.unwrap_or_default();
    let tls_crt = data.get("tls.crt").unwrap_or_default();
    Ok(Some(CaChain::from_pem(tls_crt, data.get("ca.crt"))))
}
