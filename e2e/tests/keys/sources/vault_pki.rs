//! docs/sources/vault-pki.md, with a server of its own.

use std::fs;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_e2e::keys::secrets;
use signet_e2e::page::Page;
use signet_e2e::runtime::blocking;
use signet_e2e::shell::Shell;
use signet_e2e::{Issued, TestNamespace};
use signet_testbed::OpenBao;

use crate::logins::Kubernetes;

shared![
    the_page_on_vault_pki_with_a_root_in_the_engine,
    the_page_on_vault_pki_with_an_intermediate_in_the_engine,
];

async fn the_page_on_vault_pki_with_a_root_in_the_engine(test: &TestNamespace) -> Result<()> {
    let vault = Vault::new(test).await?;
    vault.run("root/generate/internal").await?;
    let issued = vault.follow(test).await?;
    let [root] = &issued.roots[..] else {
        anyhow::bail!("the bundle is {}", issued.roots_pem);
    };
    ensure!(root.subject() == "CN=Example Root", "{}", root.subject());
    ensure!(issued.path()?.len() == 2, "{}", issued.chain_pem);
    let left = vault.page.left();
    ensure!(
        left.len() == 1 && left[0].contains("issuers/import/cert"),
        "{left:?}"
    );
    Ok(())
}

/// Its own root is not in the engine before it is imported.
async fn the_page_on_vault_pki_with_an_intermediate_in_the_engine(
    test: &TestNamespace,
) -> Result<()> {
    let vault = Vault::new(test).await?;
    let server = vault.server.clone();
    let root = blocking(move || intermediate(&server)).await?;
    fs::write(vault.shell.folder().join("root.pem"), &root)?;
    vault.run("issuers/import/cert").await?;
    let issued = vault.follow(test).await?;
    ensure!(
        issued.roots_pem.trim() == root.trim(),
        "{}",
        issued.roots_pem
    );
    ensure!(issued.path()?.len() == 3, "{}", issued.chain_pem);
    let left = vault.page.left();
    ensure!(
        left.len() == 1 && left[0].contains("root/generate/internal"),
        "{left:?}"
    );
    Ok(())
}

/// Makes the mount `pki` with an intermediate, and returns the root above it.
fn intermediate(server: &OpenBao) -> Result<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = |path: &str, value: &Value| -> Result<Value> {
        let words = ["write", "-format=json", path, "-"];
        let printed = server.bao_with_input(&words, &value.to_string())?;
        Ok(serde_json::from_str::<Value>(&printed)?["data"].take())
    };
    for mount in ["upper", "pki"] {
        let path = format!("-path={mount}");
        server.bao(&["secrets", "enable", &path, "-max-lease-ttl=87600h", "pki"])?;
    }
    let root = json!({ "common_name": "Upper Root", "ttl": "87600h", "key_type": "ec" });
    let root = data("upper/root/generate/internal", &root)?;
    let csr = json!({ "common_name": "Vault Intermediate", "key_type": "ec" });
    let csr = data("pki/intermediate/generate/internal", &csr)?;
    let sign = json!({ "csr": csr["csr"], "ttl": "43800h" });
    let signed = data("upper/root/sign-intermediate", &sign)?;
    let signed = json!({ "certificate": signed["certificate"] });
    let imported = data("pki/intermediate/set-signed", &signed)?;
    let path = format!("pki/issuer/{}", text(&imported["imported_issuers"][0]));
    data(&path, &json!({ "issuer_name": "root-2026" }))?;
    Ok(text(&root["certificate"]))
}

/// A server with Transit and the login by Kubernetes, and a shell with `vault` and the samples.
struct Vault {
    server: Arc<OpenBao>,
    shell: Shell,
    page: Page,
    team: String,
}

impl Vault {
    async fn new(test: &TestNamespace) -> Result<Self> {
        let kubernetes = Kubernetes::of(test).await?;
        let server = blocking(move || {
            let server = OpenBao::start()?;
            secrets::note(server.root_token());
            server.enable_kubernetes(&kubernetes.server, &kubernetes.ca, &kubernetes.reviewer)?;
            Ok(Arc::new(server))
        })
        .await?;
        let (team, address) = (test.unique("team-a"), server.address());
        let variant = [
            ("team-a", &*team),
            ("https://vault.example.org:8200", &*address),
        ];
        let vault = server.command(server.root_token());
        let shell = Shell::new(test.bed())?.with("vault", &vault);
        shell.put_samples(&variant)?;
        fs::write(shell.folder().join("ca.crt"), server.ca_pem())?;
        let transit = Page::read("vault-transit.md", &variant)?;
        for commands in ["secrets enable transit", "policy write"] {
            transit.run(&shell, commands).await?;
        }
        let page = Page::read("sources/vault-pki.md", &variant)?;
        Ok(Self {
            server,
            shell,
            page,
            team,
        })
    }

    async fn run(&self, commands: &str) -> Result<String> {
        self.page.run(&self.shell, commands).await
    }

    /// Follows the page from the policy to an issuer that is ready, and issues a certificate.
    async fn follow(&self, test: &TestNamespace) -> Result<Issued> {
        for commands in ["policy write", "auth/kubernetes/role", "kubectl apply"] {
            self.run(commands).await?;
        }
        let team = TestNamespace::existing(test.bed(), &self.team);
        let issued = team.obtain(&team.issuer_ref(Issuer, "issuing")).await?;
        let ca = issued.issuer()?;
        ensure!(
            ca.subject() == "CN=Team A Issuing CA,O=Example",
            "{}",
            ca.subject()
        );
        let (server, name) = (self.server.clone(), format!("{}-ca", self.team));
        let pem = blocking(move || server.public_key("transit", &name, 1)).await?;
        let (_, key) = der::pem::decode_vec(pem.trim().as_bytes())?;
        ensure!(ca.public_key() == key, "the key is in Transit");
        Ok(issued)
    }
}
