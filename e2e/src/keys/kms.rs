//! Keys in the emulator of AWS KMS.

use std::collections::BTreeMap;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use signet_testbed::keyservers::ministack::{ACCOUNT, AccessKey, REGION};
use signet_testbed::{Ministack, Proxy};

use super::{Once, Outage, RemoteKey, once, secrets, unique};
use crate::service_account::API_SERVER;

/// The emulator of all tests. It checks signatures and permissions.
///
/// # Errors
/// It cannot be started.
pub fn ministack() -> Result<&'static Ministack> {
    static STARTED: Once<Ministack> = Once::new();
    once(&STARTED, Ministack::start_with_iam)
}

/// A P-256 key in KMS behind a proxy of its own, and a user who may sign with it.
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct KmsKey {
    id: String,
    user: String,
    login: Mutex<AccessKey>,
    proxy: Proxy,
}

impl KmsKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The emulator refused something.
    pub fn make() -> Result<Self> {
        let server = ministack()?;
        let id = server.make_key("ECC_NIST_P256")?;
        let user = unique("signet");
        let login = server.make_user(&user, &Self::policy_for(&server.key_arn(&id)))?;
        secrets::note(&*login.secret);
        Ok(Self {
            id,
            user,
            login: Mutex::new(login),
            proxy: Proxy::https(&server.endpoint(), None)?,
        })
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The user who may sign with it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The way to the server.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// What Signet calls about a key, and nothing else.
    pub fn policy_for(resource: &str) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            "Resource": resource,
        }]})
    }

    /// A role that may sign with the key, for a ServiceAccount with a token of this audience; its
    /// ARN.
    ///
    /// # Errors
    /// The emulator refused it.
    pub fn role_of(&self, (namespace, name): (&str, &str), audience: &str) -> Result<String> {
        let subject = format!("system:serviceaccount:{namespace}:{name}");
        let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{API_SERVER}");
        self.role(&json!({
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": { format!("{API_SERVER}:sub"): subject },
                "ForAnyValue:StringEquals": { format!("{API_SERVER}:aud"): audience },
            },
        }))
    }

    /// A role that may sign with the key, for whom a statement of its trust policy names; its ARN.
    ///
    /// # Errors
    /// The emulator refused it.
    pub fn role(&self, trusts: &Value) -> Result<String> {
        let server = ministack()?;
        let trust = json!({ "Version": "2012-10-17", "Statement": [trusts] });
        let policy = Self::policy_for(&server.key_arn(&self.id));
        server.make_role(&format!("role-{}", self.user), &trust, &policy)
    }

    /// `spec.key` with another name for the key, and another way to log in.
    pub fn config_with(&self, key_id: &str, credentials: Value) -> Value {
        json!({ "awsKms": {
            "keyId": key_id,
            "region": REGION,
            "endpoint": self.proxy.address(),
            "stsEndpoint": self.proxy.address(),
            "caBundle": { "inline": self.proxy.ca_pem() },
            "credentials": credentials,
        }})
    }

    /// `spec.key` without a word about who logs in.
    pub fn config_without_credentials(&self) -> Value {
        let mut key = self.config_with(&self.id, Value::Null);
        if let Some(aws) = key["awsKms"].as_object_mut() {
            aws.remove("credentials");
            aws.remove("stsEndpoint");
        }
        key
    }
}

impl RemoteKey for KmsKey {
    fn backend(&self) -> &'static str {
        "awsKms"
    }

    fn config(&self, secret: &str) -> Value {
        self.config_with(&self.id, json!({ "secretRef": { "name": secret } }))
    }

    fn credential(&self) -> BTreeMap<&'static str, String> {
        let login = self.login.lock();
        let (id, secret) = (login.id.clone(), login.secret.clone());
        [("access-key-id", id), ("secret-access-key", secret)].into()
    }

    fn replace_credential(&self) -> Result<()> {
        let server = ministack()?;
        let fresh = server.make_access_key(&self.user)?;
        secrets::note(&*fresh.secret);
        let mut login = self.login.lock();
        let old = std::mem::replace(&mut *login, fresh);
        server.delete_access_key(&self.user, &old.id)
    }

    fn public_key(&self) -> Result<Vec<u8>> {
        Ok(STANDARD.decode(ministack()?.public_key(&self.id)?)?)
    }

    fn begin_outage(&self, how: Outage) -> Result<()> {
        super::begin_outage(&self.proxy, how)
    }

    fn bring_back(&self) -> Result<()> {
        super::bring_back(&self.proxy)
    }
}
