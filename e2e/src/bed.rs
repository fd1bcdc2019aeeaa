//! A control plane with Signet on it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use kube::Client;
use signet_testbed::Proxy;
use signet_testbed::controlplane::{CertManagerOptions, ControlPlane, Options, kubeconfig};
use signet_testbed::installation::{
    Installation, Operator, OperatorOptions, Profile, operator_binary,
};
use signet_testbed::supervise::Life;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::audit::AuditLog;
use crate::runtime::blocking;
use crate::user::{self, User};
use crate::written::WrittenTexts;

/// An issuer's Secret is read again at this pace, so that a test that changes one does not wait for a
/// minute; a CA counts as lost, and a request as one that no approver decides on, after a few seconds.
const PACE: [&str; 6] = [
    "--issuer-resync-interval",
    "2s",
    "--ca-loss-delay",
    "3s",
    "--approval-event-delay",
    "10s",
];
/// At the most detailed level, so that a search for secrets in the log finds all there is.
const LOG: [&str; 2] = ["--log", "trace"];
/// cert-manager's approver approves whatever it may. Where tests approve and deny themselves it
/// must be off.
const WITHOUT_APPROVER: [&str; 2] = ["*", "-certificaterequests-approver"];

static SETUP: OnceLock<Setup> = OnceLock::new();
static SHARED: OnceCell<Result<Bed, String>> = OnceCell::const_new();
static OWN: [Own; 3] = [const { Own::new() }; 3];

/// What a test program wants of its beds. Without one, tests approve by themselves, the shared
/// bed's operator has no further flags, and output is not recorded; with one, operators log at all
/// levels.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Whether cert-manager's approver approves whatever it may.
    pub approves: bool,
    /// Starts what is needed before the first test.
    pub prepare: fn() -> Result<()>,
    /// How many tests run at a time; those that wait for their turn count too.
    pub threads: usize,
    /// Further flags of the shared bed's operator.
    pub flags: fn() -> Result<Vec<String>>,
}

/// A control plane with cert-manager and Signet's objects on it. It ends with this process,
/// however that ends.
pub struct Bed {
    plane: ControlPlane,
    client: Client,
    /// Of the operator's ServiceAccount.
    kubeconfig: PathBuf,
    approver: OnceCell<User>,
    operator: OnceCell<Operator>,
    written: Option<WrittenTexts>,
    audited: parking_lot::Mutex<AuditLog>,
}

/// The Kubernetes that a control plane of a test's own behaves as. Each version has one, which is
/// started by the first test that needs it.
#[derive(Clone, Copy, Debug)]
pub enum Kubernetes {
    /// The version that is pinned.
    Newest,
    /// It serves PodCertificateRequest and ClusterTrustBundle as v1beta1 only.
    V1_36,
    /// It serves neither.
    V1_35,
}

impl Kubernetes {
    fn options(self) -> Options {
        match self {
            Self::Newest => Options::default(),
            Self::V1_36 => Options::default().emulating_1_36(),
            Self::V1_35 => Options::default().emulating_1_35(),
        }
    }
}

/// A control plane for one test at a time.
struct Own {
    bed: OnceCell<Result<Bed, String>>,
    turn: Mutex<()>,
}

impl Own {
    const fn new() -> Self {
        Self {
            bed: OnceCell::const_new(),
            turn: Mutex::const_new(()),
        }
    }
}

/// A control plane other than the shared one, for one test at a time: cert-manager with its approver, and
/// no operator but those that the test starts.
#[derive(Debug)]
pub struct OwnBed {
    bed: &'static Bed,
    _turn: MutexGuard<'static, ()>,
}

impl Bed {
    /// The bed of all tests that do not restart the operator: it runs, and cert-manager's approver
    /// does not. The first who asks starts it.
    ///
    /// # Errors
    /// It could not be started, for anyone.
    pub async fn shared() -> Result<&'static Self> {
        let start = async || {
            let setup = SETUP.get();
            let approves = setup.is_some_and(|setup| setup.approves);
            let controllers: &[&str] = if approves { &["*"] } else { &WITHOUT_APPROVER };
            let bed = Self::start(controllers, Options::default()).await?;
            let flags = setup.map_or(Ok(Vec::new()), |setup| (setup.flags)())?;
            let flags: Vec<_> = flags.iter().map(String::as_str).collect();
            let operator = bed.start_operator(&flags).await?;
            bed.operator.set(operator).context("it was started once")?;
            Ok(bed)
        };
        let shared = SHARED
            .get_or_init(async || shared_error(start().await))
            .await;
        shared.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// Configures the shared bed before its first use.
    pub(crate) fn set_up(setup: Setup) {
        // A program has one.
        let _ = SETUP.set(setup);
    }

    /// The control plane of this version, when it is this test's turn.
    ///
    /// # Errors
    /// It could not be started, for anyone.
    pub async fn own(kubernetes: Kubernetes) -> Result<OwnBed> {
        let own = &OWN[kubernetes as usize];
        let turn = own.turn.lock().await;
        let start = async || {
            let bed = Self::start(&["*"], kubernetes.options()).await?;
            if matches!(kubernetes, Kubernetes::V1_36) {
                user::authorize_nodes(&bed.client).await?;
            }
            Ok(bed)
        };
        let bed = own.bed.get_or_init(async || shared_error(start().await));
        let bed = bed.await.as_ref().map_err(|error| anyhow!("{error}"))?;
        Ok(OwnBed { bed, _turn: turn })
    }

    /// Those that were started in this run.
    pub fn started() -> Vec<&'static Self> {
        let own = OWN.iter().map(|own| &own.bed);
        let cells = std::iter::once(&SHARED).chain(own);
        cells.filter_map(|cell| cell.get()?.as_ref().ok()).collect()
    }

    async fn start(controllers: &[&str], options: Options) -> Result<Self> {
        let cert_manager = CertManagerOptions {
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            ..CertManagerOptions::default()
        };
        let options = Options {
            cert_manager: Some(cert_manager),
            ..options
        };
        blocking(|| operator_binary(Profile::Dev).map(drop)).await?;
        let plane = ControlPlane::start(&options).await?;
        let installation = Installation::apply(plane.cluster().clone()).await?;
        let kubeconfig = installation.operator_kubeconfig(plane.folder()).await?;
        let client = plane.client().await?;
        let written = SETUP.get().map(|_| WrittenTexts::watch(&client));
        Ok(Self {
            plane,
            client,
            kubeconfig,
            approver: OnceCell::new(),
            operator: OnceCell::new(),
            written,
            audited: parking_lot::Mutex::default(),
        })
    }

    /// Starts an operator and waits until it is ready.
    ///
    /// # Errors
    /// It did not get ready.
    pub async fn start_operator(&self, flags: &[&str]) -> Result<Operator> {
        Operator::start(&self.operator_options(flags)).await
    }

    /// How an operator is started here: under the chart's ServiceAccount, bound to this process.
    pub fn operator_options(&self, flags: &[&str]) -> OperatorOptions {
        let log = SETUP.get().map_or(&[][..], |_| &LOG);
        let flags = PACE.iter().chain(log).chain(flags);
        OperatorOptions {
            kubeconfig: self.kubeconfig.clone(),
            log: self.operator_log(),
            profile: Profile::Dev,
            life: Life::Bound,
            flags: flags.map(|flag| (*flag).to_owned()).collect(),
        }
    }

    /// As [`Self::operator_options`], for an operator that reaches the API server through a proxy.
    ///
    /// # Errors
    /// The kubeconfig cannot be written.
    pub fn operator_options_through(
        &self,
        proxy: &Proxy,
        flags: &[&str],
    ) -> Result<OperatorOptions> {
        let (address, ca) = (proxy.address(), proxy.ca_pem());
        let name = format!("through-{}", proxy.port());
        Ok(OperatorOptions {
            kubeconfig: kubeconfig::through(&self.kubeconfig, &name, &address, ca)?,
            ..self.operator_options(flags)
        })
    }

    /// A proxy in front of the API server.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn api_server_proxy(&self) -> Result<Proxy> {
        let ca = std::fs::read_to_string(self.plane.folder().join("pki/ca.crt"))?;
        Proxy::https(&self.plane.server(), Some(&ca))
    }

    /// The shared bed's operator.
    pub fn operator(&self) -> Option<&Operator> {
        self.operator.get()
    }

    /// A client as the administrator, who is not a ServiceAccount.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What was to be read in objects, where the program has a [`Setup`].
    pub fn written(&self) -> Option<&WrittenTexts> {
        self.written.as_ref()
    }

    /// The control plane.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// The log of every operator that was started here.
    pub fn operator_log(&self) -> PathBuf {
        self.plane.logs().join("signet.log")
    }

    /// The API server's audit log.
    ///
    /// # Errors
    /// It is not written.
    pub fn audit_log(&self) -> Result<&Path> {
        self.plane.audit_log().context("the audit log is off")
    }

    /// Restarts the API server, and returns when it serves. Until it has read its roles it refuses
    /// what is allowed, so such refusals do not count in the audit log.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn restart_api_server(&self) -> Result<()> {
        let log = self.audit_log()?;
        self.audited().starts(log)?;
        self.plane.restart_apiserver().await?;
        self.audited().has_started(log)
    }

    /// What was read of the audit log so far.
    pub(crate) fn audited(&self) -> parking_lot::MutexGuard<'_, AuditLog> {
        self.audited.lock()
    }

    /// A ServiceAccount that may approve and deny what Signet is asked for, and nothing else.
    ///
    /// # Errors
    /// The API server did not take one of its objects.
    pub async fn approver(&'static self) -> Result<&'static User> {
        self.approver.get_or_try_init(|| user::approver(self)).await
    }
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed")
            .field("plane", &self.plane)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for OwnBed {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        self.bed
    }
}

impl OwnBed {
    /// The bed, for what outlives the turn.
    pub fn bed(&self) -> &'static Bed {
        self.bed
    }
}

/// An error as every test that needs the bed reports it.
fn shared_error<T>(result: Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}
