//! Parents that are slow or return something else. The parent is a double: the test itself writes the
//! status of the CertificateRequest, for an issuer of a group that nothing serves.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, ResourceExt};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::Csr;
use signet_e2e::parents::ACCOUNT;
use signet_e2e::{Ask, IssuerRef, TestNamespace};

use super::below;

shared![
    what_a_parent_returns_is_judged_by_the_certificate,
    a_slow_parent_is_waited_for_and_a_deleted_request_is_made_again,
];

/// The double as `certificate.issuerRef` names it.
pub(super) fn reference() -> Value {
    json!({ "name": "double", "kind": "Double", "group": "double.e2e.signet.dev" })
}

/// An Issuer below the double, in the name of a ServiceAccount with its Roles.
pub(super) async fn issuer(test: &TestNamespace) -> Result<IssuerRef> {
    test.ca_requester().await?;
    let mut parent = reference();
    parent["serviceAccountRef"] = json!({ "name": ACCOUNT });
    let spec = below(KEY, &parent);
    Ok(test.create_issuer(Issuer, "shop", spec).await?)
}

/// The Secret with the key of [`issuer`].
pub(super) const KEY: &str = "shop-ca";

/// The double's root.
pub(super) struct Parent {
    params: CertificateParams,
    key: KeyPair,
    pub(super) pem: String,
}

impl Parent {
    pub(super) fn new() -> Result<Self> {
        let (params, key) = (params("Double", true), KeyPair::generate()?);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { params, key, pem })
    }

    pub(super) fn sign(
        &self,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<String> {
        let mut params = params("Shop CA", true);
        change(&mut params);
        let issuer = rcgen::Issuer::from_params(&self.params, &self.key);
        Ok(params.signed_by(key, &issuer)?.pem())
    }
}

fn params(name: &str, is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::NoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    params
}

/// The key that Signet made.
pub(super) async fn key(secrets: Api<Secret>, name: &str) -> Result<KeyPair> {
    let data = secrets.get(name).await?.data.unwrap_or_default();
    let pem = data.get("tls.key").context("the Secret has a key")?;
    Ok(KeyPair::from_pem(str::from_utf8(&pem.0)?)?)
}

/// What the parent returns, and what the message says about it. Each is deleted then, so that the
/// next request does not wait for the backoff.
async fn what_a_parent_returns_is_judged_by_the_certificate(test: &TestNamespace) -> Result<()> {
    let (issuer, parent) = (issuer(test).await?, Parent::new()?);
    let mut request = test.parent_request(&issuer, (1, 1), None).await?;
    let key = key(test.api(), KEY).await?;
    let signed = |change: &dyn Fn(&mut CertificateParams)| parent.sign(&key, change);
    let leaf = |params: &mut CertificateParams| {
        let ca = std::mem::take(params);
        *params = self::params("Shop CA", false);
        params.distinguished_name = ca.distinguished_name;
    };
    let ended = |params: &mut CertificateParams| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    };
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(600);
    let short = |params: &mut CertificateParams| params.not_after = soon.into();
    let cases = [
        (
            parent.sign(&KeyPair::generate()?, |_| {})?,
            "KeyMismatch",
            "issuer's key",
        ),
        (signed(&leaf)?, "InvalidCa", "CA"),
        (signed(&ended)?, "CaExpired", "expired"),
        (signed(&short)?, "InvalidCa", "must remain"),
    ];
    for (chain, reason, part) in cases {
        let name = request.name_any();
        let condition = ("True", "Issued", "signed");
        test.answer_as_parent(&issuer, &name, condition, Some((&chain, &parent.pem)))
            .await?;
        let holds = |ready: &Condition| {
            ready.reason == reason && ready.message.contains(part) && ready.message.contains(&name)
        };
        test.wait_for_issuer(&issuer, part, holds).await?;
        test.delete_parent_request(&issuer, &name).await?;
        let uid = request.metadata.uid.clone();
        request = test.parent_request(&issuer, (1, 1), uid.as_deref()).await?;
    }
    let chain = signed(&|_| {})?;
    let condition = ("True", "Issued", "signed");
    let name = request.name_any();
    test.answer_as_parent(&issuer, &name, condition, Some((&chain, &parent.pem)))
        .await?;
    test.wait_until_ready(&issuer).await?;
    let csr = Csr::for_dns("shop.example")?;
    let issued = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    ensure!(issued.roots_pem == parent.pem, "{}", issued.roots_pem);
    Ok(())
}

async fn a_slow_parent_is_waited_for_and_a_deleted_request_is_made_again(
    test: &TestNamespace,
) -> Result<()> {
    let issuer = issuer(test).await?;
    let request = test.parent_request(&issuer, (1, 1), None).await?;
    let name = request.name_any();
    let pending = ("False", "Pending", "the HSM\nis asleep");
    test.answer_as_parent(&issuer, &name, pending, None).await?;
    let holds = |ready: &Condition| {
        ready.reason == "WaitingForParent" && ready.message.contains(r#""the HSM\nis asleep""#)
    };
    test.wait_for_issuer(&issuer, "what the parent waits for", holds)
        .await?;
    test.delete_parent_request(&issuer, &name).await?;
    let uid = request.metadata.uid.as_deref();
    test.parent_request(&issuer, (1, 1), uid).await?;
    let failed = ("False", "Failed", "no quota");
    test.answer_as_parent(&issuer, &name, failed, None).await?;
    let message = test.wait_until_not_ready(&issuer, "ParentRefused").await?;
    ensure!(message.contains("\"no quota\""), "{message}");
    test.parent_request(&issuer, (1, 2), None).await?;
    Ok(())
}
