//! Requests of every API while servers are killed, and an observer of every change of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, PodCertificateRequest};
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource, ResourceExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_api::external::certificate_request::CertificateRequest;
use signet_testbed::say;
use signet_testbed::wait::{Observation, until};
use tokio::task::JoinHandle;

use crate::csr::Csr;
use crate::{Ask, IssuerRef, Kubelet, PodAsk, SigningAsk, TestNamespace, User, audit, spec};

/// Writers at a time.
const WRITERS: usize = 16;
/// Of the ClusterIssuer, which pods need.
const TRUST_DOMAIN: &str = "storm.example";
/// Each key signs so few that there is work in flight whenever something is killed.
const PER_SECOND: u32 = 15;

/// Requests of one test, and what has become of them.
#[derive(Debug)]
pub struct Storm<'a> {
    test: &'a TestNamespace,
    issuer: IssuerRef,
    cluster_issuer: IssuerRef,
    asker: User,
    kubelet: Kubelet,
    pod: PodAsk,
    seen: Arc<Mutex<BTreeMap<Key, History>>>,
    watches: Vec<JoinHandle<()>>,
}

/// The plural of the API's resource, and the name.
type Key = (Cow<'static, str>, String);

/// What a request has been, as the observer saw it.
#[derive(Debug, Default)]
struct History {
    /// Each status that it had, in their order; those without a certificate or a condition are not.
    statuses: Vec<Value>,
    certificates: BTreeSet<String>,
}

impl<'a> Storm<'a> {
    /// Creates issuers, whose keys are slow, and waits until they are ready. An operator runs.
    ///
    /// # Errors
    /// An issuer does not get ready.
    pub async fn prepare(test: &'a TestNamespace) -> Result<Self> {
        let limits = json!({ "signaturesPerSecond": PER_SECOND, "maxInFlight": 8 });
        let mut of_namespace = spec::self_signed(&test.unique("storm"));
        of_namespace["keyLimits"] = limits.clone();
        let mut of_cluster = spec::spiffe(&test.unique("storm-cluster"), TRUST_DOMAIN);
        of_cluster["keyLimits"] = limits;
        let issuer = test.issuer(Issuer, "storm", of_namespace).await?;
        let cluster_issuer = test.issuer(ClusterIssuer, "storm", of_cluster).await?;
        test.robot("web").await?;
        let kubelet = test.kubelet("storm").await?;
        let signer = cluster_issuer.signer_name();
        let mounts = [(signer.as_str(), "ECDSAP256")];
        let pod = test.pod(&kubelet, "storm", "web", &mounts).await?;
        let pod = pod.stub(&Csr::of_new_key()?.build()?);
        let seen = Arc::<Mutex<BTreeMap<Key, History>>>::default();
        let watches = vec![
            tokio::spawn(observe::<CertificateRequest>(test, seen.clone())),
            tokio::spawn(observe::<CertificateSigningRequest>(test, seen.clone())),
            tokio::spawn(observe::<PodCertificateRequest>(test, seen.clone())),
        ];
        Ok(Self {
            test,
            asker: test.signing_requester("storm-asker").await?,
            issuer,
            cluster_issuer,
            kubelet,
            pod,
            seen,
            watches,
        })
    }

    /// Creates so many requests, a third of them in each API, and approves those that no one else
    /// does. Returns which they are.
    ///
    /// # Errors
    /// One is not taken.
    pub async fn ask(&self, count: usize) -> Result<Vec<Key>> {
        let created = stream::iter(0..count).map(|number| self.create(number));
        created.buffer_unordered(WRITERS).try_collect().await
    }

    async fn create(&self, number: usize) -> Result<Key> {
        let test = self.test;
        match number % 3 {
            0 => {
                let csr = Csr::for_dns(&format!("{number}.example"))?;
                let name = test.ask(&Ask::new(&self.issuer, &csr)).await?;
                Ok((CertificateRequest::plural(&()), name))
            }
            1 => {
                let account = self.asker.username();
                let csr = Csr::for_uri(&spiffe_id(&account)?)?;
                let ask = SigningAsk::new(&self.cluster_issuer, &csr);
                let name = test.ask_signer(self.asker.client(), &ask).await?;
                test.approve_signing(&name).await?;
                Ok((CertificateSigningRequest::plural(&()), name))
            }
            _ => {
                let name = test.request_for_pod(&self.kubelet, &self.pod).await?;
                Ok((PodCertificateRequest::plural(&()), name))
            }
        }
    }

    /// How many have a certificate.
    pub fn count_issued(&self) -> usize {
        let seen = self.seen.lock();
        seen.values()
            .filter(|one| !one.certificates.is_empty())
            .count()
    }

    /// Waits until so many have a certificate.
    ///
    /// # Errors
    /// They do not get one.
    pub async fn issued(&self, count: usize) -> Result<()> {
        let observe = async || {
            let issued = self.count_issued();
            Ok(Observation::reached_if(issued >= count, issued))
        };
        until(format!("{count} certificates of the storm"), observe).await
    }

    /// Waits until further ones have a certificate: a random part of what is left of `total` for so
    /// many further events.
    ///
    /// # Errors
    /// They do not get one.
    pub async fn some_more_issued(&self, total: usize, events: usize) -> Result<()> {
        let issued = self.count_issued();
        let most = total.saturating_sub(issued) / (events + 1);
        let next = issued + random(most.max(1)) + 1;
        self.issued(next.min(total)).await
    }

    /// Waits until all have a certificate, and checks what each has been: none failed, none got a
    /// second certificate, and none was written again after it.
    ///
    /// # Errors
    /// One is not so.
    pub async fn check(self, requests: &[Key]) -> Result<()> {
        self.issued(requests.len()).await?;
        let mut all = BTreeSet::new();
        let seen = std::mem::take(&mut *self.seen.lock());
        for key in requests {
            let history = seen.get(key).context("it was seen")?;
            let certificates = history.certificates.len();
            ensure!(
                certificates == 1,
                "{key:?} has {certificates} certificates: {history:?}"
            );
            all.extend(history.certificates.clone());
            let failed = history.statuses.iter().find(|status| has_failed(status));
            ensure!(failed.is_none(), "{key:?} was {failed:?}");
            let last: Vec<_> = history
                .statuses
                .iter()
                .filter(|it| has_certificate(it))
                .collect();
            ensure!(
                last.len() == 1,
                "{key:?} was written after it was issued: {last:?}"
            );
            self.was_written_once(key, history)?;
        }
        ensure!(
            all.len() == requests.len(),
            "two requests have the same certificate"
        );
        self.report(requests)
    }

    /// Says how many writes the API server accepted, and how many it discarded because the request
    /// had changed.
    fn report(&self, requests: &[Key]) -> Result<()> {
        let requests: BTreeSet<_> = requests.iter().collect();
        let count = |code: u16| {
            audit::count_calls(self.test.bed(), |call| {
                let Some(object) = &call.object_ref else {
                    return false;
                };
                let key = (Cow::Owned(object.resource.clone()), object.name.clone());
                let is_write = call.verb == "patch" && object.subresource == "status";
                is_write && call.response_status.code == code && requests.contains(&key)
            })
        };
        let (accepted, conflicts) = (count(200)?, count(409)?);
        say(format_args!(
            "storm: {} requests, {accepted} status writes, {conflicts} conflicts",
            requests.len()
        ));
        Ok(())
    }

    /// The API server accepted one write of the outcome, and one of each reason for which the request
    /// waited. A write that changes nothing is in its log only.
    fn was_written_once(&self, (plural, name): &Key, history: &History) -> Result<()> {
        let namespace = match *plural == CertificateSigningRequest::plural(&()) {
            true => "",
            false => self.test.name(),
        };
        let writes = audit::count_calls(self.test.bed(), |call| {
            let object = call.object_ref.as_ref();
            let is_it = object.is_some_and(|object| {
                object.resource == *plural
                    && object.name == *name
                    && object.namespace == namespace
                    && object.subresource == "status"
            });
            is_it && call.verb == "patch" && call.response_status.code == 200
        })?;
        let reported = history.statuses.iter().filter(|it| is_pending(it)).count();
        ensure!(
            writes <= 1 + reported,
            "{plural} {name} was written {writes} times: {:?}",
            history.statuses
        );
        Ok(())
    }
}

impl Drop for Storm<'_> {
    fn drop(&mut self) {
        self.watches.iter().for_each(JoinHandle::abort);
    }
}

/// A number below this one.
pub fn random(below: usize) -> usize {
    let number = RandomState::new().build_hasher().finish();
    usize::try_from(number % u64::try_from(below.max(1)).unwrap_or(1)).unwrap_or_default()
}

/// The SPIFFE ID of a ServiceAccount.
fn spiffe_id(username: &str) -> Result<String> {
    let account = username.strip_prefix("system:serviceaccount:");
    let account = account.and_then(|account| account.split_once(':'));
    let (namespace, name) = account.context("it is a ServiceAccount")?;
    Ok(format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{name}"))
}

fn observe<K: Resource<DynamicType = ()>>(
    test: &TestNamespace,
    seen: Arc<Mutex<BTreeMap<Key, History>>>,
) -> impl Future<Output = ()> + Send + use<K> {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::all_with(test.bed().client(), &resource);
    let config = watcher::Config::default().labels(&test.selector());
    record(K::plural(&()), api, config, seen)
}

async fn record(
    plural: Cow<'static, str>,
    api: Api<DynamicObject>,
    config: watcher::Config,
    seen: Arc<Mutex<BTreeMap<Key, History>>>,
) {
    let mut events = pin!(watcher::watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        let (Ok(Event::Apply(object)) | Ok(Event::InitApply(object))) = event else {
            continue;
        };
        let status = &object.data["status"];
        let mut seen = seen.lock();
        let history = seen.entry((plural.clone(), object.name_any())).or_default();
        history.certificates.extend(certificate(status));
        let is_told = has_certificate(status) || has_failed(status) || is_pending(status);
        if is_told && history.statuses.last() != Some(status) {
            history.statuses.push(status.clone());
        }
    }
}

fn certificate(status: &Value) -> Option<String> {
    let field = status["certificate"].as_str();
    let field = field.or(status["certificateChain"].as_str())?;
    (!field.is_empty()).then(|| field.to_owned())
}

fn has_certificate(status: &Value) -> bool {
    certificate(status).is_some()
}

fn conditions(status: &Value) -> impl Iterator<Item = &Value> {
    status["conditions"].as_array().into_iter().flatten()
}

fn has_failed(status: &Value) -> bool {
    let is_no = |condition: &Value| {
        let is_true = condition["status"] == "True";
        let reason = &condition["reason"];
        (is_true && (condition["type"] == "Failed" || condition["type"] == "Denied"))
            || (condition["type"] == "Ready" && (reason == "Failed" || reason == "Denied"))
    };
    conditions(status).any(is_no)
}

fn is_pending(status: &Value) -> bool {
    conditions(status).any(|one| one["type"] == "Ready" && one["status"] == "False")
}
