//! The Lease: one replica leads, the others stand by.

mod election;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api_error::describe;
use crate::api_health::{ApiHealth, Failure};
use crate::args::Run;
use crate::health::Health;
use crate::plan::FIELD_MANAGER;
use election::{Election, Next, Record};

pub const NAME: &str = "signet";

/// Whether this replica leads; without an election it always does.
#[derive(Debug)]
pub struct Lease {
    election: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// None until the Lease was read.
    leading: watch::Receiver<Option<bool>>,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Lease {
    /// Takes part in the election, as long as this value lives. What goes wrong is repeated, and
    /// readiness has it meanwhile.
    pub fn enter(
        client: Client,
        settings: &Run,
        identity: &str,
        (health, api_health): (Arc<Health>, Arc<ApiHealth>),
    ) -> Self {
        if !settings.leader_elect {
            return Self { election: None };
        }
        let (sender, leading) = watch::channel(None);
        let stop = CancellationToken::new();
        let candidate = Candidate {
            api: Api::namespaced(client, &settings.leader_election_namespace),
            election: Election::new(identity, settings.leader_election_lease_duration),
            manager: format!("{FIELD_MANAGER}-{identity}"),
            leading: sender,
            health,
            api_health,
            reported: None,
        };
        let ended = tokio::spawn(candidate.run(stop.clone()));
        let election = Some(Running {
            leading,
            stop,
            ended,
        });
        Self { election }
    }

    /// Returns whether this replica leads; none until the Lease was read.
    pub fn is_leading(&self) -> Option<bool> {
        let election = self.election.as_ref();
        election.map_or(Some(true), |running| *running.leading.borrow())
    }

    /// Waits for a change.
    ///
    /// # Errors
    /// The election has ended, which only a panic causes.
    pub async fn changed(&mut self) -> anyhow::Result<()> {
        match &mut self.election {
            Some(running) => Ok(running.leading.changed().await?),
            None => std::future::pending().await,
        }
    }

    /// Releases the Lease, so that a standby takes over at once.
    pub async fn release(self) {
        if let Some(running) = self.election {
            running.stop.cancel();
            // One that panicked has logged it.
            let _ = running.ended.await;
        }
    }
}

struct Candidate {
    api: Api<Object>,
    election: Election,
    manager: String,
    leading: watch::Sender<Option<bool>>,
    health: Arc<Health>,
    api_health: Arc<ApiHealth>,
    /// The error that was logged last.
    reported: Option<String>,
}

impl Candidate {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = Instant::now();
            let wait = match self.election.next(now) {
                Next::Wait(wait) => wait,
                next => match self.step(next, now).await {
                    Ok(()) => Duration::ZERO,
                    Err(error) => {
                        self.tell(error);
                        self.election.retry()
                    }
                },
            };
            let left = self.election.left(Instant::now());
            self.report();
            // A leader that cannot renew the Lease stands by in time.
            let wait = if left.is_zero() { wait } else { wait.min(left) };
            stop.run_until_cancelled(sleep(wait)).await;
            self.report();
        }
        self.release().await;
    }

    fn report(&mut self) {
        let now = Instant::now();
        let leading = self.election.is_leading(now);
        let leading = self.election.is_known().then_some(leading);
        self.leading.send_if_modified(|before| {
            let is_changed = leading.is_some() && *before != leading;
            if is_changed {
                *before = leading;
            }
            is_changed
        });
    }

    /// Makes one call. An error is why it was not answered.
    async fn step(&mut self, next: Next, now: Instant) -> Result<(), Failed> {
        let limit = self.election.attempt(now);
        // That there is nothing to create it in is no conflict.
        let conflicts: &[u16] = match next {
            Next::Create => &[409],
            Next::Read | Next::Write(_) | Next::Wait(_) => &[404, 409],
        };
        let answer = match next {
            Next::Read => {
                let read = timeout(limit, self.api.get_opt(NAME)).await;
                let found = read.map_err(|_| Failed::Timeout)??;
                self.election.read(found.map(Record::of), Instant::now());
                self.answered();
                return Ok(());
            }
            Next::Create => {
                let object = object(&self.election.record(None, Timestamp::now()));
                timeout(limit, self.api.create(&PostParams::default(), &object)).await
            }
            Next::Write(before) => {
                let record = self.election.record(Some(&before), Timestamp::now());
                timeout(limit, self.patch(&record)).await
            }
            Next::Wait(_) => return Ok(()),
        };
        match answer.map_err(|_| Failed::Timeout)? {
            Ok(written) => self.election.wrote(Record::of(written), now),
            Err(kube::Error::Api(status)) if conflicts.contains(&status.code) => {
                self.election.conflict();
            }
            Err(error) => return Err(error.into()),
        }
        self.answered();
        Ok(())
    }

    /// Writes a record if the Lease still has the version in it.
    async fn patch(&self, record: &Record) -> kube::Result<Object> {
        let object = object(record);
        let patch = json!({
            "metadata": { "resourceVersion": record.version },
            "spec": {
                "holderIdentity": record.holder,
                "leaseDurationSeconds": record.seconds,
                "leaseTransitions": record.transitions,
                "acquireTime": object.spec.as_ref().map(|spec| &spec.acquire_time),
                "renewTime": object.spec.as_ref().map(|spec| &spec.renew_time),
            },
        });
        let params = PatchParams {
            field_manager: Some(self.manager.clone()),
            ..PatchParams::default()
        };
        self.api.patch(NAME, &params, &Patch::Merge(&patch)).await
    }

    fn answered(&mut self) {
        if self.reported.take().is_some() {
            tracing::info!("the Lease can be read and written again");
        }
        self.health.set_lease_problem(None);
    }

    /// Reports an error, once for as long as it lasts.
    fn tell(&mut self, error: Failed) {
        let message = error.to_string();
        let is_outage = match &error {
            Failed::Api(error) => self.api_health.tells(error),
            // The client counts none that was given up before its own deadline.
            Failed::Timeout => {
                self.api_health.failed(Failure::Timeout);
                true
            }
        };
        if !is_outage && self.reported.as_ref() != Some(&message) {
            tracing::warn!(error = message, "cannot read or write the Lease {NAME}");
            self.reported = Some(message.clone());
        }
        self.health.set_lease_problem(Some(message));
    }

    async fn release(self) {
        let now = Instant::now();
        let Some(held) = self.election.holds(now) else {
            return;
        };
        let released = Record {
            holder: None,
            seconds: Some(1),
            renewed: Some(Timestamp::now()),
            ..held.clone()
        };
        let error = match timeout(self.election.attempt(now), self.patch(&released)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => describe(&error),
            Err(_) => Failed::Timeout.to_string(),
        };
        tracing::warn!(
            error,
            "the Lease was not released; it expires without renewal"
        );
    }
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{}", describe(.0))]
    Api(#[from] kube::Error),
    #[error("the API server did not answer in time")]
    Timeout,
}

fn object(record: &Record) -> Object {
    Object {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: record.holder.clone(),
            lease_duration_seconds: record.seconds,
            lease_transitions: Some(record.transitions),
            acquire_time: record.acquired.map(MicroTime),
            renew_time: record.renewed.map(MicroTime),
            ..LeaseSpec::default()
        }),
    }
}
