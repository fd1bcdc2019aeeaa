//! A stand-in for what istiod shows of its roots, on a control plane without istiod. The real one
//! is in the tests about meshes.

use std::pin::pin;

use anyhow::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use serde_json::json;
use tokio::task::JoinHandle;

use super::history::istiod_takes;
use super::{CACERTS, ROOTS, entries};
use crate::TestNamespace;
use crate::runtime::runtime;

/// Where istiod shows the roots that it has loaded.
const LOADED: &str = "istio-ca-root-cert";

/// Loads every version of `cacerts` at once, as an istiod with `ISTIO_MULTIROOT_MESH=true`: after
/// its first, only roots that istiod takes after those that it has.
#[derive(Debug)]
pub struct IstiodStandIn(JoinHandle<()>);

impl IstiodStandIn {
    /// Starts with what the Secret has now.
    pub fn start(test: &TestNamespace) -> Self {
        let (secrets, maps) = (test.api::<Secret>(), test.api::<ConfigMap>());
        Self(runtime().spawn(follow(secrets, maps)))
    }
}

impl Drop for IstiodStandIn {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TestNamespace {
    /// Shows these roots as loaded, in the name of an istiod that ignores others.
    ///
    /// # Errors
    /// The API server does not take them.
    pub async fn istiod_shows(&self, roots: &str) -> Result<()> {
        show(&self.api(), roots).await
    }
}

async fn follow(secrets: Api<Secret>, maps: Api<ConfigMap>) {
    let mut versions = pin!(watch_object(secrets, CACERTS).default_backoff());
    let mut loaded: Option<String> = None;
    while let Some(version) = versions.next().await {
        let Ok(Some(secret)) = version else { continue };
        let Some(roots) = entries(&secret).remove(ROOTS) else {
            continue;
        };
        let takes = |before: &String| istiod_takes(before, &roots).unwrap_or(false);
        let is_taken = loaded.as_ref().is_none_or(takes);
        // One that is not shown looks like one that istiod refuses, and Signet tries again.
        if is_taken && show(&maps, &roots).await.is_ok() {
            loaded = Some(roots);
        }
    }
}

async fn show(maps: &Api<ConfigMap>, roots: &str) -> Result<()> {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": LOADED },
        "data": { ROOTS: roots },
    });
    let params = PatchParams::apply("e2e-istiod").force();
    maps.patch(LOADED, &params, &Patch::Apply(&map)).await?;
    Ok(())
}
