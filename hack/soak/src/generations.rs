//! The CA generations of the issuer and its bundle, as they change.

use std::collections::BTreeMap;
use std::pin::pin;

use anyhow::{Result, bail};
use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watch_object, watcher};
use signet_api::{CAGeneration, CAGenerationSpec};
use tokio::sync::mpsc::UnboundedSender;

use crate::certificate::fingerprints;
use crate::timeline::Timeline;

/// What can happen to a generation, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It was created.
    Requested,
    /// It has its certificate.
    Certified,
    /// Its root is published.
    Published,
    /// It signs.
    Activated,
    /// Another signs.
    Superseded,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Requested,
        Self::Certified,
        Self::Published,
        Self::Activated,
        Self::Superseded,
    ];
}

/// What changed between a generation and its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotation {
    /// The same key and root, and another certificate.
    Renewal,
    /// Another key under the same root.
    Key,
    /// Another root.
    Root,
}

impl Rotation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Renewal, Self::Key, Self::Root];
}

/// A generation, as far as the soak follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The fingerprint of its key.
    pub key: String,
    /// The fingerprint of its certificate, once it has one.
    pub certificate: Option<String>,
    /// The fingerprint of its root, once it has a certificate.
    pub root: Option<String>,
    /// When each event happened; for a certificate, when it was observed.
    pub events: BTreeMap<Event, Timestamp>,
}

impl Generation {
    fn read(spec: &CAGenerationSpec, before: Option<&Self>) -> Result<Self> {
        let chain = spec.certificate.as_ref().map(|own| &own.chain);
        let mut path = chain.map_or(Ok(Vec::new()), |chain| fingerprints(chain))?;
        let certificate = path.first().cloned();
        let root = path.pop();
        let known = before.and_then(|before| before.events.get(&Event::Certified).copied());
        let certified = root.as_ref().map(|_| known.unwrap_or_else(Timestamp::now));
        let time = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
            time.as_ref().map(|time| time.0)
        };
        let events = [
            (Event::Requested, Some(spec.prepared_at.0)),
            (Event::Certified, certified),
            (Event::Published, time(&spec.published_at)),
            (Event::Activated, time(&spec.activated_at)),
            (Event::Superseded, time(&spec.superseded_at)),
        ];
        let events = events
            .into_iter()
            .filter_map(|(event, at)| Some((event, at?)));
        Ok(Self {
            key: spec.key.fingerprint.clone(),
            certificate,
            root,
            events: events.collect(),
        })
    }

    /// Whether it signs or has signed.
    pub fn was_active(&self) -> bool {
        self.events.contains_key(&Event::Activated)
    }
}

/// Returns the generation that was activated last.
pub fn active(generations: &BTreeMap<u32, Generation>) -> Option<&Generation> {
    let mut newest_first = generations.values().rev();
    newest_first.find(|one| one.was_active())
}

/// Returns how many rotations of each kind have ended with an activation.
pub fn rotations(generations: &BTreeMap<u32, Generation>) -> BTreeMap<Rotation, usize> {
    let mut counts: BTreeMap<_, _> = Rotation::ALL.map(|kind| (kind, 0)).into();
    let active: Vec<_> = generations
        .values()
        .filter(|one| one.was_active())
        .collect();
    for pair in active.windows(2) {
        let kind = match (pair[0].root == pair[1].root, pair[0].key == pair[1].key) {
            (false, _) => Rotation::Root,
            (true, false) => Rotation::Key,
            (true, true) => Rotation::Renewal,
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// Follows the generations of an issuer in this namespace, without an end. What happens is passed
/// on.
///
/// # Errors
/// A generation cannot be read.
pub async fn follow(
    generations: Api<CAGeneration>,
    issuer: &str,
    timeline: &Timeline,
    events: UnboundedSender<(u32, Event)>,
) -> Result<()> {
    let config = watcher::Config::default().fields(&format!("spec.issuerRef.name={issuer}"));
    let changes = watcher(generations, config).default_backoff();
    let mut changes = pin!(changes.applied_objects());
    loop {
        let found = match changes.try_next().await {
            Ok(Some(found)) => found.spec,
            Ok(None) => bail!("the watch of generations has ended"),
            // It begins again.
            Err(_) => continue,
        };
        let before = timeline.generation(found.generation);
        let now = Generation::read(&found, before.as_ref())?;
        let known = before.map(|before| before.events).unwrap_or_default();
        let new: Vec<_> = now.events.keys().copied().collect();
        timeline.set_generation(found.generation, now);
        for event in new.into_iter().filter(|event| !known.contains_key(event)) {
            // Those who wait for events may have ended.
            let _ = events.send((found.generation, event));
        }
    }
}

/// Follows the roots in an entry of a ConfigMap, without an end. Each content is passed on.
///
/// # Errors
/// The ConfigMap disappears, or has something else than certificates.
pub async fn follow_bundle(
    maps: Api<ConfigMap>,
    (name, entry): (&str, &str),
    timeline: &Timeline,
    bundles: UnboundedSender<String>,
) -> Result<()> {
    let mut versions = pin!(watch_object(maps, name).default_backoff());
    let mut last = None;
    loop {
        let version = match versions.try_next().await {
            Ok(Some(version)) => version,
            Ok(None) => bail!("the watch of the bundle has ended"),
            Err(_) => continue,
        };
        let bundle = version.and_then(|map| map.data?.remove(entry));
        if bundle == last {
            continue;
        }
        let Some(bundle) = bundle else {
            bail!("the ConfigMap {name} has lost its bundle");
        };
        timeline.set_bundle(fingerprints(&bundle)?);
        last = Some(bundle.clone());
        if bundles.send(bundle).is_err() {
            return Ok(());
        }
    }
}
