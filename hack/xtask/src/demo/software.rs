//! The README's samples: a key in a Secret.

use std::path::Path;

use anyhow::{Result, bail};
use signet_testbed::installation::{Expected, NAMESPACE};

use super::{Key, Made, await_ready, kubectl, show};
use crate::session::{Home, Session};

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

/// Applies the samples, and waits until both are Ready.
pub(super) async fn make(root: &Path, home: &Home, session: &mut Session) -> Result<Made> {
    if !session.own {
        let cluster = session.cluster.kubeconfig().display();
        println!("\nThis is on your cluster, by {cluster}.");
    }
    let mut installation = session.with_signet()?;
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
    let samples = Key::Software.sample();
    show::heading(&format!("kubectl apply -f {samples}"));
    kubectl(
        session,
        &["apply", "-f", &root.join(samples).to_string_lossy()],
    )?;
    let issuer = vec!["clusterissuer.signet.dev/example".to_owned()];
    await_ready(session, &issuer)?;
    let certificate = ["certificate/web", "-n", "default"];
    await_ready(session, &certificate.map(str::to_owned))?;
    installation.identify(&mut session.recorder(home)).await?;
    Ok(Made {
        issuer,
        secret: ("default".to_owned(), "web-tls".to_owned()),
        next: NEXT.map(str::to_owned).to_vec(),
    })
}

const NEXT: [&str; 5] = [
    "kubectl describe clusterissuers.signet.dev example    its conditions and events",
    "kubectl explain issuers.signet.dev.spec               the API, field by field",
    "kubectl get certificaterequests -o yaml               what Signet wrote, in one write",
    "change the URI in docs/samples/quickstart.yaml to another namespace, apply it, and see",
    "    it refused: kubectl describe certificaterequests",
];
