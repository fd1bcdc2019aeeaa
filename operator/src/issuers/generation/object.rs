//! The objects and patches that are written about generations. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use signet_api::{
    CAGeneration, CAGenerationSpec, GenerationCertificate, GenerationKey, GenerationPurpose,
    IssuerKind, IssuerReference, RootTrust,
};
use signet_core::ca::lifecycle::table::Event;
use signet_core::ca::{CaCertificate, CaChain, Lifetimes, Purpose};

use crate::issuer_name::IssuerName;
use crate::plan::{managed_by, seconds};

/// What a new generation consists of.
#[derive(Clone, Debug)]
pub(in crate::issuers) struct NewObject {
    pub(in crate::issuers) number: u32,
    pub(in crate::issuers) key: GenerationKey,
    pub(in crate::issuers) purpose: Purpose,
    pub(in crate::issuers) trust_domain: Option<String>,
    pub(in crate::issuers) certificate: Option<GenerationCertificate>,
    /// In PEM.
    pub(in crate::issuers) csr: Option<String>,
    pub(in crate::issuers) prepared: Timestamp,
    /// The longest lifetimes of certificates that may exist under it already.
    pub(in crate::issuers) lifetimes: Lifetimes,
    /// Whether it signs already.
    pub(in crate::issuers) signs: bool,
    /// The roots that are trusted besides its own, in PEM.
    pub(in crate::issuers) inherited: Option<String>,
}

/// Returns the name of a generation's object.
pub(in crate::issuers) fn object_name(issuer: &IssuerName, number: u32) -> String {
    format!("{}{number}", prefix(issuer))
}

/// Returns the number in the name of an object, if it is one of the issuer's.
pub(in crate::issuers) fn number_in_name(issuer: &IssuerName, name: &str) -> Option<u32> {
    name.strip_prefix(&prefix(issuer))?.parse().ok()
}

/// Returns the kind and the name of the issuer in the name of a generation's object.
pub(in crate::issuers) fn issuer_in_name(name: &str) -> Option<(IssuerKind, String)> {
    let (issuer, number) = name.rsplit_once('-')?;
    number.parse::<u32>().ok()?;
    let (kind, name) = issuer.split_once('-')?;
    let kinds = [
        IssuerKind::Issuer,
        IssuerKind::ClusterIssuer,
        IssuerKind::MeshCA,
    ];
    let kind = kinds
        .into_iter()
        .find(|known| known.as_str().to_lowercase() == kind)?;
    (!name.is_empty()).then(|| (kind, name.to_owned()))
}

fn prefix(issuer: &IssuerName) -> String {
    format!("{}-{}-", issuer.kind.as_str().to_lowercase(), issuer.name)
}

/// Returns the object of a new generation. Its number is part of its name, so that only one of two
/// writers can create it.
pub(in crate::issuers) fn new(
    issuer: &IssuerName,
    namespace: &str,
    new: NewObject,
) -> CAGeneration {
    let prepared = seconds(new.prepared);
    let signs_since = new.signs.then(|| prepared.clone());
    let spec = CAGenerationSpec {
        issuer_ref: IssuerReference {
            kind: issuer.kind,
            name: issuer.name.clone(),
        },
        generation: new.number,
        key: new.key,
        purpose: GenerationPurpose {
            certificate: new.purpose.certificate,
            request_id: new.purpose.request_id,
            rollback_to: new.purpose.rollback_to,
        },
        trust_domain: new.trust_domain,
        prepared_at: prepared,
        csr: new.csr,
        certificate: new.certificate,
        inherited_roots: new.inherited,
        published_at: signs_since.clone(),
        activated_at: signs_since,
        superseded_at: None,
        longest_leaf_seconds: new.lifetimes.leaf.map(whole_seconds),
        longest_ca_seconds: new.lifetimes.ca.map(whole_seconds),
    };
    let mut object = CAGeneration::new(&object_name(issuer, new.number), spec);
    object.metadata.namespace = Some(namespace.to_owned());
    object.metadata.labels = Some([managed_by()].into());
    object
}

fn whole_seconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)
}

/// Returns a chain as a generation has it.
pub(in crate::issuers) fn certificate(chain: &CaChain, trust: RootTrust) -> GenerationCertificate {
    GenerationCertificate {
        chain: chain.path().iter().map(CaCertificate::pem).collect(),
        trust,
        fingerprint: hex::encode(chain.issuing().fingerprint()),
        not_before: Time(chain.not_before()),
        not_after: Time(chain.not_after()),
    }
}

/// Returns the change of a generation's spec that records when something happened; none for an
/// event that is never recorded.
pub(in crate::issuers) fn fact(event: Event, at: Timestamp) -> Option<Value> {
    let field = match event {
        Event::Published => "publishedAt",
        Event::Activated => "activatedAt",
        Event::Superseded | Event::Abandoned => "supersededAt",
        Event::Certified | Event::Ended | Event::Revoked => return None,
    };
    Some(json!({ field: seconds(at) }))
}
