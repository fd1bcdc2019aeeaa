//! A world for one issuer: a namespace with Secrets, its CA generations, its status and the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use signet_api::duration::GoDuration;
use signet_api::{
    CAGeneration, CAGenerationSpec, CertificateSpec, ClusterIssuer, ClusterIssuerSpec, Existing,
    IssuerResource, IssuerSpec, IssuerStatus, Manual, SelfSigned,
};
use signet_core::ca::lifecycle;
use signet_core::request::ServiceAccount;
use signet_keys::{
    BlockingQueue, ErrorClass, GeneratedKey, KeyError, KeyType, Limits, Namespace, SecretData,
    ServiceAccountToken,
};

use super::super::apply::{change, csr, new_object};
use super::super::bundle;
use super::super::decide::{Step, decide};
use super::super::facts::Facts;
use super::super::generation::{self, read};
use super::super::observe::{Sources, complete, stored};
use super::super::round::Round;
use super::super::status::{self, StatusPlan};
use super::super::store::Generations;
use super::super::waits_for_publication;
use crate::connections::Connections;
use crate::fixtures::{NOW, ca, corp, key};
use crate::metrics::Metrics;
use crate::publish::fake::FakeNamespace;
use crate::wakeups::Wakeups;

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) spec: IssuerSpec,
    pub(super) status: IssuerStatus,
    pub(super) objects: Vec<CAGeneration>,
    pub(super) secrets: Secrets,
    pub(super) bundles: FakeNamespace,
    /// What the last reconcile wrote.
    pub(super) written: Vec<StatusPlan>,
    connections: Connections,
    parsing: BlockingQueue,
}

impl World {
    /// The ClusterIssuer `corp` with a self-signed root of this lifetime over the key in the Secret
    /// `ca`, which does not exist yet.
    pub(super) fn self_signed(seconds: i64) -> Self {
        let own = SelfSigned {
            duration: Some(GoDuration(Duration::from_secs(seconds.unsigned_abs()))),
            ..SelfSigned::default()
        };
        Self::new(Some(own), None, None)
    }

    /// The same with a certificate in the Secret of the key.
    pub(super) fn existing() -> Self {
        Self::new(None, Some(Existing::default()), None)
    }

    /// The same with a chain that a person puts into the Secret `chain`, over a key that exists.
    pub(super) fn manual(manual: Manual) -> Self {
        let world = Self::new(None, None, Some(manual));
        world.secrets.put_new_key("ca");
        world
    }

    fn new(
        self_signed: Option<SelfSigned>,
        existing: Option<Existing>,
        manual: Option<Manual>,
    ) -> Self {
        let limits = Limits {
            per_second: None,
            max_in_flight: 8,
        };
        Self {
            now: NOW,
            spec: IssuerSpec {
                key: key::software("ca"),
                key_limits: None,
                certificate: CertificateSpec {
                    self_signed,
                    existing,
                    manual,
                    renew_before: None,
                    allow_missing_root: false,
                },
                spiffe: None,
                profile: None,
                rotation: None,
                bundle: None,
                suspend: false,
            },
            status: IssuerStatus::default(),
            objects: Vec::new(),
            secrets: Secrets::default(),
            bundles: FakeNamespace::default(),
            written: Vec::new(),
            connections: Connections::new(limits, Wakeups::default()),
            parsing: BlockingQueue::default(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += jiff::SignedDuration::from_secs(seconds);
    }

    /// The issuer as the API server has it.
    pub(super) fn object(&self) -> ClusterIssuer {
        let mut object = ClusterIssuer::new("corp", ClusterIssuerSpec(self.spec.clone()));
        object.metadata.uid = Some("uid-1".to_owned());
        object.metadata.generation = Some(7);
        object.set_issuer_status(self.status.clone());
        object
    }

    /// Observes the issuer once.
    pub(super) async fn observe(&self) -> Facts {
        let cert_manager = ServiceAccount {
            namespace: "cert-manager".to_owned(),
            name: "cert-manager".to_owned(),
        };
        let sources = Sources {
            connections: &self.connections,
            metrics: &Metrics::default(),
            parsing: &self.parsing,
            access: key::access(self.secrets.clone()),
            cert_manager: &cert_manager,
        };
        let (object, name) = (self.object(), corp());
        let bundle = self.bundles.observe(&name, self.spec.bundle.as_ref());
        let generations = (self.generations(), bundle);
        let namespace = (&name, "signet-system");
        let mut facts = stored(&object, namespace, generations, &sources, self.now);
        complete(&mut facts, &sources).await;
        facts
    }

    fn generations(&self) -> Generations {
        let (mut stored, mut unreadable) = (Vec::new(), Vec::new());
        for object in &self.objects {
            match read(object, self.now) {
                Ok(one) => stored.push(one),
                Err(one) => unreadable.push(one),
            }
        }
        let numbers = self.objects.iter().map(|object| object.spec.generation);
        Generations::new(stored, unreadable, numbers.max().unwrap_or_default())
    }

    /// One reconcile: steps, the status, and again while that publishes another bundle.
    pub(super) async fn reconcile(&mut self) -> Round {
        self.written.clear();
        for _ in 0..4 {
            let round = self.round().await;
            let trust = bundle::trust(&round.facts, round.decision.plan.as_ref());
            let observed = &round.facts.bundle;
            let published = self.bundles.publish(&corp(), observed, &trust);
            let plan = status::plan(&self.object(), &round, None, (&trust, &published));
            self.written.push(plan.clone());
            let before = self.status.bundle.clone();
            if let Some(status) = plan.status {
                self.status = status;
            }
            let waits = published.has_written() && waits_for_publication(&round);
            if self.status.bundle == before && !waits {
                return round;
            }
        }
        panic!("the status does not settle: {:#?}", self.status);
    }

    async fn round(&mut self) -> Round {
        let mut activated = None;
        for step in 0..12 {
            let mut facts = self.observe().await;
            facts.may_create_key = step == 0;
            let mut decision = decide(&facts);
            let Some(step) = decision.step.take() else {
                return Round {
                    facts,
                    decision,
                    activated,
                };
            };
            activated = super::super::round::activation(&step).or(activated);
            self.take(step, &facts).await;
        }
        panic!("too many steps: {:#?}", self.objects);
    }

    async fn take(&mut self, step: Step, facts: &Facts) {
        match step {
            Step::CreateKey(to_make) => {
                let key = GeneratedKey::new(to_make.key_type).unwrap();
                let (entry, pem) = key.secret_entry();
                self.secrets.put(&to_make.secret_name, &[(entry, pem)]);
                self.connections.forget(&facts.name);
            }
            Step::Lifecycle(lifecycle::Step::Create(new)) => {
                let csr = csr(&new, facts).await.unwrap();
                let new = new_object(new, csr, facts).unwrap();
                self.objects
                    .push(generation::new(&facts.name, &facts.namespace, new));
            }
            Step::Lifecycle(lifecycle::Step::Record { number, event, at }) => {
                let stored = facts.generations.get(number).unwrap();
                let change = change(stored, event, at, facts).unwrap();
                self.patch(number, &change);
            }
            Step::Lifecycle(lifecycle::Step::Delete(number)) => {
                self.objects
                    .retain(|object| object.spec.generation != number);
            }
        }
    }

    /// The facts of every generation.
    pub(super) fn specs(&self) -> Vec<CAGenerationSpec> {
        let objects = self.objects.iter();
        objects.map(|object| object.spec.clone()).collect()
    }

    /// Sets fields in a generation's spec.
    pub(super) fn patch(&mut self, number: u32, change: &Value) {
        let mut objects = self.objects.iter_mut();
        let object = objects.find(|object| object.spec.generation == number);
        let object = object.unwrap();
        let mut spec = json!(object.spec);
        for (field, value) in change.as_object().unwrap() {
            spec[field] = value.clone();
        }
        object.spec = serde_json::from_value(spec).unwrap();
    }
}

/// The Secrets of a namespace. A change of one is another version of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(Arc<Mutex<BTreeMap<String, Secret>>>);

#[derive(Clone, Debug, Default)]
struct Secret {
    version: u32,
    data: BTreeMap<String, Vec<u8>>,
}

impl Secrets {
    pub(super) fn put(&self, name: &str, data: &[(&str, &str)]) {
        let mut secrets = self.0.lock();
        let secret = secrets.entry(name.to_owned()).or_default();
        secret.version += 1;
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()));
        secret.data = data.collect();
    }

    pub(super) fn text(&self, name: &str, key: &str) -> String {
        String::from_utf8(self.0.lock()[name].data[key].clone()).unwrap()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn delete(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// Puts a CA that another program made into a Secret.
    pub(super) fn put_pair(&self, name: &str, ca: &ca::Ca, roots: &str) {
        let (key, chain) = (ca.key_pem(), ca.pem.as_str());
        self.put(
            name,
            &[("tls.key", &key), ("tls.crt", chain), ("ca.crt", roots)],
        );
    }

    pub(super) fn put_new_key(&self, name: &str) {
        let key = GeneratedKey::new(KeyType::EcdsaP256).unwrap();
        self.put(name, &[("tls.key", key.secret_entry().1)]);
    }
}

impl Namespace for Secrets {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        let secret = self.0.lock().get(name).cloned();
        let data = secret.map(|secret| {
            let data: SecretData = secret.data.into_iter().collect();
            data.at(secret.version.to_string())
        });
        async { Ok(data) }.boxed()
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        async { Ok(None) }.boxed()
    }

    fn token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        async { Err(KeyError::new(ErrorClass::Unreachable, "no tokens here")) }.boxed()
    }
}
