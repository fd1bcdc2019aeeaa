//! A MeshCA gives istiod its CA, and replaces every link above the workloads while they connect.

mod cacerts;
mod live;
mod pair;

use std::path::Path;

use anyhow::Result;

use super::Shell;
use super::shell::comment;
use super::workload::{Agents, prepare};
use crate::keep::{self, IstiodFacts, Server};
use crate::session::{Home, Session};
use crate::up;
use live::Live;

/// How long certificates of workloads live, as the patch below has it.
const LEAF_SECONDS: u32 = 20;

/// The sample, with lifetimes of seconds and a root that Signet itself signs.
const MESH_CA: [&str; 4] = [
    r#"cp docs/samples/istio-mesh-ca.yaml "$DEMO"
cat > "$DEMO/kustomization.yaml" <<EOF
resources: [istio-mesh-ca.yaml]
patches:
  - patch: |
      apiVersion: signet.dev/v1alpha1
      kind: ClusterIssuer
      metadata: {name: corp-istio}
      spec:
        certificate: {manual: null, selfSigned: {}}
        rotation: {activation: Manual}
        profile: {minDuration: 10s}
  - patch: |
      apiVersion: signet.dev/v1alpha1
      kind: MeshCA
      metadata: {name: istio, namespace: istio-system}
      spec:
        certificate: {issuerRef: {duration: 1h}}
        maxLeafLifetime: 20s
        propagation: 10s
EOF"#,
    r#"kubectl apply -k "$DEMO""#,
    "kubectl wait meshcas.signet.dev/istio -n istio-system --for=condition=Ready --timeout=300s",
    "kubectl get meshcas.signet.dev,secrets -n istio-system",
];

/// As docs/meshes/istio-mesh-ca.md has it.
const INSTALL: [&str; 2] = [
    "helm install istio-base \"$DEMO/base\" -n istio-system --set defaultRevision=default",
    "helm install istiod \"$DEMO/istiod\" -n istio-system \\\n  \
     -f docs/meshes/istio-mesh-ca-values.yaml --set env.MAX_WORKLOAD_CERT_TTL=20s",
];
const SHOP: [&str; 3] = [
    "kubectl rollout status deployment/istiod -n istio-system --timeout=60s",
    "kubectl create namespace shop",
    "kubectl create serviceaccount orders -n shop\nkubectl create serviceaccount payments -n shop",
];

const ANOTHER_KEY: &str = "kubectl patch meshcas.signet.dev istio -n istio-system --type=merge \\\n  \
     -p '{\"spec\":{\"rotation\":{\"requestID\":\"another-key\"}}}'";

const ANOTHER_ROOT: [&str; 2] = [
    "kubectl patch clusterissuers.signet.dev corp-istio --type=merge \\\n  \
     -p '{\"spec\":{\"key\":{\"software\":{\"secretName\":\"corp-istio-2\"}}}}'",
    r#"until kubectl get clusterissuers.signet.dev corp-istio \
    -o jsonpath='{.status.ca[?(@.role=="Next")].fingerprint}' | grep . > "$DEMO/next-root"
do sleep 1; done"#,
];

const ACTIVATE: [&str; 2] = [
    "kubectl patch clusterissuers.signet.dev corp-istio --type=merge \\\n  \
     -p '{\"spec\":{\"rotation\":{\"activate\":\"'\"$(cat \"$DEMO/next-root\")\"'\"}}}'",
    "kubectl patch meshcas.signet.dev istio -n istio-system --type=merge \\\n  \
     -p '{\"spec\":{\"rotation\":{\"requestID\":\"another-root\"}}}'",
];

const REVOKE: &str = r#"old=$(kubectl get clusterissuers.signet.dev corp-istio \
  -o jsonpath='{.status.ca[?(@.generation==1)].keyFingerprint}')
kubectl patch clusterissuers.signet.dev corp-istio --type=merge \
  -p '{"spec":{"rotation":{"revoked":["'"$old"'"]}}}'"#;

const EVENTS: &str = "kubectl events -n istio-system --for meshca/istio";

/// Installs Istio below a MeshCA, and rotates its key and its root.
pub(super) async fn run(root: &Path, home: &Home, session: &Session) -> Result<()> {
    let (agent, shell) = prepare("--mesh", root, home, session)?;
    comment(
        "An issuer with a root, and a MeshCA below it. Workloads will have certificates of 20 s,\n\
         # and what is written reaches istiod within 10 s. So a rotation of the root waits 30 s\n\
         # where a mesh with the defaults waits a day.",
    );
    run_all(&shell, &MESH_CA)?;
    comment("Istio, which finds its CA in the Secret cacerts:");
    run_all(&shell, &INSTALL)?;
    comment(
        "There is no kubelet: istiod runs as a process with what its Deployment says, and its files\n\
         # follow the Secret every 2 s.",
    );
    let istiod: IstiodFacts = keep::ensure(&home.folder, Server::Istiod).await?;
    run_all(&shell, &SHOP)?;
    let agents = Agents {
        cluster: &session.cluster,
        agent,
        istiod,
    };
    let mut live = Live::start(&session.cluster.client().await?, &agents);
    rotate(&shell, &mut live).await?;
    comment("What Signet has reported of it:");
    shell.run(EVENTS)?;
    println!("\n{} handshakes by mTLS, 0 failed", live.handshakes());
    println!("\n  cargo xtask down          stops and removes all of this\n");
    up::print_export(session);
    Ok(())
}

async fn rotate(shell: &Shell, live: &mut Live<'_>) -> Result<()> {
    comment(
        "Two workloads take turns in renewing their certificates, and connect with each other by\n\
         # mTLS after each renewal. A line shows what has changed.\n",
    );
    live.until("both workloads to connect", |seen| {
        seen.are_signed_by_the_ca()
    })
    .await?;

    comment("Another key for istiod's CA. The root is the same, so nothing has to wait:");
    shell.run(ANOTHER_KEY)?;
    println!();
    let before = live.ca();
    live.until("another key to sign", |seen| {
        seen.ca() != before.as_ref() && seen.are_signed_by_the_ca()
    })
    .await?;

    comment("Another root at the issuer above. It is trusted before anything is signed below it:");
    run_all(shell, &ANOTHER_ROOT)?;
    println!();
    live.until("istiod to trust both roots", |seen| seen.istiod_trusts(2))
        .await?;

    comment(
        "A person has it sign, and asks for another CA of the mesh. Signet prepares that, and waits\n\
         # until no workload is left that knows only the old root:",
    );
    run_all(shell, &ACTIVATE)?;
    println!();
    let before = live.ca();
    live.until("the CA below the other root to sign", |seen| {
        seen.ca() != before.as_ref() && seen.are_signed_by_the_ca()
    })
    .await?;

    comment(
        "The old root would stay until the last CA certificate below it has expired. A person\n\
         # withdraws it earlier, and Signet removes it when the certificates of workloads have:",
    );
    shell.run(REVOKE)?;
    println!();
    live.until("the old root to be gone", |seen| {
        seen.istiod_trusts(1) && seen.workloads_trust(1)
    })
    .await
}

fn run_all(shell: &Shell, scripts: &[&str]) -> Result<()> {
    scripts.iter().try_for_each(|script| shell.run(script))
}
