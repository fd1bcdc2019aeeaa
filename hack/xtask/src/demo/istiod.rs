//! istiod as a registration authority: Signet signs the certificates of its workloads.

use std::fs;
use std::path::Path;

use anyhow::Result;
use signet_testbed::istio::{AgentKey, Workload};
use signet_testbed::pki::write_private;

use super::Shell;
use super::shell::comment;
use super::workload::{Agents, TRUST_DOMAIN, prepare};
use crate::keep::{self, IstiodFacts, Server};
use crate::session::{Home, Session};
use crate::up;

const WORKLOADS: [(&str, AgentKey); 2] = [("orders", AgentKey::Rsa), ("payments", AgentKey::P256)];

/// As docs/meshes/istiod-ra.md has it.
const ISSUER: [&str; 3] = [
    "kubectl apply -f docs/samples/istiod-ra.yaml",
    "kubectl wait --for=condition=Ready --timeout=300s clusterissuers.signet.dev/istio",
    "kubectl get clusterissuers.signet.dev istio -o jsonpath='{.status.bundle}' > \"$DEMO/root-cert.pem\"",
];
const INSTALL: [&str; 4] = [
    "kubectl create namespace istio-system",
    "kubectl create secret generic external-ca-cert -n istio-system \\\n  \
     --from-file=root-cert.pem=\"$DEMO/root-cert.pem\"",
    "helm install istio-base \"$DEMO/base\" -n istio-system --set defaultRevision=default",
    "helm install istiod \"$DEMO/istiod\" -n istio-system -f docs/meshes/istiod-ra-values.yaml \\\n  \
     --set-file 'meshConfig.caCertificates[0].pem'=\"$DEMO/root-cert.pem\"",
];
const SHOW: [&str; 3] = [
    "kubectl rollout status deployment/istiod -n istio-system --timeout=60s",
    "kubectl create namespace shop",
    "kubectl create serviceaccount orders -n shop\nkubectl create serviceaccount payments -n shop",
];

/// Installs Istio as the page about it does, and has two workloads connect.
pub(super) async fn run(root: &Path, home: &Home, session: &Session) -> Result<()> {
    let (agent, shell) = prepare("--istiod", root, home, session)?;
    comment("An issuer, and Istio with Signet in place of its own CA:");
    ISSUER.iter().try_for_each(|script| shell.run(script))?;
    INSTALL.iter().try_for_each(|script| shell.run(script))?;
    comment(
        "There is no kubelet: istiod runs as a process with what its Deployment says, under its\n\
         # ServiceAccount. It requests its own certificate from Signet before it is ready.",
    );
    let istiod: IstiodFacts = keep::ensure(&home.folder, Server::Istiod).await?;
    SHOW.iter().try_for_each(|script| shell.run(script))?;
    let agents = Agents {
        cluster: &session.cluster,
        agent,
        istiod,
    };
    connect(&shell, &agents).await?;
    println!("\n  cargo xtask down          stops and removes all of this\n");
    up::print_export(session);
    Ok(())
}

/// Does what two sidecars do.
async fn connect(shell: &Shell, agents: &Agents<'_>) -> Result<()> {
    comment(
        "Two workloads request certificates from istiod with their tokens, with Istio's own code.\n\
         # istiod approves its own CertificateSigningRequests, and deletes them.",
    );
    let roots = fs::read_to_string(shell.folder().join("root-cert.pem"))?;
    let mut workloads = Vec::new();
    for (account, key) in WORKLOADS {
        let workload = agents.certificate((account, key), &roots, 86_400).await?;
        show(shell, account, &workload)?;
        workloads.push(workload);
    }
    let seen = agents
        .agent
        .connect(TRUST_DOMAIN, &workloads[0], &workloads[1]);
    let seen = seen.await?;
    comment("They complete mTLS, each with the roots that istiod returned to it:");
    println!("the server has verified {}", seen.client);
    println!("the client has verified {}", seen.server);
    Ok(())
}

fn show(shell: &Shell, account: &str, workload: &Workload) -> Result<()> {
    let file = shell.folder().join(format!("{account}.pem"));
    write_private(&file, &workload.chain())?;
    shell.run(&format!(
        "openssl x509 -in \"$DEMO/{account}.pem\" -noout -issuer -dates \\\n  \
         -ext subjectAltName,keyUsage,extendedKeyUsage"
    ))?;
    shell.run(&format!(
        "openssl verify -x509_strict -CAfile \"$DEMO/root-cert.pem\" \\\n  \
         -untrusted \"$DEMO/{account}.pem\" \"$DEMO/{account}.pem\""
    ))
}
