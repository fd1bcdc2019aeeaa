//! The control plane with Signet on it, and the operator that is killed again and again.

use std::path::PathBuf;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use signet_testbed::controlplane::{Cluster, ControlPlane, Options};
use signet_testbed::installation::{Installation, Operator, OperatorOptions, Profile};
use signet_testbed::supervise::Life;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::generations::Event;
use crate::timeline::Timeline;

/// The namespace of the requests.
pub const REQUESTS: &str = "soak";

/// A person's chain and the next operator must not be waited for long.
const FLAGS: [&str; 4] = [
    "--issuer-resync-interval",
    "2s",
    "--leader-election-lease-duration",
    "3s",
];

/// A control plane with cert-manager and Signet's objects on it.
#[allow(missing_debug_implementations, reason = "it has a client")]
pub struct Bed {
    /// The administrator's client.
    pub client: Client,
    plane: ControlPlane,
    kubeconfig: PathBuf,
}

impl Bed {
    /// Starts the control plane. It ends with this value.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start() -> Result<Self> {
        let plane = ControlPlane::start(&Options {
            // It would cost the API server CPU on each request.
            audit_log: false,
            ..Options::default()
        })
        .await?;
        let installation = Installation::apply(plane.cluster().clone()).await?;
        let kubeconfig = installation.operator_kubeconfig(plane.folder()).await?;
        let client = plane.client().await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": REQUESTS },
        });
        let parameters = PatchParams::apply("signet-soak");
        namespaces
            .patch(REQUESTS, &parameters, &Patch::Apply(&namespace))
            .await?;
        Ok(Self {
            client,
            plane,
            kubeconfig,
        })
    }

    /// Starts the operator and waits until it leads.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn operator(&self) -> Result<Operator> {
        let options = OperatorOptions {
            kubeconfig: self.kubeconfig.clone(),
            log: self.plane.logs().join("signet.log"),
            profile: Profile::Dev,
            life: Life::Bound,
            flags: FLAGS.map(str::to_owned).to_vec(),
        };
        Operator::start(&options).await
    }

    /// Returns the cluster.
    pub fn cluster(&self) -> &Cluster {
        self.plane.cluster()
    }

    /// Returns the file for the log of a further server.
    pub fn log(&self, name: &str) -> PathBuf {
        self.plane.logs().join(format!("{name}.log"))
    }

    /// Returns the end of the operator's log.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = std::fs::read_to_string(self.plane.logs().join("signet.log"));
        let log = log.unwrap_or_default();
        let all: Vec<_> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// How often the operator is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kills {
    /// Once for each generation.
    Few,
    /// As soon as it is back.
    Many,
}

/// Has the operator run, and killed so often, if at all. Without an end.
///
/// # Errors
/// The operator does not get ready again.
pub async fn operate(
    bed: &Bed,
    kills: Option<Kills>,
    operator: Operator,
    events: UnboundedReceiver<(u32, Event)>,
    timeline: &Timeline,
) -> Result<()> {
    match kills {
        Some(kills) => keep_killing(bed, kills, operator, events, timeline).await,
        None => {
            let _running = (operator, events);
            std::future::pending().await
        }
    }
}

/// Kills the operator with SIGKILL as soon as something has happened to a generation, and starts
/// it again: after each event in turn, so that it ends between all pairs of writes.
async fn keep_killing(
    bed: &Bed,
    kills: Kills,
    mut operator: Operator,
    mut events: UnboundedReceiver<(u32, Event)>,
    timeline: &Timeline,
) -> Result<()> {
    let mut last = 0;
    for wanted in Event::ALL.into_iter().cycle() {
        // What happened while it started is past.
        while events.try_recv().is_ok() {}
        last = loop {
            let (generation, event) = events.recv().await.context("the watch has ended")?;
            if event == wanted && (kills == Kills::Many || generation > last) {
                break generation;
            }
        };
        operator.kill()?;
        timeline.add_kill();
        operator = bed.operator().await?;
    }
    Ok(())
}
