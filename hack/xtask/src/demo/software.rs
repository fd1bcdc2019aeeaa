//! The quick start: a key in a Secret.

use anyhow::{Result, bail};
use signet_testbed::installation::{Expected, NAMESPACE};

use super::Shell;
use crate::session::{Home, Session};

/// The objects of the sample, and those that cert-manager and Signet make because of them.
const MADE: [Expected<'static>; 6] = [
    expected(("v1", "Secret"), Some("default"), "web-tls"),
    expected(("v1", "Secret"), Some(NAMESPACE), "example-ca"),
    expected(
        (OURS, "CAGeneration"),
        Some(NAMESPACE),
        "clusterissuer-example-1",
    ),
    expected((OURS, "ClusterIssuer"), None, "example"),
    expected(
        (CERT_MANAGERS, "CertificateRequest"),
        Some("default"),
        "web-1",
    ),
    expected((CERT_MANAGERS, "Certificate"), Some("default"), "web"),
];

const OURS: &str = "signet.dev/v1alpha1";
const CERT_MANAGERS: &str = "cert-manager.io/v1";

const fn expected(
    kind: (&'static str, &'static str),
    namespace: Option<&'static str>,
    name: &'static str,
) -> Expected<'static> {
    Expected {
        kind,
        namespace,
        name,
    }
}

/// What to try next.
pub(super) const NEXT: [&str; 4] = [
    "kubectl explain issuers.signet.dev.spec               the API, field by field",
    "kubectl get certificaterequests -o yaml               what Signet wrote, in one write",
    "change the URI in docs/samples/quickstart.yaml to another namespace, apply it, and see",
    "    it refused: kubectl describe certificaterequests",
];

/// Applies the sample. On a user's own cluster, each object has to be known, so that `down` can
/// remove it; the project's own control plane goes as a whole.
pub(super) async fn apply(shell: &Shell, home: &Home, session: &mut Session) -> Result<()> {
    let mut installation = session.with_signet()?;
    if !session.own {
        let mut record = session.recorder(home);
        if let Some(object) = installation.will_have(&MADE, &mut record).await? {
            bail!(
                "your cluster already has a {object}, which the demo would overwrite; Signet \
                 runs on it until `cargo xtask down`"
            );
        }
    }
    shell.run("kubectl apply -f docs/samples/quickstart.yaml")
}

/// Stores the UIDs of what was made, now that it is there.
pub(super) async fn identify(home: &Home, session: &mut Session) -> Result<()> {
    let mut installation = session.with_signet()?;
    installation.identify(&mut session.recorder(home)).await
}
