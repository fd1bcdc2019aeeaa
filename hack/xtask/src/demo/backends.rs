//! The samples of the key backends, each on a key server that is started for it. The key is made by
//! the server's own tools, as on the backend's page in `docs/`.

use std::fs;

use anyhow::Result;

use super::shell::comment;
use super::{Key, Shell};
use crate::keep::KeyServer;
use crate::session::{Home, Session};
use crate::up;

/// Makes the key, then applies the sample. A demo that is run again finds the key.
pub(super) async fn apply(
    shell: &Shell,
    home: &Home,
    session: &mut Session,
    (key, server): (Key, &KeyServer),
) -> Result<()> {
    let (prepare, flag, apply) = match key {
        Key::Vault => (VAULT, Some("--issuer-local-addresses=true"), VAULT_APPLY),
        Key::AwsKms => (AWS_KMS, None, AWS_KMS_APPLY),
        Key::Pkcs11 | Key::Software => (PKCS11, None, PKCS11_APPLY),
    };
    let prepared = shell.folder().join("prepared");
    if prepared.exists() {
        comment("The key already exists.");
    } else {
        fs::write(shell.folder().join("server-ca.crt"), &server.ca)?;
        for script in prepare {
            shell.run(&script.replace("{address}", &server.address))?;
        }
        fs::write(prepared, "")?;
    }
    let mut flags: Vec<_> = flag.map(str::to_owned).into_iter().collect();
    if key == Key::Pkcs11 {
        let modules = shell.folder().join("modules.yaml");
        flags.push(format!("--pkcs11-modules={}", modules.display()));
    }
    for flag in flags {
        comment(&format!("The operator runs with {flag}"));
        up::with_flag(home, session, flag).await?;
    }
    for script in apply {
        shell.run(&script.replace("{address}", &server.address))?;
    }
    Ok(())
}

/// OpenBao reviews the tokens with which Signet logs in at the cluster.
const VAULT: &[&str] = &[
    "bao secrets enable transit",
    "bao write -f transit/keys/team-a-ca type=ecdsa-p256",
    r#"bao policy write team-a-ca - <<EOF
path "transit/keys/team-a-ca" { capabilities = ["read"] }
path "transit/sign/team-a-ca" { capabilities = ["update"] }
EOF"#,
    "kubectl create serviceaccount openbao -n default",
    "kubectl create clusterrolebinding openbao --clusterrole=system:auth-delegator \
     --serviceaccount=default:openbao",
    "bao auth enable kubernetes",
    r#"bao write auth/kubernetes/config \
  kubernetes_host="$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')" \
  kubernetes_ca_cert="$(kubectl get configmap kube-root-ca.crt -n default -o jsonpath='{.data.ca\.crt}')" \
  token_reviewer_jwt="$(kubectl create token openbao -n default --duration=24h)""#,
    r"bao write auth/kubernetes/role/team-a-ca bound_service_account_names=ca \
  bound_service_account_namespaces=team-a audience=signet://team-a/internal \
  token_policies=team-a-ca token_ttl=1h",
    "kubectl create namespace team-a",
    r#"kubectl create configmap vault-ca -n team-a --from-file=ca.crt="$DEMO/server-ca.crt""#,
];

/// The sample with the address of this server.
const VAULT_APPLY: &[&str] = &[
    r#"cp docs/samples/vault-transit.yaml "$DEMO"
cat > "$DEMO/kustomization.yaml" <<EOF
resources: [vault-transit.yaml]
patches:
  - patch: |
      apiVersion: signet.dev/v1alpha1
      kind: Issuer
      metadata: {name: internal, namespace: team-a}
      spec: {key: {vaultTransit: {address: '{address}'}}}
EOF"#,
    r#"kubectl apply -k "$DEMO""#,
];

/// Signet calls KMS as a user who may use one key. The emulator wants the key's alias in the policy
/// too.
const AWS_KMS: &[&str] = &[
    r#"aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY \
  --query KeyMetadata.Arn --output text | tee "$DEMO/key-arn""#,
    r#"aws kms create-alias --alias-name alias/signet-ca --target-key-id "$(cat "$DEMO/key-arn")""#,
    "aws iam create-user --user-name signet",
    r#"cat > "$DEMO/policy.json" <<EOF
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
  "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
  "Resource": ["$(cat "$DEMO/key-arn")", "arn:aws:kms:us-east-1:000000000000:alias/signet-ca"]}]}
EOF
aws iam put-user-policy --user-name signet --policy-name sign \
  --policy-document "file://$DEMO/policy.json""#,
    r#"aws iam create-access-key --user-name signet \
  --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text > "$DEMO/access-key""#,
    r#"kubectl create secret generic aws-kms -n signet-system \
  --from-literal=access-key-id="$(cut -f1 "$DEMO/access-key")" \
  --from-literal=secret-access-key="$(cut -f2 "$DEMO/access-key")""#,
    r#"kubectl create configmap aws-ca -n signet-system --from-file=ca.crt="$DEMO/server-ca.crt""#,
];

/// The sample with the emulator's endpoint, and with that user's access key.
const AWS_KMS_APPLY: &[&str] = &[
    r#"cp docs/samples/aws-kms.yaml "$DEMO"
cat > "$DEMO/kustomization.yaml" <<EOF
resources: [aws-kms.yaml]
patches:
  - patch: |
      apiVersion: signet.dev/v1alpha1
      kind: ClusterIssuer
      metadata: {name: aws-kms}
      spec:
        key:
          awsKms:
            region: us-east-1
            endpoint: '{address}'
            credentials: {secretRef: {name: aws-kms}}
            caBundle: {configMapRef: {name: aws-ca}}
EOF"#,
    r#"kubectl apply -k "$DEMO""#,
];

const PKCS11: &[&str] = &[
    "softhsm2-util --init-token --free --label signet --so-pin 48205517 --pin 73910246",
    r"pkcs11-tool --module '{address}' --token-label signet --login --pin 73910246 \
  --keypairgen --key-type EC:prime256v1 --label ca-2026 --id 01",
    "kubectl create secret generic signet-token-pin -n signet-system --from-literal=pin=73910246",
    r#"cat > "$DEMO/modules.yaml" <<EOF
modules:
  - name: softhsm
    path: '{address}'
    tokens:
      - name: signet
        label: signet
        pin: {secret: {name: signet-token-pin}}
EOF"#,
];

const PKCS11_APPLY: &[&str] = &["kubectl apply -f docs/samples/pkcs11.yaml"];

/// What to try next; `{address}` stands for the server's.
pub(super) fn next(key: Key) -> &'static [&'static str] {
    match key {
        Key::Vault => &["bao list -detailed transit/keys"],
        Key::AwsKms => &["aws kms list-keys"],
        Key::Pkcs11 => &["pkcs11-tool --login --pin 73910246 --list-objects --module '{address}'"],
        Key::Software => &[],
    }
}
