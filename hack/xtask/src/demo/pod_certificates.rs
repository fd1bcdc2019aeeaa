//! A pod's certificate, requested as its kubelet would.

use std::path::Path;

use anyhow::{Result, ensure};

use super::Shell;
use super::shell::comment;
use crate::session::{Home, Session};
use crate::up;

/// Waits for the issuer of the sample.
const READY: &str =
    "kubectl wait --for=condition=Ready --timeout=300s clusterissuers.signet.dev/pods";

/// What a scheduler and a kubelet do before they request a certificate.
const NODE: [&str; 2] = [
    r"kubectl apply -f - <<YAML
apiVersion: v1
kind: Node
metadata:
  name: demo-node
YAML",
    r#"[ -n "$(kubectl get pod shop -o jsonpath='{.spec.nodeName}')" ] ||
kubectl create --raw /api/v1/namespaces/default/pods/shop/binding -f - <<JSON
{ "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "shop" },
  "target": { "kind": "Node", "name": "demo-node" } }
JSON"#,
];

/// What a kubelet does for a podCertificate source, with the files in `$DEMO` as the volume.
const REQUEST: [&str; 3] = [
    r#"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$DEMO/pod.key"
openssl req -new -key "$DEMO/pod.key" -subj / -outform DER -out "$DEMO/stub.der""#,
    r#"uid() { kubectl get "$1" "$2" -o jsonpath='{.metadata.uid}'; }
cat > "$DEMO/request.yaml" <<YAML
apiVersion: certificates.k8s.io/v1
kind: PodCertificateRequest
metadata:
  name: shop-$(date +%s)
  namespace: default
spec:
  signerName: clusterissuers.signet.dev/pods
  podName: shop
  podUID: $(uid pod shop)
  serviceAccountName: shop
  serviceAccountUID: $(uid serviceaccount shop)
  nodeName: demo-node
  nodeUID: $(uid node demo-node)
  maxExpirationSeconds: 86400
  stubPKCS10Request: $(base64 -w0 "$DEMO/stub.der")
YAML"#,
    r#"kubectl create -f "$DEMO/request.yaml" --as=system:node:demo-node \
  --as-group=system:nodes --as-group=system:authenticated"#,
];

/// What the kubelet reads, and what a workload does with it.
const RESULT: [&str; 4] = [
    r#"kubectl wait --for=condition=Issued --timeout=60s -f "$DEMO/request.yaml""#,
    r#"kubectl get -f "$DEMO/request.yaml" -o jsonpath='{range .status.conditions[*]}{.type}: {.message}{"\n"}{end}notBefore:      {.status.notBefore}{"\n"}beginRefreshAt: {.status.beginRefreshAt}{"\n"}notAfter:       {.status.notAfter}{"\n"}'"#,
    r#"kubectl get -f "$DEMO/request.yaml" -o jsonpath='{.status.certificateChain}' > "$DEMO/pod.crt"
kubectl get clusterissuers.signet.dev pods -o jsonpath='{.status.bundle}' > "$DEMO/roots.crt"
openssl x509 -in "$DEMO/pod.crt" -noout -issuer -dates \
  -ext subjectAltName,keyUsage,extendedKeyUsage"#,
    r#"openssl verify -x509_strict -purpose sslserver -CAfile "$DEMO/roots.crt" \
  -untrusted "$DEMO/pod.crt" "$DEMO/pod.crt""#,
];

/// The same request by an administrator, who may do everything but this.
const REFUSED: &str = r#"sed -i 's/^  name: .*/  name: no-kubelet/' "$DEMO/request.yaml"
if kubectl create -f "$DEMO/request.yaml" 2>&1; then exit 1; fi"#;

/// Applies the sample, requests a certificate for its Pod, and shows it.
pub(super) fn run(root: &Path, home: &Home, session: &Session) -> Result<()> {
    ensure!(
        session.own,
        "--pod-certificates needs the cluster of the demo, but your own cluster is in use; run \
         `cargo xtask down` first"
    );
    session.with_signet()?;
    let shell = Shell::new(root, &session.cluster, &home.folder.join("demo"))?;
    shell.introduce();
    shell.run("kubectl apply -f docs/samples/pod-certificates.yaml")?;
    shell.run(READY)?;
    comment(
        "This cluster runs no pods: it has no scheduler and no kubelet. A Node object, a binding\n\
         # and the name and groups of the node stand in for them; the rest is real.",
    );
    run_all(&shell, &NODE)?;
    comment("A kubelet generates the key in memory, and requests a certificate for the pod:");
    run_all(&shell, &REQUEST)?;
    comment("Signet reads the pod, decides on its SPIFFE ID and signs. There is no approval:");
    run_all(&shell, &RESULT)?;
    comment("The admission policy of the chart rejects the same request from any other user:");
    shell.run(REFUSED)?;
    println!("\n  cargo xtask down          stops and removes all of this\n");
    up::print_export(session);
    Ok(())
}

fn run_all(shell: &Shell, scripts: &[&str]) -> Result<()> {
    scripts.iter().try_for_each(|script| shell.run(script))
}
