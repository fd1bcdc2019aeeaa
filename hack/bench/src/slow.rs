//! Two key servers with slow signatures, and their issuers.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};
use signet_testbed::controlplane::apply_manifests;
use signet_testbed::installation::NAMESPACE;
use signet_testbed::keyservers::softhsm;
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::{OpenBao, Proxy, SoftHsm};
use tempfile::TempDir;

use crate::REQUESTS;
use crate::bed::secret;

/// Latency added to each signature.
pub(crate) const DELAY: Duration = Duration::from_millis(20);
/// Sessions of the PKCS#11 key. The default of 4 would allow 200 signatures a second, which is
/// about what the API server does.
pub(crate) const SESSIONS: u16 = 8;
/// The ClusterIssuers.
pub(crate) const VAULT: &str = "vault";
pub(crate) const PKCS11: &str = "pkcs11";

const KEY: &str = "bench";
const PIN: &str = "73910246";

/// The key servers. They end with this value.
pub(crate) struct SlowKeys {
    modules: PathBuf,
    _bao: OpenBao,
    _proxy: Proxy,
    _tokens: SoftHsm,
    _folder: TempDir,
}

impl SlowKeys {
    /// Starts the servers, makes the keys, and applies the issuers.
    pub(crate) async fn prepare(client: &Client) -> Result<Self> {
        let (bao, proxy, token) = tokio::task::spawn_blocking(vault).await??;
        let tokens = tokio::task::spawn_blocking(pkcs11).await??;
        let folder = tempfile::tempdir()?;
        let modules = folder.path().join("modules.yaml");
        let pin = json!({ "secret": { "name": PKCS11 } });
        let listed = json!({ "name": KEY, "label": KEY, "pin": pin });
        let module = json!({
            "name": "softhsm",
            "path": tokens.module(),
            "maxSessionsPerKey": SESSIONS,
            "tokens": [listed],
        });
        fs::write(&modules, json!({ "modules": [module] }).to_string())?;
        for (name, data) in [
            (VAULT, json!({ "token": token })),
            (PKCS11, json!({ "pin": PIN })),
        ] {
            secret(client, NAMESPACE, name, "Opaque", &data).await?;
        }
        let vault = issuer(
            VAULT,
            &json!({ "vaultTransit": {
                "address": proxy.address(),
                "name": KEY,
                "caBundle": { "inline": proxy.ca_pem() },
                "auth": { "tokenRef": { "name": VAULT, "key": "token" } },
            }}),
        );
        let pkcs11 = issuer(
            PKCS11,
            &json!({ "pkcs11": {
                "module": "softhsm",
                "token": KEY,
                "keyLabel": KEY,
            }}),
        );
        apply_manifests(client, REQUESTS, &format!("{vault}\n---\n{pkcs11}\n")).await?;
        Ok(Self {
            modules,
            _bao: bao,
            _proxy: proxy,
            _tokens: tokens,
            _folder: folder,
        })
    }

    /// Flags of the operator.
    pub(crate) fn flags(&self) -> Vec<String> {
        vec![format!("--pkcs11-modules={}", self.modules.display())]
    }
}

/// OpenBao behind a proxy, and a token that may sign.
fn vault() -> Result<(OpenBao, Proxy, String)> {
    let bao = OpenBao::start()?;
    bao.enable_transit("transit")?;
    bao.make_key("transit", KEY, "ecdsa-p256")?;
    let token = bao.token(&bao.signing_policy("transit", KEY)?, &[])?;
    let proxy = Proxy::https(&bao.address(), Some(bao.ca_pem()))?;
    proxy.add(Requests::Path("/sign/".to_owned()), Fault::Latency(DELAY));
    Ok((bao, proxy, token))
}

/// A token in SoftHSM2, behind the shim.
fn pkcs11() -> Result<SoftHsm> {
    let tokens = SoftHsm::new()?;
    tokens.init_token(KEY, "48205517", PIN)?;
    tokens.make_key(KEY, PIN, "EC:prime256v1", KEY, "01")?;
    let delay = u64::try_from(DELAY.as_millis())?;
    tokens.set_faults(&[softhsm::Fault::DelayMs("C_Sign", delay)])?;
    Ok(tokens)
}

fn issuer(name: &str, key: &Value) -> Value {
    json!({
        "apiVersion": "signet.dev/v1alpha1",
        "kind": "ClusterIssuer",
        "metadata": { "name": name },
        "spec": {
            "key": key,
            "certificate": { "selfSigned": { "subject": "CN=Benchmark Root" } },
        },
    })
}
