//! Every version of istiod's Secret, and whether istiod takes each after the one before.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::watcher::{self, Event};
use parking_lot::Mutex;
use signet_testbed::wait::{Observation, until};
use tokio::task::JoinHandle;

use super::{CACERTS, Entries, Files, ROOTS, entries};
use crate::TestNamespace;
use crate::runtime::runtime;
use crate::verify::Certificate;

/// The versions of `cacerts`, as a watch shows them.
#[allow(missing_debug_implementations, reason = "it holds keys")]
pub struct History {
    versions: Arc<Mutex<Vec<Entries>>>,
    task: JoinHandle<()>,
}

/// What one write changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Roots were added.
    Append,
    /// The CA is another one.
    Swap,
    /// Roots were removed.
    Remove,
}

impl History {
    /// Begins with the version that there is now.
    pub fn watch(test: &TestNamespace) -> Self {
        let (api, versions) = (test.api::<Secret>(), Arc::default());
        let task = runtime().spawn(record(api, Arc::clone(&versions)));
        Self { versions, task }
    }

    /// What each write changed, up to one with these entries. Every version is complete by itself:
    /// readers accept what its CA signs, also rustls-webpki as ztunnel and linkerd-proxy lock it.
    /// Both comparisons of istiod accept it after the one before.
    ///
    /// # Errors
    /// A write has two changes, or istiod would refuse it.
    pub async fn steps(&self, last: &Entries) -> Result<Vec<Step>> {
        let observe = async || {
            let versions = self.versions.lock();
            let is_there = versions.iter().any(|version| version == last);
            Ok(Observation::reached_if(is_there, versions.len()))
        };
        until("the watch to show the last version", observe).await?;
        let versions = self.versions.lock().clone();
        for version in &versions {
            Files::of_istio(version)?.check()?;
        }
        let pairs = versions.windows(2);
        pairs.map(|pair| step(&pair[0], &pair[1])).collect()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn record(api: Api<Secret>, versions: Arc<Mutex<Vec<Entries>>>) {
    let config = watcher::Config::default().fields(&format!("metadata.name={CACERTS}"));
    let mut events = watcher::watcher(api, config).boxed();
    while let Some(event) = events.next().await {
        let (Ok(Event::Apply(secret)) | Ok(Event::InitApply(secret))) = event else {
            continue;
        };
        let (version, mut versions) = (entries(&secret), versions.lock());
        // A write may change annotations only.
        if versions.last() != Some(&version) {
            versions.push(version);
        }
    }
}

/// What a write changed from one version to the next.
fn step(before: &Entries, after: &Entries) -> Result<Step> {
    let ca = |of: &Entries| {
        let mut ca = of.clone();
        ca.remove(ROOTS);
        ca
    };
    let (old, new) = (&before[ROOTS], &after[ROOTS]);
    match (ca(before) != ca(after), old != new) {
        (true, false) => Ok(Step::Swap),
        (false, true) => {
            ensure!(as_bytes(old, new), "1.29 refuses\n{new}\nafter\n{old}");
            ensure!(as_sets(old, new)?, "1.30 refuses\n{new}\nafter\n{old}");
            let is_longer = new.len() > old.len();
            Ok(if is_longer {
                Step::Append
            } else {
                Step::Remove
            })
        }
        (true, true) => bail!("one write changes the CA and the roots"),
        (false, false) => bail!("nothing has changed"),
    }
}

/// Whether istiod takes these roots after those, with `ISTIO_MULTIROOT_MESH=true`
/// (pilot/pkg/bootstrap/istio_ca.go), in every version.
///
/// # Errors
/// They cannot be read.
pub(super) fn istiod_takes(old: &str, new: &str) -> Result<bool> {
    Ok(as_bytes(old, new) && as_sets(old, new)?)
}

/// Istio up to 1.29.
fn as_bytes(old: &str, new: &str) -> bool {
    old.contains(new) || new.contains(old)
}

/// Istio from 1.30 on.
fn as_sets(old: &str, new: &str) -> Result<bool> {
    let (old, new) = (Certificate::read_pem(old)?, Certificate::read_pem(new)?);
    let is_in = |one: &[Certificate], other: &[Certificate]| {
        let mut all = one.iter();
        all.all(|root| other.contains(root))
    };
    Ok(is_in(&old, &new) || is_in(&new, &old))
}

#[cfg(test)]
mod tests {
    use super::super::CERTIFICATE;
    use super::*;

    fn version(ca: &str, roots: &str) -> Entries {
        let entries = [(CERTIFICATE, ca), (ROOTS, roots)];
        let owned = entries.map(|(name, text)| (name.to_owned(), text.to_owned()));
        owned.into()
    }

    #[test]
    fn two_changes_in_one_write_are_none() {
        let swap = step(&version("a", "1"), &version("b", "1")).unwrap();
        assert_eq!(swap, Step::Swap);
        step(&version("a", "1"), &version("b", "12")).unwrap_err();
    }

    #[test]
    fn changed_bytes_are_refused() {
        assert!(as_bytes("1\n", "1\n2\n"));
        assert!(!as_bytes("1\n2\n", "2\n1\n"));
        step(&version("a", "1\n2\n"), &version("a", "2\n1\n")).unwrap_err();
    }
}
