//! CA generations: read from their objects, and made into them. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use signet_api::{CAGeneration, CAGenerationSpec, GenerationKey, IssuerReference};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_keys::KeyConfig;

use crate::issuer_name::IssuerName;
use crate::plan::managed_by;

/// A CA generation as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Generation {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) key: KeyConfig,
    /// What the key's reference was resolved to.
    pub(super) pin: Option<String>,
    /// SHA-256 of the public key that it was made over.
    pub(super) key_fingerprint: String,
    pub(super) chain: Result<CaChain, ChainError>,
}

impl Generation {
    /// Whether certificates under it may still be valid.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.chain
            .as_ref()
            .is_ok_and(|chain| now < chain.not_after())
    }
}

pub(super) fn read(object: &CAGeneration) -> Generation {
    let spec = &object.spec;
    let chain = CaChain::from_pem(
        spec.certificate_chain.as_bytes(),
        Some(spec.roots.as_bytes()),
    );
    Generation {
        name: object.name_any(),
        number: spec.generation,
        key: spec.key.config.clone(),
        pin: spec.key.pin.clone(),
        key_fingerprint: spec.key.fingerprint.clone(),
        chain,
    }
}

/// The object of a new generation. Its number is part of its name, so that of two writers one
/// finds it there already.
pub(super) fn object(
    issuer: &IssuerName,
    namespace: &str,
    (key, pin): (&KeyConfig, Option<&str>),
    chain: &CaChain,
    number: u32,
) -> CAGeneration {
    let kind = issuer.kind;
    let name = format!("{}-{}-{number}", kind.as_str().to_lowercase(), issuer.name);
    let spec = CAGenerationSpec {
        issuer_ref: IssuerReference {
            kind,
            name: issuer.name.clone(),
        },
        generation: number,
        key: GenerationKey {
            config: key.clone(),
            pin: pin.map(str::to_owned),
            fingerprint: chain.issuing().public_key().fingerprint(),
        },
        certificate_chain: pem(chain.path()),
        roots: pem(chain.roots()),
        not_before: Time(chain.not_before()),
        not_after: Time(chain.not_after()),
    };
    let mut object = CAGeneration::new(&name, spec);
    object.metadata.namespace = Some(namespace.to_owned());
    object.metadata.labels = Some([managed_by()].into());
    object
}

pub(super) fn pem(certificates: &[CaCertificate]) -> String {
    certificates.iter().map(CaCertificate::pem).collect()
}
