//! `cargo xtask demo`: from nothing to a certificate that OpenSSL verifies. Applies the samples,
//! and prints every command that it runs.

mod backends;
mod istiod;
mod mesh;
mod pod_certificates;
mod rotate;
mod shell;
mod software;
mod workload;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::keep::{self, KeyServer, Server};
use crate::session::{Home, Session};
use crate::up::{self, Up};
use shell::{Shell, comment};

/// The flags of `demo`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Demo {
    /// Where the CA's key is. All but `software` start a key server, which `down` stops.
    #[arg(long, value_enum, default_value_t)]
    key: Key,
    /// Rotate a root while TLS clients connect, instead of the samples.
    #[arg(long, conflicts_with = "key")]
    rotate: bool,
    /// Request a certificate for a pod as its kubelet would, instead of the samples.
    #[arg(long, conflicts_with_all = ["key", "rotate"])]
    pod_certificates: bool,
    /// Install Istio, whose istiod gets the certificates of workloads from Signet, instead of the
    /// samples.
    #[arg(long, conflicts_with_all = ["key", "rotate", "pod_certificates"])]
    istiod: bool,
    /// Install a mesh that signs with the CA of a MeshCA, and rotate each link above its workloads
    /// while they connect, instead of the samples.
    #[arg(long, value_enum, conflicts_with_all = ["key", "rotate", "pod_certificates", "istiod"])]
    mesh: Option<Mesh>,
    #[command(flatten)]
    pub(crate) up: Up,
}

/// A mesh that runs without a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mesh {
    /// istiod, as a process.
    Istio,
}

/// Where the demo's CA key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Key {
    /// In a Secret, made by Signet.
    #[default]
    Software,
    /// In the Transit engine of an OpenBao that is started for it.
    Vault,
    /// In an emulator of AWS KMS that is started for it.
    AwsKms,
    /// In a SoftHSM2 token that is made for it.
    Pkcs11,
}

impl Key {
    fn server(self) -> Option<Server> {
        match self {
            Self::Software => None,
            Self::Vault => Some(Server::Vault),
            Self::AwsKms => Some(Server::AwsKms),
            Self::Pkcs11 => Some(Server::Pkcs11),
        }
    }

    fn sample(self) -> Sample {
        let (issuer, certificate, namespace) = match self {
            Self::Software => ("clusterissuers.signet.dev/example", "web", "default"),
            Self::Vault => ("issuers.signet.dev/internal -n team-a", "web", "team-a"),
            Self::AwsKms => ("clusterissuers.signet.dev/aws-kms", "orders", "default"),
            Self::Pkcs11 => ("clusterissuers.signet.dev/hsm", "ledger", "default"),
        };
        Sample {
            issuer,
            certificate,
            namespace,
        }
    }
}

/// The names in a sample. The Certificate's Secret is called as that is, with `-tls`.
struct Sample {
    /// As kubectl's arguments.
    issuer: &'static str,
    certificate: &'static str,
    namespace: &'static str,
}

/// Brings a cluster up, applies the samples, and shows what was issued.
pub(crate) async fn run(root: PathBuf, home: Home, settings: Demo) -> Result<()> {
    let Demo {
        key,
        rotate,
        pod_certificates,
        istiod,
        mesh,
        up,
    } = settings;
    ensure!(
        !up.without_signet,
        "the demo needs Signet; remove --without-signet"
    );
    ensure!(
        key == Key::Software || up.kubeconfig.is_none(),
        "a key server needs the cluster of the demo; remove --kubeconfig"
    );
    ensure!(
        !(rotate || pod_certificates || istiod || mesh.is_some()) || up.kubeconfig.is_none(),
        "--rotate, --pod-certificates, --istiod and --mesh need the cluster of the demo; remove \
         --kubeconfig"
    );
    find_openssl()?;
    let mut session = up::up(home.clone(), up).await?;
    if rotate {
        return rotate::run(&root, &home, &session).await;
    }
    if pod_certificates {
        return pod_certificates::run(&root, &home, &session);
    }
    if istiod {
        return istiod::run(&root, &home, &session).await;
    }
    if let Some(Mesh::Istio) = mesh {
        return mesh::run(&root, &home, &session).await;
    }
    let (shell, address) = match key.server() {
        None => {
            let shell = Shell::new(&root, &session.cluster, &home.folder.join("demo"))?;
            shell.introduce();
            if !session.own {
                let kubeconfig = session.cluster.kubeconfig().display();
                comment(&format!("This is your own cluster, of {kubeconfig}."));
            }
            software::apply(&shell, &home, &mut session).await?;
            (shell, String::new())
        }
        Some(server) => {
            ensure!(
                session.own,
                "a key server needs the cluster of the demo, but your own cluster is in use; run \
                 `cargo xtask down` first"
            );
            session.with_signet()?;
            let facts: KeyServer = keep::ensure(&home.folder, server).await?;
            let folder = keep::folder(&home.folder, server);
            let shell = Shell::new(&root, &session.cluster, &folder)?;
            shell.introduce();
            backends::apply(&shell, &home, &mut session, (key, &facts)).await?;
            (shell, facts.address)
        }
    };
    show(&shell, key)?;
    if key == Key::Software {
        software::identify(&home, &mut session).await?;
    } else {
        NO_CA_KEY.iter().try_for_each(|script| shell.run(script))?;
    }
    print_next_steps(key, &session, &address);
    Ok(())
}

/// Waits until issuer and Certificate are Ready, and shows them and what was issued.
fn show(shell: &Shell, key: Key) -> Result<()> {
    let Sample {
        issuer,
        certificate,
        namespace,
    } = key.sample();
    let ready = r#"{range .status.conditions[?(@.type=="Ready")]}Ready is {.status}, {.reason}: {.message}{"\n"}{end}"#;
    let wait = |object: &str| {
        let waited = shell.run(&format!(
            "kubectl wait --for=condition=Ready --timeout=300s {object}"
        ));
        if waited.is_err() {
            shell.run(&format!("kubectl describe {object}"))?;
        }
        waited
    };
    wait(issuer)?;
    wait(&format!("certificates/{certificate} -n {namespace}"))?;
    let entry = |name: &str| {
        format!(
            "kubectl get secret {certificate}-tls -n {namespace} \
             -o go-template='{{{{index .data \"{name}\" | base64decode}}}}' > \"$DEMO/{name}\""
        )
    };
    let text = |file: &str| {
        format!(
            "openssl x509 -in \"$DEMO/{file}\" -noout -subject -issuer -dates \\\n  \
             -ext subjectAltName,keyUsage,extendedKeyUsage,basicConstraints"
        )
    };
    for command in [
        format!("kubectl get {issuer}"),
        format!("kubectl get {issuer} -o jsonpath='{ready}'"),
        "kubectl get cagenerations -A".to_owned(),
        format!("kubectl get certificates,certificaterequests -n {namespace}"),
        format!("{}\n{}", entry("tls.crt"), entry("ca.crt")),
        text("tls.crt"),
        text("ca.crt"),
        "openssl verify -x509_strict -purpose sslserver -CAfile \"$DEMO/ca.crt\" \\\n  \
         -untrusted \"$DEMO/tls.crt\" \"$DEMO/tls.crt\""
            .to_owned(),
    ] {
        shell.run(&command)?;
    }
    Ok(())
}

/// Compares the private keys in the cluster's Secrets with those of the CA and of the certificate,
/// by their public keys. The certificate's own has to be found, or the search would prove nothing.
const NO_CA_KEY: [&str; 2] = [
    r#"for value in $(kubectl get secrets --all-namespaces \
    -o go-template='{{range .items}}{{range .data}}{{.}}{{"\n"}}{{end}}{{end}}'); do
  echo "$value" | base64 -d | openssl pkey -pubout 2>/dev/null | openssl dgst -sha256 || true
done | sort -u > "$DEMO/keys-in-secrets""#,
    r#"key_of() { openssl x509 -in "$DEMO/$1" -noout -pubkey | openssl dgst -sha256; }
grep -qF "$(key_of tls.crt)" "$DEMO/keys-in-secrets"
echo "the certificate's key is in a Secret"
test -z "$(grep -F "$(key_of ca.crt)" "$DEMO/keys-in-secrets")"
echo "the CA's key is in no Secret""#,
];

fn print_next_steps(key: Key, session: &Session, address: &str) {
    let issuer = key.sample().issuer;
    comment("What to try next, after the exports above:");
    println!("  kubectl describe {issuer}");
    let more = backends::next(key).iter();
    let software: &[&str] = if key == Key::Software {
        &software::NEXT
    } else {
        &[]
    };
    for line in more.chain(software) {
        println!("  {}", line.replace("{address}", address));
    }
    println!(
        "  cargo xtask down                                      stops and removes all of this\n"
    );
    up::print_export(session);
}

fn find_openssl() -> Result<()> {
    match Command::new("openssl").arg("version").output() {
        Ok(version) if version.status.success() => Ok(()),
        _ => bail!(
            "the demo needs the openssl program; install OpenSSL (Debian: apt install openssl)"
        ),
    }
}
