//! A PKI mount of its own for each test, with a root, a policy and a token.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use signet_core::issue::{CaRequest, Csr, Signature, parse_subject};
use signet_core::spiffe::TrustDomain;
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;
use signet_keys::{IntermediateRequest, KeyError, SignedIntermediate, VaultPki};
use signet_readers::OpenSsl;
use signet_testbed::OpenBao;
use signet_testbed::proxy::Proxy;

use crate::memory::{Memory, access};
use crate::rig::responded;
use crate::vault_transit::bed::server;
use crate::wiretap;

/// With an attribute that engines have no field for, and units in an order of their own.
pub(crate) const SUBJECT: &str = "CN=ca.example.org,OU=Payments,OU=Platform,O=Example,DC=example";

pub(crate) const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
pub(crate) const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A mount, and what an issuer below it needs.
pub(crate) struct Bed {
    pub(crate) server: Arc<OpenBao>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) mount: String,
    address: String,
    ca_pem: String,
    _keep: Arc<dyn Any + Send + Sync>,
}

impl Bed {
    /// A mount with a root that does not limit what is below it, on the shared server.
    pub(crate) fn new() -> Self {
        let bed = Self::without_ca(server());
        bed.make_root(&json!({}));
        bed
    }

    /// A mount without a CA.
    pub(crate) fn without_ca(server: Arc<OpenBao>) -> Self {
        static MOUNTS: AtomicUsize = AtomicUsize::new(0);
        let mount = format!("pki-{}", MOUNTS.fetch_add(1, Ordering::Relaxed));
        let path = format!("-path={mount}");
        let enable = ["secrets", "enable", &path, "-max-lease-ttl=8760h", "pki"];
        server.bao(&enable).unwrap();
        // Without an address, each response warns that there is none.
        let urls = json!({ "issuing_certificates": "http://pki.example.org/ca" });
        server
            .write(&format!("{mount}/config/urls"), &urls)
            .unwrap();
        let rules = format!(
            "path \"{mount}/issuer/+/sign-intermediate\" {{ capabilities = [\"update\"] }}\n"
        );
        server.policy(&mount, &rules).unwrap();
        let bed = Self {
            memory: Arc::default(),
            address: server.address(),
            ca_pem: server.ca_pem().to_owned(),
            _keep: server.clone(),
            server,
            mount,
        };
        bed.log_in_with(&bed.server.token(&bed.mount, &[]).unwrap());
        bed
    }

    /// Puts a token into the Secret.
    pub(crate) fn log_in_with(&self, token: &str) {
        wiretap::search_for(&[token.to_owned()]);
        self.memory.put("vault", &[("token", token.as_bytes())]);
    }

    /// The same mount, called through a proxy.
    pub(crate) fn proxied(self) -> (Self, Arc<Proxy>) {
        let upstream = (self.server.address(), self.server.ca_pem());
        let proxy = Arc::new(Proxy::https(&upstream.0, Some(upstream.1)).unwrap());
        let bed = Self {
            address: proxy.address(),
            ca_pem: proxy.ca_pem().to_owned(),
            _keep: proxy.clone(),
            ..self
        };
        (bed, proxy)
    }

    /// Makes a root; returns its certificate in PEM.
    pub(crate) fn make_root(&self, fields: &Value) -> String {
        let mut root = json!({ "common_name": "Example Root", "ttl": "4380h", "key_type": "ec" });
        let fields = fields.as_object().unwrap().clone();
        root.as_object_mut().unwrap().extend(fields);
        let path = format!("{}/root/generate/internal", self.mount);
        self.server.write(&path, &root).unwrap();
        self.issuer("default")
    }

    /// The certificate of an issuer, as OpenBao's own tool reads it.
    pub(crate) fn issuer(&self, name: &str) -> String {
        let issuer = self.server.read(&format!("{}/issuer/{name}", self.mount));
        issuer.unwrap()["certificate"].as_str().unwrap().to_owned()
    }

    pub(crate) fn pki(&self, fields: &Value) -> VaultPki {
        let mut pki = json!({
            "address": self.address,
            "mount": self.mount,
            "caBundle": { "inline": self.ca_pem },
            "auth": { "tokenRef": { "name": "vault", "key": "token" } },
        });
        let fields = fields.as_object().unwrap().clone();
        pki.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(pki).unwrap()
    }

    /// Has a CSR over a new P-256 key signed for an hour.
    pub(crate) async fn sign(&self, fields: &Value) -> Result<SignedIntermediate, KeyError> {
        let (csr, _) = csr(P256, &request());
        let request = IntermediateRequest {
            csr_pem: csr.pem(),
            common_name: None,
            path_length: None,
            ttl: HOUR,
        };
        self.sign_csr(fields, &request).await
    }

    pub(crate) async fn sign_csr(
        &self,
        fields: &Value,
        request: &IntermediateRequest<'_>,
    ) -> Result<SignedIntermediate, KeyError> {
        let (pki, access) = (self.pki(fields), access(self.memory.clone()));
        wiretap::show(&(&pki, request));
        let signed = pki.sign_intermediate(request, &access).await;
        wiretap::show(&signed);
        signed
    }

    /// The same for what must be signed, however slow the server is.
    pub(crate) async fn signed(&self, request: IntermediateRequest<'_>) -> SignedIntermediate {
        let sign = async || self.sign_csr(&json!({}), &request).await;
        responded(sign).await.unwrap()
    }

    pub(crate) async fn chain(&self, fields: &Value) -> Result<String, KeyError> {
        let (pki, access) = (self.pki(fields), access(self.memory.clone()));
        responded(async || pki.issuer_chain(&access).await).await
    }
}

pub(crate) fn request() -> CaRequest {
    CaRequest {
        subject: parse_subject(SUBJECT).unwrap(),
        path_length: Some(1),
        trust_domain: Some(TrustDomain::parse("example.org").unwrap()),
        name_constraints: None,
    }
}

/// A CSR over a new key, which OpenSSL makes and signs with.
pub(crate) fn csr(genpkey: &str, request: &CaRequest) -> (Csr, PublicKey) {
    let openssl = OpenSsl::new();
    let private = openssl.run(&format!("genpkey {genpkey}"));
    let key = PublicKey::from_spki_der(&openssl.public_key_der(&private)).unwrap();
    let algorithm = SignatureAlgorithm::for_key(key.algorithm());
    let to_sign = request.to_be_signed(&key, algorithm).unwrap();
    openssl.write("message", to_sign.der());
    let signature = openssl.run("dgst -sha256 -sign key.pem message");
    (
        Csr::assemble(&to_sign, &Signature::new(signature)).unwrap(),
        key,
    )
}
