//! The labels of namespaces, for rules that select by them.
//!
//! They are read one by one, when a rule needs them: an operator without such rules reads none, and
//! a cluster's thousands of namespaces are not in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use parking_lot::Mutex;
use signet_core::policy;

use crate::api_error::describe;
use crate::api_health::ApiHealth;

/// How long labels that were read are used: about as long as a watch may lag.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Beyond this many namespaces, those that are too old are dropped.
const MAX_CACHED: usize = 256;

type Labels = BTreeMap<String, String>;

/// Reads the labels of a namespace.
pub trait LabelSource: Debug + Send + Sync {
    /// Returns them; none if they cannot be read.
    fn read<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Option<Labels>>;
}

/// Labels that were read recently.
#[derive(Debug)]
pub struct NamespaceLabels<S> {
    source: S,
    recent: Mutex<HashMap<String, (Instant, Labels)>>,
}

impl<S: LabelSource> NamespaceLabels<S> {
    pub fn new(source: S) -> Self {
        Self {
            source,
            recent: Mutex::default(),
        }
    }
}

impl<S: LabelSource> LabelSource for NamespaceLabels<S> {
    fn read<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Option<Labels>> {
        async move {
            let recent = self.recent.lock().get(namespace).cloned();
            if let Some((at, labels)) = recent
                && at.elapsed() < MAX_AGE
            {
                return Some(labels);
            }
            let at = Instant::now();
            let labels = self.source.read(namespace).await?;
            let mut recent = self.recent.lock();
            if recent.len() >= MAX_CACHED {
                recent.retain(|_, (at, _)| at.elapsed() < MAX_AGE);
            }
            recent.insert(namespace.to_owned(), (at, labels.clone()));
            Some(labels)
        }
        .boxed()
    }
}

/// The API server.
pub struct Cluster {
    pub client: Client,
    pub health: Arc<ApiHealth>,
}

impl LabelSource for Cluster {
    fn read<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Option<Labels>> {
        async move {
            let api: Api<Namespace> = Api::all(self.client.clone());
            match api.get_metadata_opt(namespace).await {
                // A namespace that does not exist has no labels.
                Ok(found) => {
                    let found = found.and_then(|found| found.metadata.labels);
                    Some(found.unwrap_or_default())
                }
                Err(error) => {
                    if !self.health.tells(&error) {
                        let error = describe(&error);
                        tracing::warn!(error, namespace, "cannot read the labels of a namespace");
                    }
                    None
                }
            }
        }
        .boxed()
    }
}

impl Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

/// The labels that one decision knows. It records which others it needs.
#[derive(Debug, Default)]
pub struct KnownLabels {
    known: BTreeMap<String, Labels>,
    needed: Mutex<Option<String>>,
}

impl KnownLabels {
    /// Reads what the last decision needed and did not know. Returns whether it is known now, so
    /// that deciding again can lead further.
    pub async fn read_needed(&mut self, source: &dyn LabelSource) -> bool {
        let Some(namespace) = self.needed.get_mut().take() else {
            return false;
        };
        match source.read(&namespace).await {
            Some(labels) => self.known.insert(namespace, labels).is_none(),
            None => false,
        }
    }
}

impl policy::NamespaceLabels for KnownLabels {
    fn labels(&self, namespace: &str) -> Option<Labels> {
        let known = self.known.get(namespace).cloned();
        if known.is_none() {
            *self.needed.lock() = Some(namespace.to_owned());
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use signet_core::policy::NamespaceLabels as _;

    use super::*;

    /// Knows one namespace, and counts how often it is read.
    #[derive(Debug, Default)]
    struct Shop(AtomicUsize);

    impl LabelSource for Shop {
        fn read<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Option<Labels>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let labels = [("team".to_owned(), "shop".to_owned())].into();
            async move { (namespace == "shop").then_some(labels) }.boxed()
        }
    }

    #[tokio::test]
    async fn a_burst_reads_a_namespace_once() {
        let labels = NamespaceLabels::new(Shop::default());
        for _ in 0..100 {
            let labels = labels.read("shop").await.unwrap();
            assert_eq!(labels["team"], "shop");
        }
        assert_eq!(labels.source.0.load(Ordering::Relaxed), 1);
        assert_eq!(labels.read("bank").await, None);
        assert_eq!(labels.read("bank").await, None);
        let reads = labels.source.0.load(Ordering::Relaxed);
        assert_eq!(reads, 3, "what could not be read is read again");
    }

    #[tokio::test]
    async fn reads_what_a_decision_needed() {
        let source = Shop::default();
        let mut known = KnownLabels::default();
        assert!(!known.read_needed(&source).await, "nothing was needed");
        assert_eq!(known.labels("shop"), None);
        assert!(known.read_needed(&source).await);
        assert_eq!(known.labels("shop").unwrap()["team"], "shop");
        assert!(!known.read_needed(&source).await, "all is known");
        assert_eq!(known.labels("bank"), None);
        assert!(!known.read_needed(&source).await, "cannot be read");
    }
}
