//! Keys in OpenBao.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};
use signet_testbed::keyservers::openbao::AppRole;
use signet_testbed::{OpenBao, Proxy};

use super::{Once, Outage, RemoteKey, once, secrets, unique};

/// Where the keys are mounted.
pub const MOUNT: &str = "transit";

/// The server of all tests, with Transit.
///
/// # Errors
/// It cannot be started.
pub fn openbao() -> Result<&'static OpenBao> {
    static STARTED: Once<OpenBao> = Once::new();
    once(&STARTED, || {
        let server = OpenBao::start()?;
        secrets::note(server.root_token());
        server.enable_transit(MOUNT)?;
        Ok(server)
    })
}

/// A P-256 key in OpenBao behind a proxy of its own, and an AppRole that may sign with it. The
/// AppRole method is mounted only for it, so that all logins can be revoked without another's.
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct VaultKey {
    name: String,
    policy: String,
    logins: String,
    login: Mutex<AppRole>,
    proxy: Proxy,
}

impl VaultKey {
    /// Makes a key.
    ///
    /// # Errors
    /// OpenBao's tool failed.
    pub fn make() -> Result<Self> {
        let server = openbao()?;
        let name = unique("ca");
        server.make_key(MOUNT, &name, "ecdsa-p256")?;
        let policy = server.signing_policy(MOUNT, &name)?;
        let logins = format!("auth/logins-of-{name}");
        let path = format!("-path={}", logins.trim_start_matches("auth/"));
        server.bao(&["auth", "enable", &path, "approle"])?;
        let role = format!("{logins}/role/signet");
        server.write(
            &role,
            &json!({ "token_policies": policy, "token_ttl": "1h" }),
        )?;
        let role_id = server.read(&format!("{role}/role-id"))?;
        let login = AppRole {
            role_id: text(&role_id["role_id"])?,
            secret_id: secret_id(server, &logins)?,
        };
        Ok(Self {
            name,
            policy,
            logins,
            login: Mutex::new(login),
            proxy: Proxy::https(&server.address(), Some(server.ca_pem()))?,
        })
    }

    /// Its name in [`MOUNT`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy that lets one read it and sign with it.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The way to the server.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// `spec.key` with another way to log in, such as `{"kubernetes": {…}}`.
    pub fn config_with(&self, auth: Value) -> Value {
        json!({ "vaultTransit": {
            "address": self.proxy.address(),
            "mount": MOUNT,
            "name": self.name,
            "caBundle": { "inline": self.proxy.ca_pem() },
            "auth": auth,
        }})
    }

    fn login(&self) -> AppRole {
        self.login.lock().clone()
    }
}

impl RemoteKey for VaultKey {
    fn backend(&self) -> &'static str {
        "vaultTransit"
    }

    fn config(&self, secret: &str) -> Value {
        self.config_with(json!({ "appRole": {
            "roleId": self.login().role_id,
            "mount": self.logins.trim_start_matches("auth/"),
            "secretIdRef": { "name": secret, "key": "secret-id" },
        }}))
    }

    fn credential(&self) -> BTreeMap<&'static str, String> {
        [("secret-id", self.login().secret_id)].into()
    }

    fn replace_credential(&self) -> Result<()> {
        let server = openbao()?;
        let fresh = secret_id(server, &self.logins)?;
        let mut login = self.login.lock();
        let old = std::mem::replace(&mut login.secret_id, fresh);
        let destroy = format!("{}/role/signet/secret-id/destroy", self.logins);
        server.write(&destroy, &json!({ "secret_id": old }))?;
        // Its tokens end as well, so that the new one is needed.
        server.revoke_prefix(&format!("{}/login", self.logins))
    }

    fn public_key(&self) -> Result<Vec<u8>> {
        let pem = openbao()?.public_key(MOUNT, &self.name, 1)?;
        let (_, der) = der::pem::decode_vec(pem.trim().as_bytes())
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context("the public key is PEM")?;
        Ok(der)
    }

    fn begin_outage(&self, how: Outage) -> Result<()> {
        super::begin_outage(&self.proxy, how)
    }

    fn bring_back(&self) -> Result<()> {
        super::bring_back(&self.proxy)
    }
}

/// Another secret of a key's AppRole.
fn secret_id(server: &OpenBao, logins: &str) -> Result<String> {
    let path = format!("{logins}/role/signet/secret-id");
    let response = server.bao(&["write", "-f", "-format=json", &path])?;
    let response: Value = serde_json::from_str(&response)?;
    Ok(secrets::note(text(&response["data"]["secret_id"])?))
}

fn text(value: &Value) -> Result<String> {
    let text = value.as_str().context("no such field in the response")?;
    Ok(text.to_owned())
}
