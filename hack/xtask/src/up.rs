//! `cargo xtask up` and `down`: a cluster with Signet in it, left running.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use signet_testbed::controlplane::{Cluster, Toolchain};
use signet_testbed::installation::{
    Installation, Operator, OperatorOptions, Profile, operator_binary,
};
use signet_testbed::supervise::{Life, running, stop_process};

use crate::keep::{self, Server};
use crate::quote::quoted;
use crate::session::{Home, Session, State};

/// The flags of `up` and `demo`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Up {
    /// Use this cluster, which has cert-manager, instead of starting one.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Do not install Signet.
    #[arg(long)]
    pub(crate) without_signet: bool,
    #[command(flatten)]
    pub(crate) state: State,
}

/// Starts a cluster, or finds the one that runs. Undoes what fails half-way.
pub(crate) async fn up(home: Home, settings: Up) -> Result<Session> {
    if let Some(session) = resume(&home, &settings).await? {
        return Ok(session);
    }
    home.begin()?;
    match start(&home, &settings).await {
        Ok(session) => Ok(session),
        Err(error) => {
            let undone = home.undo().await;
            undone.with_context(|| format!("{error:#}; cannot undo it, run `cargo xtask down`"))?;
            Err(error)
        }
    }
}

/// Has the operator run with a further flag: starts it again if it runs without.
pub(crate) async fn with_flag(home: &Home, session: &mut Session, flag: String) -> Result<()> {
    if session.flags.contains(&flag) {
        return Ok(());
    }
    session.flags.push(flag);
    home.write(session)?;
    for pid in running("run", &home.folder)? {
        stop_process(pid).await?;
    }
    run_signet(home, session).await
}

/// Prints how to reach the cluster, as one line for a shell.
pub(crate) fn print_export(session: &Session) {
    println!("export KUBECONFIG={}", quoted(session.cluster.kubeconfig()));
}

/// Ends what is up.
pub(crate) async fn down(home: Home) -> Result<()> {
    if home.folder.exists() {
        home.end().await?;
        eprintln!("stopped and removed everything");
    } else {
        eprintln!("nothing is running");
    }
    Ok(())
}

/// The session that runs. Starts what is missing of an incomplete one.
async fn resume(home: &Home, settings: &Up) -> Result<Option<Session>> {
    let Some(mut session) = home.session()? else {
        if home.folder.exists() {
            eprintln!("removing what an earlier `up` left");
            home.end().await?;
        }
        return Ok(None);
    };
    if !session.has_cluster(home)? {
        eprintln!("the control plane has ended; removing what it left");
        home.end().await?;
        return Ok(None);
    }
    if let Some(kubeconfig) = &settings.kubeconfig
        && !session.is_of(kubeconfig)?
    {
        bail!("another cluster is already running; run `cargo xtask down` first");
    }
    if settings.without_signet && session.installation.is_some() {
        bail!("the cluster already runs Signet; run `cargo xtask down` first");
    }
    if session.is_up(home)? {
        eprintln!("already running; to run a newer build, run `cargo xtask down` first");
    } else {
        eprintln!("already running, but incomplete; starting what is missing");
        build()?;
        run_signet(home, &mut session).await?;
    }
    Ok(Some(session))
}

async fn start(home: &Home, settings: &Up) -> Result<Session> {
    build()?;
    let cluster = match &settings.kubeconfig {
        Some(kubeconfig) => Cluster::new(kubeconfig, &home.folder, &Toolchain::new()?)?,
        None => control_plane(home).await?,
    };
    let with_signet = !settings.without_signet;
    let mut session = Session {
        installation: with_signet.then(|| Installation::begin(cluster.clone())),
        cluster,
        own: settings.kubeconfig.is_none(),
        operator: None,
        flags: Vec::new(),
    };
    home.write(&session)?;
    if with_signet {
        run_signet(home, &mut session).await?;
    }
    Ok(session)
}

fn build() -> Result<()> {
    eprintln!("building the operator");
    operator_binary(Profile::Dev).map(drop)
}

async fn control_plane(home: &Home) -> Result<Cluster> {
    // Here and not where it is started, so that users see what is being built.
    Toolchain::new()?.build_all()?;
    keep::ensure(&home.folder, Server::ControlPlane).await
}

/// Applies Signet's objects, as far as they are not there, and runs the operator. Every step is
/// written down before it is made.
async fn run_signet(home: &Home, session: &mut Session) -> Result<()> {
    let Some(mut installation) = session.installation.clone() else {
        return Ok(());
    };
    if !installation.is_complete() {
        eprintln!("installing Signet's CRDs and chart");
        installation.complete(&mut session.recorder(home)).await?;
    }
    let kubeconfig = match &session.operator {
        Some(kubeconfig) => kubeconfig.clone(),
        None => installation.operator_kubeconfig(&home.folder).await?,
    };
    session.operator = Some(kubeconfig.clone());
    home.write(session)?;
    eprintln!("starting the operator");
    let begin = Instant::now();
    Operator::start(&OperatorOptions {
        kubeconfig,
        log: home.folder.join("signet.log"),
        profile: Profile::Dev,
        life: Life::Detached,
        flags: session.flags.clone(),
    })
    .await?;
    eprintln!("operator: ready in {} s", begin.elapsed().as_secs());
    Ok(())
}
