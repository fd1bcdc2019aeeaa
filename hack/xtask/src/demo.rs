//! `cargo xtask demo`: the main job, from nothing to a certificate that OpenSSL verifies.

mod show;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use signet_installation::{Expected, NAMESPACE};

use crate::session::{Home, Session};
use crate::up::{self, Up};

/// The samples that the README shows.
pub(crate) const SAMPLES: &str = "docs/samples/quickstart.yaml";
/// How long cert-manager and Signet may take, on a busy machine.
const PATIENCE: &str = "--timeout=120s";

/// What the samples are, and what cert-manager and Signet make of them.
const MADE: [Expected<'static>; 6] = [
    Expected {
        kind: ("v1", "Secret"),
        namespace: Some("default"),
        name: "web-tls",
    },
    Expected {
        kind: ("v1", "Secret"),
        namespace: Some(NAMESPACE),
        name: "example-ca",
    },
    Expected {
        kind: ("signet.dev/v1alpha1", "CAGeneration"),
        namespace: Some(NAMESPACE),
        name: "clusterissuer-example-1",
    },
    Expected {
        kind: ("signet.dev/v1alpha1", "ClusterIssuer"),
        namespace: None,
        name: "example",
    },
    Expected {
        kind: ("cert-manager.io/v1", "CertificateRequest"),
        namespace: Some("default"),
        name: "web-1",
    },
    Expected {
        kind: ("cert-manager.io/v1", "Certificate"),
        namespace: Some("default"),
        name: "web",
    },
];

/// Brings a cluster up, applies the samples, and shows what happened.
pub(crate) async fn run(root: PathBuf, home: Home, settings: Up) -> Result<()> {
    ensure!(
        !settings.without_signet,
        "the demo needs Signet; leave --without-signet out"
    );
    find_openssl()?;
    let mut session = up::up(home.clone(), settings).await?;
    if !session.own {
        let cluster = session.cluster.kubeconfig().display();
        println!("\nThis is on your cluster, by {cluster}.");
    }
    apply(&root, &home, &mut session).await?;
    show::heading("The issuer, its CA, and the certificate");
    kubectl(&session, &["get", "clusterissuers.signet.dev"])?;
    kubectl(&session, &["get", "cagenerations", "-A"])?;
    kubectl(
        &session,
        &["get", "certificates,certificaterequests", "-n", "default"],
    )?;
    let files = show::Files::read(&session, &home.folder)?;
    show::certificates(&files)?;
    show::verification(&files)?;
    show::what_next(&session);
    up::say_how_to_reach(&session);
    Ok(())
}

/// Applies the samples, and waits until both are Ready.
async fn apply(root: &Path, home: &Home, session: &mut Session) -> Result<()> {
    let Some(mut installation) = session.installation.clone() else {
        bail!(
            "what is up was begun with --without-signet, and the demo needs Signet; end it with \
             `cargo xtask down` first"
        );
    };
    if !session.own {
        // The project's own control plane goes as a whole; here each object has to be known.
        let mut record = session.recorder(home);
        if let Some(object) = installation.will_have(&MADE, &mut record).await? {
            bail!(
                "your cluster has a {object} already, which the demo would overwrite; Signet \
                 stays up on it, and `cargo xtask down` ends it"
            );
        }
    }
    show::heading(&format!("kubectl apply -f {SAMPLES}"));
    let samples = root.join(SAMPLES);
    kubectl(session, &["apply", "-f", &samples.to_string_lossy()])?;
    let wait = ["wait", "--for=condition=Ready", PATIENCE];
    for object in [
        &["clusterissuer.signet.dev/example"][..],
        &["certificate/web", "-n", "default"],
    ] {
        kubectl(session, &[&wait, object].concat())?;
    }
    installation.identify(&mut session.recorder(home)).await
}

fn find_openssl() -> Result<()> {
    match Command::new("openssl").arg("version").output() {
        Ok(version) if version.status.success() => Ok(()),
        _ => bail!(
            "the demo needs the openssl program; install OpenSSL (Debian: apt install openssl)"
        ),
    }
}

fn kubectl(session: &Session, arguments: &[&str]) -> Result<()> {
    let status = session
        .cluster
        .kubectl()
        .args(arguments)
        .status()
        .context("kubectl cannot be run")?;
    ensure!(
        status.success(),
        "kubectl {} failed; what is up stays up, and `cargo xtask down` ends it",
        arguments.join(" ")
    );
    Ok(())
}
