//! What an administrator of OpenBao prepares, by the tool `bao`.

use anyhow::Result;
use serde_json::{Value, json};

use super::{OpenBao, text};

/// What a client of the AppRole method logs in with.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct AppRole {
    /// The role's id.
    pub role_id: String,
    /// The secret.
    pub secret_id: String,
}

impl OpenBao {
    /// Mounts a transit engine.
    pub fn enable_transit(&self, mount: &str) -> Result<()> {
        let path = format!("-path={mount}");
        self.bao(&["secrets", "enable", &path, "transit"]).map(drop)
    }

    /// Makes a key of a type by transit's names: `ecdsa-p256`, `ecdsa-p384`, `ecdsa-p521`,
    /// `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.
    pub fn make_key(&self, mount: &str, name: &str, key_type: &str) -> Result<()> {
        self.write(
            &format!("{mount}/keys/{name}"),
            &json!({ "type": key_type }),
        )?;
        Ok(())
    }

    /// Makes the next version of a key.
    pub fn rotate_key(&self, mount: &str, name: &str) -> Result<()> {
        self.bao(&["write", "-f", &format!("{mount}/keys/{name}/rotate")])
            .map(drop)
    }

    /// Sets a key's configuration, such as `{"min_encryption_version": 2}`, below which no version
    /// signs.
    pub fn configure_key(&self, mount: &str, name: &str, config: &Value) -> Result<()> {
        self.write(&format!("{mount}/keys/{name}/config"), config)
            .map(drop)
    }

    /// Deletes a key, after allowing that.
    pub fn delete_key(&self, mount: &str, name: &str) -> Result<()> {
        self.configure_key(mount, name, &json!({ "deletion_allowed": true }))?;
        self.bao(&["delete", &format!("{mount}/keys/{name}")])
            .map(drop)
    }

    /// The public key of a version of a key, as transit has it: PEM, or for Ed25519 the 32 bytes
    /// in base64.
    pub fn public_key(&self, mount: &str, name: &str, version: u32) -> Result<String> {
        let key = self.read(&format!("{mount}/keys/{name}"))?;
        text(&key["keys"][version.to_string()]["public_key"])
    }

    /// Writes a policy, in OpenBao's language for them.
    pub fn policy(&self, name: &str, rules: &str) -> Result<()> {
        self.bao_with_input(&["policy", "write", name, "-"], rules)
            .map(drop)
    }

    /// Writes the policy `sign-MOUNT-NAME`, with which one key can be read and used to sign, and
    /// returns its name.
    pub fn signing_policy(&self, mount: &str, name: &str) -> Result<String> {
        let policy = format!("sign-{}-{name}", mount.replace('/', "-"));
        let rules = format!(
            "path \"{mount}/keys/{name}\" {{ capabilities = [\"read\"] }}\n\
             path \"{mount}/sign/{name}\" {{ capabilities = [\"update\"] }}\n"
        );
        self.policy(&policy, &rules)?;
        Ok(policy)
    }

    /// Makes a token with one policy. `options` go to `bao token create`, such as `-ttl=10s`.
    pub fn token(&self, policy: &str, options: &[&str]) -> Result<String> {
        let policy = format!("-policy={policy}");
        let create = ["token", "create", "-format=json", &policy];
        let token: Value = serde_json::from_str(&self.bao(&[&create, options].concat())?)?;
        text(&token["auth"]["client_token"])
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &str) -> Result<()> {
        self.bao(&["token", "revoke", token]).map(drop)
    }

    /// Revokes every token that logins by an auth method returned, such as `auth/approle/login`.
    pub fn revoke_prefix(&self, prefix: &str) -> Result<()> {
        self.bao(&["lease", "revoke", "-prefix", prefix]).map(drop)
    }

    /// Enables an auth method at the path of its name: `approle`, `jwt`, `kubernetes` or `cert`.
    pub fn enable_auth(&self, method: &str) -> Result<()> {
        self.bao(&["auth", "enable", method]).map(drop)
    }

    /// Makes an AppRole with a policy and a first secret. Wants [`Self::enable_auth`].
    pub fn app_role(&self, role: &str, policy: &str, ttl: &str) -> Result<AppRole> {
        let path = format!("auth/approle/role/{role}");
        self.write(
            &path,
            &json!({ "token_policies": policy, "token_ttl": ttl }),
        )?;
        Ok(AppRole {
            role_id: text(&self.read(&format!("{path}/role-id"))?["role_id"])?,
            secret_id: self.secret_id(role)?,
        })
    }

    /// Makes another secret of an AppRole.
    pub fn secret_id(&self, role: &str) -> Result<String> {
        let path = format!("auth/approle/role/{role}/secret-id");
        let secret = self.bao(&["write", "-f", "-format=json", &path])?;
        text(&serde_json::from_str::<Value>(&secret)?["data"]["secret_id"])
    }

    /// Tells the JWT method the PEM public keys that sign tokens, and who issues them. Wants
    /// [`Self::enable_auth`].
    pub fn configure_jwt(&self, public_keys: &[&str], issuer: Option<&str>) -> Result<()> {
        let mut config = json!({ "jwt_validation_pubkeys": public_keys });
        if let Some(issuer) = issuer {
            config["bound_issuer"] = issuer.into();
        }
        self.write("auth/jwt/config", &config).map(drop)
    }

    /// Makes a role of the JWT method, for one subject and one audience.
    pub fn jwt_role(&self, role: &str, subject: &str, audience: &str, policy: &str) -> Result<()> {
        let value = json!({
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_subject": subject,
            "bound_audiences": [audience],
            "token_policies": policy,
        });
        self.write(&format!("auth/jwt/role/{role}"), &value)
            .map(drop)
    }

    /// Enables the Kubernetes method, which reviews tokens at the API server `host`, with a
    /// token that may create TokenReviews.
    pub fn enable_kubernetes(&self, host: &str, ca_pem: &str, reviewer_jwt: &str) -> Result<()> {
        self.enable_auth("kubernetes")?;
        let value = json!({
            "kubernetes_host": host,
            "kubernetes_ca_cert": ca_pem,
            "token_reviewer_jwt": reviewer_jwt,
        });
        self.write("auth/kubernetes/config", &value).map(drop)
    }

    /// Makes a role of the Kubernetes method, for one ServiceAccount and one audience.
    pub fn kubernetes_role(
        &self,
        role: &str,
        namespace: &str,
        service_account: &str,
        audience: &str,
        policy: &str,
    ) -> Result<()> {
        let value = json!({
            "bound_service_account_names": [service_account],
            "bound_service_account_namespaces": [namespace],
            "audience": audience,
            "token_policies": policy,
        });
        self.write(&format!("auth/kubernetes/role/{role}"), &value)
            .map(drop)
    }

    /// Makes a role of the certificate method, for clients under a CA. Wants
    /// [`Self::enable_auth`].
    pub fn cert_role(&self, role: &str, ca_pem: &str, policy: &str) -> Result<()> {
        let value = json!({ "certificate": ca_pem, "token_policies": policy });
        self.write(&format!("auth/cert/certs/{role}"), &value)
            .map(drop)
    }
}
