//! A key of its own for each test, with a policy and a token for it.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_testbed::OpenBao;
use signet_testbed::proxy::Proxy;

use crate::memory::{Memory, access};
use crate::rig::Subject;
use signet_readers::OpenSsl;

pub(crate) const MOUNT: &str = "transit";

/// The server that all tests share that do nothing to it.
pub(crate) fn server() -> Arc<OpenBao> {
    static SERVER: OnceLock<Arc<OpenBao>> = OnceLock::new();
    let start = || {
        let server = OpenBao::start().unwrap();
        server.enable_transit(MOUNT).unwrap();
        for method in ["approle", "jwt", "cert"] {
            server.enable_auth(method).unwrap();
        }
        Arc::new(server)
    };
    SERVER.get_or_init(start).clone()
}

/// A key, and what an issuer over it needs.
pub(crate) struct Bed {
    pub(crate) server: Arc<OpenBao>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) key: String,
    pub(crate) policy: String,
    /// The token in the Secret `vault`.
    pub(crate) token: String,
    address: String,
    ca_pem: String,
    algorithm: KeyAlgorithm,
    keep: Arc<dyn Any + Send + Sync>,
}

impl Bed {
    /// A P-256 key on the shared server.
    pub(crate) fn new() -> Self {
        Self::with(server(), KeyAlgorithm::EcP256)
    }

    /// The same with a proxy in front of the server.
    pub(crate) fn behind_a_proxy() -> (Self, Arc<Proxy>) {
        Self::new().proxied()
    }

    /// The same key, called through a proxy.
    pub(crate) fn proxied(self) -> (Self, Arc<Proxy>) {
        let upstream = (self.server.address(), self.server.ca_pem());
        let proxy = Arc::new(Proxy::https(&upstream.0, Some(upstream.1)).unwrap());
        let bed = Self {
            address: proxy.address(),
            ca_pem: proxy.ca_pem().to_owned(),
            keep: proxy.clone(),
            ..self
        };
        (bed, proxy)
    }

    /// A key on a server.
    pub(crate) fn with(server: Arc<OpenBao>, algorithm: KeyAlgorithm) -> Self {
        static KEYS: AtomicUsize = AtomicUsize::new(0);
        let key = format!("ca-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        server.make_key(MOUNT, &key, &kind(algorithm)).unwrap();
        let policy = server.signing_policy(MOUNT, &key).unwrap();
        let token = server.token(&policy, &[]).unwrap();
        Self {
            memory: Memory::with("vault", "token", token.as_bytes()),
            address: server.address(),
            ca_pem: server.ca_pem().to_owned(),
            keep: server.clone(),
            server,
            key,
            policy,
            token,
            algorithm,
        }
    }

    /// Makes the key once more, after it was deleted: another one of the same name.
    pub(crate) fn make_key(&self) {
        let kind = kind(self.algorithm);
        self.server.make_key(MOUNT, &self.key, &kind).unwrap();
    }

    /// The key, with the token for it.
    pub(crate) fn subject(&self) -> Subject {
        self.subject_with(&json!({}))
    }

    /// The key, with a way to log in.
    pub(crate) fn subject_by(&self, auth: &Value) -> Subject {
        self.subject_with(&json!({ "auth": auth }))
    }

    /// The key, with other fields in its configuration.
    pub(crate) fn subject_with(&self, fields: &Value) -> Subject {
        let mut vault = json!({
            "address": self.address,
            "name": self.key,
            "caBundle": { "inline": self.ca_pem },
            "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        });
        let fields = fields.as_object().unwrap().clone();
        vault.as_object_mut().unwrap().extend(fields);
        Subject {
            name: format!("vaultTransit {}", self.algorithm),
            config: serde_json::from_value(json!({ "vaultTransit": vault })).unwrap(),
            access: access(self.memory.clone()),
            algorithm: self.algorithm,
            spki_der: self.spki_der(1),
            secrets: vec![self.token.clone(), self.server.root_token().to_owned()],
            keep: Some(self.keep.clone()),
        }
    }

    /// The public half of a version, as OpenBao's tool has it.
    pub(crate) fn spki_der(&self, version: u32) -> Vec<u8> {
        let text = self.server.public_key(MOUNT, &self.key, version).unwrap();
        if self.algorithm == KeyAlgorithm::Ed25519 {
            // RFC 8410, section 10.1: what stands before each such key.
            let head = hex("302a300506032b6570032100");
            return [head, STANDARD.decode(text).unwrap()].concat();
        }
        let openssl = OpenSsl::new();
        openssl.write("key.pem", text.as_bytes());
        openssl.run("pkey -pubin -in key.pem -outform DER")
    }

    pub(crate) fn configure(&self, config: &Value) {
        self.server.configure_key(MOUNT, &self.key, config).unwrap();
    }

    pub(crate) fn rotate(&self) {
        self.server.rotate_key(MOUNT, &self.key).unwrap();
    }

    /// The address of the server as a name.
    pub(crate) fn by_name(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }
}

/// Transit's name of a type of key.
fn kind(algorithm: KeyAlgorithm) -> String {
    match algorithm {
        KeyAlgorithm::EcP256 => "ecdsa-p256".to_owned(),
        KeyAlgorithm::EcP384 => "ecdsa-p384".to_owned(),
        KeyAlgorithm::EcP521 => "ecdsa-p521".to_owned(),
        KeyAlgorithm::Rsa { bits } => format!("rsa-{bits}"),
        KeyAlgorithm::Ed25519 => "ed25519".to_owned(),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
