//! The root above the issuer, and the person who signs with it.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use der::DecodePem;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use serde_json::json;
use signet_api::{ClusterIssuer, PendingCsr};
use signet_testbed::installation::NAMESPACE;
use x509_cert::request::CertReq;

use crate::certificate::Certificate;

/// How far back the validity of an intermediate begins.
const BACKDATED: Duration = Duration::from_secs(5);

/// A root that is not on the network. It can be replaced by another one.
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub(crate) struct OfflineRoot {
    current: Mutex<Root>,
    /// The lifetime of the intermediates that it signs.
    lifetime: Duration,
}

struct Root {
    number: u32,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Root {
    fn new(number: u32) -> Result<Self> {
        // Every second one has the subject of the one before, as roots in the field do.
        let mut params = ca_params(&format!("Soak Root {}", number.div_ceil(2)));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { number, issuer })
    }
}

/// The public key of a CSR, which is P-256.
struct CsrKey(Vec<u8>);

impl PublicKeyData for CsrKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl OfflineRoot {
    /// Creates a root that signs intermediates of this lifetime.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn new(lifetime: Duration) -> Result<Self> {
        Ok(Self {
            current: Mutex::new(Root::new(1)?),
            lifetime,
        })
    }

    /// Replaces the root: what is signed from now on is under another one, with another key. Returns
    /// its fingerprint.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn replace(&self) -> Result<String> {
        let mut current = self.current.lock();
        *current = Root::new(current.number + 1)?;
        Ok(Certificate::first(&current.issuer.pem())?.fingerprint)
    }

    /// Signs a CSR. Returns the certificate and the root.
    fn sign(&self, pending: &PendingCsr) -> Result<(String, String)> {
        let csr = CertReq::from_pem(&pending.pem).context("status.csr is not a CSR")?;
        let subject = csr.info.subject.to_string();
        let subject = subject.strip_prefix("CN=").context("a common name only")?;
        let key = csr.info.public_key.subject_public_key.raw_bytes().to_vec();
        let mut params = ca_params(subject);
        let now = Timestamp::now().as_second().unsigned_abs();
        let at = |at: Duration| date_time_ymd(1970, 1, 1) + at;
        params.not_before = at(Duration::from_secs(now) - BACKDATED);
        params.not_after = at(Duration::from_secs(now) - BACKDATED + self.lifetime);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method =
            KeyIdMethod::PreSpecified(hex::decode(&pending.subject_key_id)?);
        let root = self.current.lock();
        let certificate = params.signed_by(&CsrKey(key), &root.issuer)?;
        Ok((certificate.pem(), root.issuer.pem()))
    }
}

/// Returns what every CA certificate of the soak has.
pub(crate) fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Signs every CSR that appears in the status of a ClusterIssuer, and puts the chain into the
/// ConfigMap that its spec names; without an end.
///
/// # Errors
/// A CSR cannot be signed, or the ConfigMap cannot be written.
pub(crate) async fn answer(
    client: Client,
    issuer: &str,
    config_map: &str,
    root: &OfflineRoot,
) -> Result<()> {
    let issuers: Api<ClusterIssuer> = Api::all(client.clone());
    let maps: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let mut versions = pin!(watch_object(issuers, issuer).default_backoff());
    let mut answered = None;
    while let Some(version) = versions.next().await {
        let pending = version.ok().flatten().and_then(|found| found.status?.csr);
        let Some(pending) = pending.filter(|it| answered.as_ref() != Some(it)) else {
            continue;
        };
        let (certificate, root) = root.sign(&pending)?;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": config_map },
            "data": { "tls.crt": certificate, "ca.crt": root },
        });
        let parameters = PatchParams::apply("signet-soak").force();
        maps.patch(config_map, &parameters, &Patch::Apply(&map))
            .await?;
        answered = Some(pending);
    }
    anyhow::bail!("the watch of the issuer has ended")
}
