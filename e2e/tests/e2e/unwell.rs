//! The API server is unwell: a proxy in front of it answers wrongly, late or not at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::{Bed, Burst, IssuerRef, OwnBed, TestNamespace, spec, stop, until_admin_returns};
use signet_testbed::Proxy;
use signet_testbed::installation::{NAMESPACE, Operator, OperatorOptions};
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until};

/// Short, so that what hangs is noticed soon: calls, watches and the Lease.
const SHORT: [&str; 4] = [
    "--leader-election-lease-duration",
    "4s",
    "--api-server-timeout",
    "2s",
];
const REQUESTS: &str = "certificaterequests.cert-manager.io";
/// How many requests there are in each kind of fault.
const COUNT: usize = 12;

/// An operator behind a proxy, with a log of its own.
struct Behind {
    proxy: Proxy,
    options: OperatorOptions,
    operator: Operator,
}

impl Behind {
    async fn start(bed: &OwnBed, name: &str) -> Result<Self> {
        let proxy = bed.api_server_proxy()?;
        let options = OperatorOptions {
            log: bed.plane().logs().join(format!("{name}.log")),
            ..bed.operator_options_through(&proxy, &SHORT)?
        };
        let operator = Operator::start(&options).await?;
        Ok(Self {
            proxy,
            options,
            operator,
        })
    }

    /// Waits until `/readyz` fails with a text, or does not.
    async fn is_ready(&self, reason: Option<&str>) -> Result<()> {
        let wanted = |(code, body): (u16, &str)| match reason {
            Some(reason) => code == 503 && body.contains(reason),
            None => code == 200,
        };
        until_admin_returns(&self.operator, "/readyz", wanted).await
    }

    async fn watch_is_up(&self, is_up: bool) -> Result<()> {
        let line = format!(
            "signet_watch_up{{resource=\"{REQUESTS}\"}} {}",
            u8::from(is_up)
        );
        let wanted = |(_, text): (u16, &str)| text.lines().any(|it| it == line);
        until_admin_returns(&self.operator, "/metrics", wanted).await
    }

    /// How many calls have failed for this reason.
    async fn failed(&self, reason: &str) -> Result<f64> {
        let series = format!("signet_api_server_errors_total{{reason=\"{reason}\"}}");
        Ok(self.operator.metric(&series).await?.unwrap_or_default())
    }

    /// Waits until more calls have failed than before for this reason.
    async fn fails_more(&self, reason: &str, before: f64) -> Result<()> {
        let observe = async || {
            let now = self.failed(reason).await?;
            Ok(Observation::reached_if(now > before, now))
        };
        until(format!("calls that fail with {reason}"), observe).await
    }

    fn lines(&self, is_it: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let log = std::fs::read_to_string(&self.options.log)?;
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines.filter(is_it).collect())
    }

    /// The lines about the watch of requests, after so many lines of that kind.
    fn told_of_watch(&self, after: usize) -> Result<Vec<Value>> {
        let mut lines = self.lines(|line| line["resource"] == REQUESTS)?;
        Ok(lines.split_off(after))
    }

    /// One of these lines says that the watch of requests fails for this reason, and as many as are
    /// wanted that it works again.
    fn is_told(&self, reason: &str, after: usize, recoveries: usize) -> Result<()> {
        let lines = self.told_of_watch(after)?;
        let failures = |line: &&Value| line["level"] == "WARN" && line["reason"] == reason;
        let is_one = lines.iter().filter(failures).count() == 1;
        ensure!(
            is_one && lines.len() == 1 + recoveries,
            "{reason}: {lines:?}"
        );
        Ok(())
    }
}

/// For requests of any namespace.
async fn cluster_issuer(test: &TestNamespace) -> Result<IssuerRef> {
    let spec = spec::self_signed(&test.unique("unwell"));
    test.issuer(ClusterIssuer, "unwell", spec).await
}

fn of_requests() -> Requests {
    Requests::Path("/certificaterequests".into())
}

/// CRDs that are missing, and a permission: once in the log, in a metric, and in readiness.
pub(crate) async fn a_watch_that_fails_is_reported_while_it_does(bed: OwnBed) -> Result<()> {
    let behind = Behind::start(&bed, "watches").await?;
    let test = TestNamespace::create(bed.bed(), "watches").await?;
    let issuer = cluster_issuer(&test).await?;
    behind.watch_is_up(true).await?;
    let watches = || Requests::Watch("/certificaterequests".into());
    let lists = || Requests::List("/certificaterequests".into());
    let status = |code, reason| Fault::status(code, reason, None);
    let relisted = || (watches(), Fault::gone());
    // Each with its reason, and whether calls to the API server count as failed by it: the status of
    // an error in a watch that was accepted is 200.
    for (faults, reason, is_counted) in [
        (
            vec![(of_requests(), status(403, "Forbidden"))],
            "Forbidden",
            false,
        ),
        (
            vec![(of_requests(), status(404, "NotFound"))],
            "NotServed",
            false,
        ),
        (
            vec![(watches(), Fault::delivered(403, "Forbidden"))],
            "Forbidden",
            false,
        ),
        (
            vec![(watches(), Fault::delivered(500, "InternalError"))],
            "ServerError",
            true,
        ),
        (
            vec![(watches(), Fault::not_json())],
            "InvalidResponse",
            true,
        ),
        (
            vec![relisted(), (lists(), Fault::not_json())],
            "InvalidResponse",
            true,
        ),
    ] {
        let case = format!("{faults:?}");
        let failing = behind.a_failing_watch(bed.bed(), &issuer, faults, reason, is_counted);
        failing.await.context(case)?;
    }
    stop(behind.operator).await
}

impl Behind {
    async fn a_failing_watch(
        &self,
        bed: &'static Bed,
        issuer: &IssuerRef,
        faults: Vec<(Requests, Fault)>,
        reason: &str,
        is_counted: bool,
    ) -> Result<()> {
        let told = self.told_of_watch(0)?.len();
        let failed = self.failed(reason).await?;
        for (requests, fault) in faults {
            self.proxy.add(requests, fault);
        }
        self.proxy.cut_watches();
        self.is_ready(Some(reason)).await?;
        self.watch_is_up(false).await?;
        let attempts = self.proxy.count(&of_requests());
        let again = async || {
            let now = self.proxy.count(&of_requests());
            Ok(Observation::reached_if(now > attempts + 1, now))
        };
        until("further attempts", again).await?;
        self.is_told(reason, told, 0)?;
        let is_more = self.failed(reason).await? > failed;
        ensure!(is_more == is_counted, "failed calls");
        let test = TestNamespace::create(bed, "watched").await?;
        let mut burst = Burst::new(&test, issuer);
        burst.ask(2).await?;
        self.proxy.clear();
        self.is_ready(None).await?;
        self.watch_is_up(true).await?;
        burst.check(&["Issued"]).await?;
        self.is_told(reason, told, 1)
    }
}

/// The token of a ServiceAccount that was recreated, until the kubelet has another one.
pub(crate) async fn a_rejected_token_is_reported_while_it_is(bed: OwnBed) -> Result<()> {
    let behind = Behind::start(&bed, "token").await?;
    let test = TestNamespace::create(bed.bed(), "token").await?;
    let issuer = test.root().await?;
    let rejected = Fault::status(401, "Unauthorized", None);
    behind.proxy.add(Requests::All, rejected);
    behind.proxy.cut_watches();
    behind.is_ready(Some("Unauthorized")).await?;
    behind.fails_more("Unauthorized", 0.0).await?;
    let mut burst = Burst::new(&test, &issuer);
    burst.ask(2).await?;
    let told = behind.lines(|line| line["reason"] == "Unauthorized" && line["level"] == "WARN")?;
    ensure!(told.len() == 1, "{told:?}");
    behind.proxy.clear();
    behind.is_ready(None).await?;
    burst.check(&["Issued"]).await?;
    stop(behind.operator).await
}

/// After a start: no issuer of a kind that was not listed yet seems to be missing, and those of the
/// other kind are served.
pub(crate) async fn only_requests_of_a_kind_wait_for_its_listing(bed: OwnBed) -> Result<()> {
    let Behind {
        proxy,
        options,
        operator,
    } = Behind::start(&bed, "listings").await?;
    let own = TestNamespace::create(bed.bed(), "listed").await?;
    let issuer = own.root().await?;
    let test = TestNamespace::create(bed.bed(), "listings").await?;
    let cluster = cluster_issuer(&test).await?;
    stop(operator).await?;
    let lists = Requests::List("/signet.dev/v1alpha1/issuers".into());
    proxy.add(lists, Fault::status(403, "Forbidden", None));
    let operator = Operator::start_unready(&options).await?;
    let mut waiting = Burst::new(&own, &issuer);
    waiting.ask(2).await?;
    let mut burst = Burst::new(&test, &cluster);
    burst.ask(2).await?;
    burst.check(&["Issued"]).await?;
    until_admin_returns(&operator, "/readyz", |(code, body)| {
        code == 503 && body.contains("Forbidden")
    })
    .await?;
    proxy.clear();
    waiting.check(&["Issued"]).await?;
    stop(operator).await
}

/// The CRD of a cert-manager before 1.20, in the place of the newer one while the operator runs.
pub(crate) async fn a_crd_without_selectable_fields_is_watched_in_full(bed: OwnBed) -> Result<()> {
    let behind = Behind::start(&bed, "selector").await?;
    let test = TestNamespace::create(bed.bed(), "selector").await?;
    let issuer = test.root().await?;
    let crds: Api<CustomResourceDefinition> = Api::all(bed.client());
    let versions = async |fields: Option<&Value>| {
        let crd = crds.get(REQUESTS).await?;
        let mut versions = json!(crd.spec.versions);
        let version = versions[0].as_object_mut().context("it has a version")?;
        let before = version.remove("selectableFields").unwrap_or_default();
        version.extend(fields.map(|fields| ("selectableFields".to_owned(), fields.clone())));
        let patch = Patch::Merge(json!({ "spec": { "versions": versions } }));
        crds.patch(REQUESTS, &PatchParams::default(), &patch)
            .await?;
        anyhow::Ok(before)
    };
    let fields = versions(None).await?;
    ensure!(fields.is_array(), "the CRD has selectable fields: {fields}");
    let told = async {
        let observe = async || {
            let told = behind
                .lines(|line| line["resource"] == REQUESTS && line["selector"] != Value::Null)?;
            Ok(Observation::reached_if(
                !told.is_empty(),
                behind.proxy.watches(),
            ))
        };
        until("a line about the selector", observe).await?;
        let mut burst = Burst::new(&test, &issuer);
        burst.ask(3).await?;
        burst.check(&["Issued"]).await?;
        behind.is_ready(None).await
    };
    let told = told.await;
    versions(Some(&fields)).await?;
    told?;
    stop(behind.operator).await
}

/// Requests are made during each fault; none is lost, none fails, none is issued twice. The process
/// stays alive.
pub(crate) async fn no_fault_loses_fails_or_repeats_a_request(bed: OwnBed) -> Result<()> {
    let behind = Behind::start(&bed, "faults").await?;
    let test = TestNamespace::create(bed.bed(), "faults").await?;
    let issuer = cluster_issuer(&test).await?;
    let proxy = &behind.proxy;
    let writes = || Requests::Method("PATCH", "/status".into());
    let watches = || Requests::Watch("/certificaterequests".into());
    let slow = Fault::Latency(Duration::from_millis(300));
    let too_slow = Fault::Latency(Duration::from_secs(600));
    let busy = Fault::status(429, "TooManyRequests", Some(1));
    let unavailable = Fault::status(503, "ServiceUnavailable", None);
    let broken = || Fault::status(500, "InternalError", None);
    // Each with the reason under which it is counted; none if it is no failure.
    let faults: [(&str, Requests, Fault, Option<&str>); 14] = [
        ("429 for writes", writes(), busy.clone(), Some("Throttled")),
        ("429", Requests::All, busy, Some("Throttled")),
        ("500 for writes", writes(), broken(), Some("ServerError")),
        ("500", Requests::All, broken(), Some("ServerError")),
        ("503", Requests::All, unavailable, Some("ServerError")),
        (
            "silence for writes",
            writes(),
            Fault::Silence,
            Some("Timeout"),
        ),
        ("silence", Requests::All, Fault::Silence, Some("Timeout")),
        ("too slow", writes(), too_slow, Some("Timeout")),
        ("slow", Requests::All, slow, None),
        ("lost responses", writes(), Fault::Lost, Some("Unreachable")),
        ("truncated", writes(), Fault::Truncated, Some("Unreachable")),
        ("resets", Requests::All, Fault::Reset, Some("Unreachable")),
        (
            "not JSON",
            writes(),
            Fault::not_json(),
            Some("InvalidResponse"),
        ),
        ("410", watches(), Fault::gone(), None),
    ];
    for (name, requests, fault, reason) in faults {
        let before = match reason {
            Some(reason) => behind.failed(reason).await?,
            None => 0.0,
        };
        let count = proxy.count(&requests);
        let told = behind.bad_lines()?.len();
        proxy.add(requests.clone(), fault);
        proxy.cut_watches();
        let faulty = async {
            let test = TestNamespace::create(bed.bed(), "fault").await?;
            let mut burst = Burst::new(&test, &issuer);
            burst.ask(COUNT).await?;
            match reason {
                Some(reason) => behind.fails_more(reason, before).await?,
                None => {
                    let observe = async || {
                        let now = proxy.count(&requests);
                        Ok(Observation::reached_if(now > count + 1, now))
                    };
                    until("requests with the fault", observe).await?;
                }
            }
            proxy.clear();
            burst.check(&["Issued", "Pending"]).await?;
            behind.is_ready(None).await?;
            behind.told_briefly(told)?;
            behind.is_alive().await
        };
        faulty.await.with_context(|| format!("the fault: {name}"))?;
    }
    // What the API server said is in the log, as it is when a webhook refuses all status writes.
    let said = |line: &Value| line["error"] == "InternalError by a fault";
    let said = behind.lines(said)?;
    ensure!(!said.is_empty() && said.len() < COUNT, "{said:?}");
    stop(behind.operator).await
}

impl Behind {
    async fn is_alive(&self) -> Result<()> {
        let (code, body) = self.operator.get("/livez").await?;
        ensure!(code == 200, "{body}");
        Ok(())
    }

    fn bad_lines(&self) -> Result<Vec<Value>> {
        self.lines(|line| line["level"] == "WARN" || line["level"] == "ERROR")
    }

    /// There are fewer lines than requests after so many lines, which is before a fault.
    fn told_briefly(&self, after: usize) -> Result<()> {
        let bad = self.bad_lines()?.split_off(after);
        ensure!(bad.len() < COUNT, "{} lines: {bad:#?}", bad.len());
        Ok(())
    }
}

/// Watches that are open and deliver nothing, and those that end in the middle.
pub(crate) async fn watches_that_stall_are_opened_again(bed: OwnBed) -> Result<()> {
    let behind = Behind::start(&bed, "stalled").await?;
    let test = TestNamespace::create(bed.bed(), "stalled").await?;
    let issuer = cluster_issuer(&test).await?;
    for stalls in [true, false] {
        for _ in 0..2 {
            let test = TestNamespace::create(bed.bed(), "stalls").await?;
            let mut burst = Burst::new(&test, &issuer);
            burst.ask(COUNT).await?;
            match stalls {
                true => behind.proxy.stall_watches(),
                false => behind.proxy.cut_watches(),
            }
            burst.ask(COUNT).await?;
            burst.check(&["Issued"]).await?;
        }
    }
    behind.is_ready(None).await?;
    stop(behind.operator).await
}

/// A replica whose clock is ten minutes behind or ahead holds the Lease for as long as it renews it;
/// one that stopped does not hold it for longer than its duration.
pub(crate) async fn the_lease_does_not_depend_on_clocks(bed: OwnBed) -> Result<()> {
    let operator = bed.start_operator(&SHORT).await?;
    for minutes in [-10, 10] {
        let mut renewals = 0;
        let lost = async || {
            renewals += 1;
            renew(&bed, minutes, renewals, 60).await?;
            let leading = operator.metric("signet_leading").await?;
            Ok(Observation::reached_if(leading == Some(0.0), renewals))
        };
        until("the operator to stand by", lost).await?;
        // By the time in it, the Lease has expired long ago, or will not for minutes.
        let begin = renewals;
        let mut held = async || {
            renewals += 1;
            renew(&bed, minutes, renewals, 60).await?;
            let leading = operator.metric("signet_leading").await?;
            ensure!(leading == Some(0.0), "it took a Lease that is renewed");
            Ok(Observation::reached_if(renewals > begin + 60, renewals))
        };
        until("a while", &mut held).await?;
        renew(&bed, minutes, 0, 1).await?;
        until_admin_returns(&operator, "/metrics", |(_, text)| {
            text.lines().any(|line| line == "signet_leading 1")
        })
        .await?;
    }
    let leases = leases(&bed);
    let before = leases.get("signet").await?.metadata.uid;
    leases.delete("signet", &DeleteParams::default()).await?;
    let recreated = async || {
        let lease = leases.get_opt("signet").await?;
        let uid = lease.and_then(|lease| lease.metadata.uid);
        let leading = operator.metric("signet_leading").await?;
        ensure!(leading == Some(1.0), "its holder leads on");
        Ok(Observation::reached_if(
            uid.is_some() && uid != before,
            "it is gone",
        ))
    };
    until("the Lease to be recreated", recreated).await?;
    stop(operator).await
}

/// Renews the Lease as another replica whose clock is off by so many minutes.
async fn renew(bed: &Bed, minutes: i64, transitions: i32, seconds: i32) -> Result<()> {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    let patch = Patch::Merge(json!({ "spec": {
        "holderIdentity": "skewed",
        "leaseDurationSeconds": seconds,
        "leaseTransitions": transitions,
        "renewTime": MicroTime(now),
    }}));
    let params = PatchParams::default();
    leases(bed).patch("signet", &params, &patch).await?;
    Ok(())
}

fn leases(bed: &Bed) -> Api<Lease> {
    Api::namespaced(bed.client(), NAMESPACE)
}
