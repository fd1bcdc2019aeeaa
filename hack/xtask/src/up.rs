//! `cargo xtask up` and `down`: a cluster with Signet in it, left running.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use signet_controlplane::{ControlPlane, Options};
use signet_installation::{Cluster, Installation, Life, Operator, OperatorOptions, Profile};

use crate::session::{Session, folder};

/// The flags of `up` and `demo`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Up {
    /// Use this cluster, where cert-manager is already, instead of starting one.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Leave Signet out.
    #[arg(long)]
    pub(crate) without_signet: bool,
}

/// Brings a cluster up, or finds the one that is up, and says how to reach it.
pub(crate) async fn up(root: &Path, settings: &Up) -> Result<Session> {
    if let Some(session) = Session::read(root)? {
        if session.is_alive()? {
            if settings.kubeconfig.is_some() || settings.without_signet {
                bail!("something is up already; end it with `cargo xtask down` first");
            }
            return Ok(session);
        }
        eprintln!("What was up is there no more; it is cleared away.");
        session.end(root).await?;
    }
    fs::create_dir_all(folder(root))?;
    let session = match start(root, settings).await {
        Ok(session) => session,
        Err(error) => {
            undo(root)?;
            return Err(error);
        }
    };
    session.write(root)?;
    Ok(session)
}

/// How to reach what is up.
pub(crate) fn say_how_to_reach(session: &Session) {
    println!(
        "export KUBECONFIG={}",
        session.cluster.kubeconfig().display()
    );
}

/// Ends what is up.
pub(crate) async fn down(root: &Path) -> Result<()> {
    match Session::read(root)? {
        Some(session) => session.end(root).await?,
        None => println!("Nothing is up."),
    }
    Ok(())
}

async fn start(root: &Path, settings: &Up) -> Result<Session> {
    let (cluster, plane) = match &settings.kubeconfig {
        Some(kubeconfig) => (Cluster::of_user(kubeconfig)?, None),
        None => {
            let state = plane_folder(root);
            let options = Options {
                state: Some(state.clone()),
                ..Options::default()
            };
            let plane = ControlPlane::start_detached(&options)?;
            (Cluster::own(&plane), Some(state))
        }
    };
    let mut session = Session {
        cluster,
        plane,
        installation: None,
        operator: None,
    };
    if settings.without_signet {
        return Ok(session);
    }
    let installation = Installation::apply(session.cluster.clone()).await?;
    // From here on `down` can undo it, whatever fails next.
    session.installation = Some(installation.clone());
    session.write(root)?;
    let kubeconfig = installation.operator_kubeconfig(&folder(root)).await?;
    let options = OperatorOptions {
        kubeconfig,
        log: folder(root).join("signet.log"),
        profile: Profile::Dev,
        life: Life::Detached,
        flags: Vec::new(),
    };
    session.operator = Some(Operator::start(&options).await?.pid());
    Ok(session)
}

/// Clears away a start that failed half-way.
fn undo(root: &Path) -> Result<()> {
    if let Some(plane) = ControlPlane::attach(&plane_folder(root))? {
        plane.stop()?;
    }
    // A user's cluster keeps its session, so that `down` can remove what was applied.
    if Session::read(root)?.is_none_or(|session| session.plane.is_some()) {
        fs::remove_dir_all(folder(root))?;
    }
    Ok(())
}

fn plane_folder(root: &Path) -> PathBuf {
    folder(root).join("plane")
}
