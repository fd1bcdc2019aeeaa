//! Everything that was to be read in objects while the tests ran, also in those that are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use signet_api::external::certificate_request::CertificateRequest;
use signet_api::{CAGeneration, ClusterIssuer, Issuer, MeshCA};

/// By an object's kind and name, each text that it was.
type Texts = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

/// Watches what the operator writes: events, issuers, CA generations and requests.
#[derive(Clone, Debug, Default)]
pub struct WrittenTexts(Texts);

impl WrittenTexts {
    /// Watches from now on, on the tests' runtime.
    pub(crate) fn watch(client: &Client) -> Self {
        let written = Self::default();
        written.record::<v1::Event>(client);
        written.record::<Issuer>(client);
        written.record::<ClusterIssuer>(client);
        written.record::<MeshCA>(client);
        written.record::<CAGeneration>(client);
        written.record::<CertificateRequest>(client);
        written.record::<CertificateSigningRequest>(client);
        written
    }

    /// What was seen so far: an object's kind and name, and its text.
    pub fn texts(&self) -> Vec<(String, String)> {
        let texts = self.0.lock();
        let all = texts.iter().flat_map(|(place, texts)| {
            let of_place = texts.iter().map(|text| (place.clone(), text.clone()));
            of_place.collect::<Vec<_>>()
        });
        all.collect()
    }

    fn record<K>(&self, client: &Client)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send,
        K: Sync + 'static,
    {
        let (api, texts) = (Api::<K>::all(client.clone()), Arc::clone(&self.0));
        crate::runtime::runtime().spawn(async move {
            let mut events = watcher::watcher(api, watcher::Config::default()).boxed();
            while let Some(event) = events.next().await {
                let (Ok(Event::Apply(object)) | Ok(Event::InitApply(object))) = event else {
                    continue;
                };
                let place = format!("{} {}", K::kind(&()), object.name_any());
                let text = text(&object);
                let mut texts = texts.lock();
                texts.entry(place).or_default().insert(text);
            }
        });
    }
}

/// All of an object but what the tests have written themselves, and who wrote which field.
fn text<K: Serialize>(object: &K) -> String {
    let mut object = serde_json::to_value(object).unwrap_or_default();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("request");
    }
    object.to_string()
}
