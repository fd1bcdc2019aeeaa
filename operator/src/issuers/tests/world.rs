//! A world for one issuer: a namespace with Secrets, its CA generations, its status and the time.

mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector;
use serde_json::{Value, json};
use signet_api::duration::GoDuration;
use signet_api::{
    CAGeneration, CAGenerationSpec, CertificateSpec, ClusterIssuer, ClusterIssuerSpec, Existing,
    IssuerRef, IssuerResource, IssuerSpec, IssuerStatus, Manual, SelfSigned, VaultPkiSource,
};
use signet_core::ca::lifecycle;
use signet_core::issue::Csr;
use signet_core::mesh::secret::{Entries, Mesh};
use signet_core::request::ServiceAccount;
use signet_keys::{BlockingQueue, GeneratedKey, Limits};

use super::super::apply::{adopted_object, change, csr, new_object, submit, withdraw};
use super::super::decide::{Step, decide};
use super::super::facts::Facts;
use super::super::generation::{self, read};
use super::super::memory::Memory;
use super::super::observe::{Sources, complete, stored};
use super::super::parents::Family;
use super::super::round::Round;
use super::super::status::{self, Others, StatusPlan};
use super::super::store::Generations;
use super::super::submission::{CsrOf, Signed, Submission, Submitted};
use super::super::waits_for_publication;
use super::requests::Requests;
use crate::connections::Connections;
use crate::context::Issuers;
use crate::fixtures::{self, NOW, corp, key};
use crate::keyring::Keyring;
use crate::mesh;
use crate::metrics::Metrics;
use crate::publish::fake::FakeNamespace;
use crate::wakeups::Wakeups;

pub(super) use secrets::Secrets;

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) spec: IssuerSpec,
    pub(super) status: IssuerStatus,
    pub(super) objects: Vec<CAGeneration>,
    pub(super) secrets: Secrets,
    pub(super) bundles: FakeNamespace,
    /// The CertificateRequests, and the parent that signs them.
    pub(super) requests: Requests,
    /// The issuers in the watches.
    pub(super) issuers: Issuers,
    /// What is known of those that can sign.
    pub(super) keyring: Keyring,
    /// The mesh, if the issuer is to be treated as a MeshCA.
    pub(super) mesh: Option<Mesh>,
    /// What the last reconcile wrote.
    pub(super) written: Vec<StatusPlan>,
    /// For which issuer's UID Signet created a key.
    pub(super) made: BTreeMap<String, String>,
    pub(super) uid: &'static str,
    /// Whether the operator's flags let it create keys.
    pub(super) creates_keys: bool,
    connections: Connections,
    memory: Memory,
    pub(super) parsing: BlockingQueue,
}

/// The delay by default.
pub(super) const LOSS_DELAY: Duration = Duration::from_secs(300);

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

    /// The same with a certificate from another issuer, over a key that exists.
    pub(super) fn issuer_ref(parent: IssuerRef) -> Self {
        let mut world = Self::new(None, None, None);
        world.spec.certificate.issuer_ref = Some(parent);
        world.secrets.put_new_key("ca");
        world
    }

    /// The same with a certificate from the PKI engine of a server that does not respond.
    pub(super) fn vault_pki(source: VaultPkiSource) -> Self {
        let mut world = Self::new(None, None, None);
        world.spec.certificate.vault_pki = Some(source);
        world.secrets.put_new_key("ca");
        world
    }

    /// Stores what the parent returned for a CSR.
    pub(super) fn respond(&self, csr: &Csr, path: &str, roots: Option<&str>) {
        let of = CsrOf {
            uid: "uid-1".to_owned(),
            csr: csr.fingerprint().to_owned(),
        };
        let signed = Submitted::Signed(Signed {
            path: path.as_bytes().to_vec(),
            roots: roots.map(|roots| roots.as_bytes().to_vec()),
        });
        let before = self.memory.read(&corp());
        let last = before.submission.as_ref();
        let submission = Arc::new(Submission::new(of, last, self.now, Ok(signed)));
        self.memory.store(&corp(), before.after(Some(&submission)));
    }

    fn new(
        self_signed: Option<SelfSigned>,
        existing: Option<Existing>,
        manual: Option<Manual>,
    ) -> Self {
        let limits = Limits {
            per_second: None,
            max_in_flight: 8,
            per_tenant: None,
        };
        Self {
            now: NOW,
            spec: IssuerSpec {
                certificate: CertificateSpec {
                    self_signed,
                    existing,
                    manual,
                    ..CertificateSpec::default()
                },
                ..fixtures::spec("ca")
            },
            status: IssuerStatus::default(),
            objects: Vec::new(),
            secrets: Secrets::default(),
            bundles: FakeNamespace::default(),
            requests: Requests::default(),
            issuers: Issuers {
                issuers: reflector::store().0,
                cluster_issuers: reflector::store().0,
                mesh_cas: reflector::store().0,
            },
            keyring: Keyring::new(Wakeups::default()),
            mesh: None,
            written: Vec::new(),
            made: BTreeMap::new(),
            uid: "uid-1",
            creates_keys: true,
            connections: Connections::new(limits, Wakeups::default()),
            memory: Memory::default(),
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

    /// The entries of the Secret with the key of the spec. Those of a MeshCA have all its keys.
    pub(super) fn keys(&self) -> Entries {
        let key = self.spec.key.backend().provision();
        let secret = key.map(|key| self.secrets.entries(&key.secret_name));
        secret.unwrap_or_default()
    }

    /// The issuer as the API server has it.
    pub(super) fn object(&self) -> ClusterIssuer {
        let mut object = ClusterIssuer::new("corp", ClusterIssuerSpec(self.spec.clone()));
        object.metadata.uid = Some(self.uid.to_owned());
        object.metadata.generation = Some(7);
        object.set_issuer_status(self.status.clone());
        object
    }

    /// Observes the issuer once.
    pub(super) async fn observe(&self) -> Facts {
        let (metrics, cert_manager) = (Metrics::default(), cert_manager());
        let sources = self.sources(&metrics, &cert_manager);
        let (object, name) = (self.object(), corp());
        let bundle = self.bundles.observe(&name, &self.spec);
        let generations = (self.generations(), bundle);
        let namespace = (&name, "signet-system");
        let own = (&object, object.issuer_spec());
        let mut facts = stored(own, namespace, generations, &sources, self.now);
        let key = facts.spec.key.backend().provision();
        let made = key.and_then(|key| self.made.get(&key.secret_name).cloned());
        let of_mesh = |of| mesh::tests::observed(of, self.keys());
        facts.mesh = self.mesh.clone().map(of_mesh);
        facts.traces.key_made_for = made.filter(|_| self.objects.is_empty());
        complete(&mut facts, &sources).await;
        facts
    }

    fn sources<'a>(
        &'a self,
        metrics: &'a Metrics,
        cert_manager: &'a ServiceAccount,
    ) -> Sources<'a> {
        Sources {
            connections: &self.connections,
            metrics,
            parsing: &self.parsing,
            access: key::access(self.secrets.clone()),
            cert_manager,
            reserved_namespaces: ["signet-system".to_owned()].into(),
            memory: &self.memory,
            loss_delay: LOSS_DELAY,
            creates_keys: self.creates_keys,
            requests: Box::new(self.requests.clone()),
            family: Family {
                issuers: &self.issuers,
                cluster_resource_namespace: "signet-system",
            },
            keyring: &self.keyring,
        }
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
            let observed = &round.facts.bundle;
            let published = self
                .bundles
                .publish(&corp(), observed, &round.decision.trust);
            let plan = status::plan(
                &self.object(),
                &round,
                &Others::default(),
                (&published, None),
            );
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
        let (mut activated, mut highest_before) = (None, 0);
        for step in 0..12 {
            let mut facts = self.observe().await;
            facts.may_create_key = step == 0;
            if step == 0 {
                highest_before = facts.generations.highest_number;
            }
            let mut decision = decide(&facts);
            let Some(step) = decision.step.take() else {
                self.memory.store(&corp(), decision.remembered.clone());
                return Round {
                    facts,
                    decision,
                    activated,
                    highest_before,
                };
            };
            activated = super::super::round::activation(&step).or(activated);
            let sent = self.take(step, &facts).await;
            let remembered = decision.remembered.after(sent.as_ref());
            self.memory.store(&corp(), remembered);
        }
        panic!("too many steps: {:#?}", self.objects);
    }

    /// Takes a step. Returns the CSR that it sent.
    async fn take(&mut self, step: Step, facts: &Facts) -> Option<Arc<Submission>> {
        match step {
            Step::CreateKey(to_make) => {
                let key = GeneratedKey::new(to_make.key_type).unwrap();
                let entries = [(to_make.entry(), key.pem())];
                self.secrets.put(&to_make.secret_name, &entries);
                self.made.insert(to_make.secret_name, facts.uid.clone());
                self.connections.forget(&facts.name);
            }
            Step::AddKey(_) => panic!("the mesh has no CA to take over"),
            Step::RemoveKeys(entries) => {
                let key = self.spec.key.backend().provision().unwrap();
                self.secrets.remove(&key.secret_name, &entries);
            }
            Step::Adopt => {
                let new = adopted_object(facts).unwrap();
                self.objects
                    .push(generation::new(&facts.name, &facts.namespace, new));
            }
            Step::Inherit { number, roots } => {
                self.patch(number, &json!({ "inheritedRoots": roots }));
            }
            Step::Submit(submission) => {
                let (metrics, cert_manager) = (Metrics::default(), cert_manager());
                let sources = self.sources(&metrics, &cert_manager);
                return submit(submission, facts, &sources).await;
            }
            Step::Withdraw(own) => {
                let (metrics, cert_manager) = (Metrics::default(), cert_manager());
                let sources = self.sources(&metrics, &cert_manager);
                withdraw(&own, facts, &sources).await.unwrap();
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
        None
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

fn cert_manager() -> ServiceAccount {
    ServiceAccount {
        namespace: "cert-manager".to_owned(),
        name: "cert-manager".to_owned(),
    }
}
