//! Reads CA generations from objects, and writes them to objects.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use signet_api::{CAGeneration, CAGenerationSpec, GenerationKey, IssuerReference};
use signet_core::ca::{CaCertificate, CaChain, ChainError};
use signet_keys::{BlockingQueue, KeyConfig};
use tokio::task::JoinError;

use crate::issuer_name::IssuerName;
use crate::plan::managed_by;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Generation {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) key: GenerationKey,
    pub(super) chain: Result<CaChain, ChainError>,
}

impl Generation {
    /// Whether it is of this chain, whatever roots are given with it.
    pub(super) fn is_of(&self, chain: &CaChain) -> bool {
        let own = self.chain.as_ref();
        own.is_ok_and(|own| own.is_same_path(chain))
    }

    /// Whether certificates under it can still be valid.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.chain
            .as_ref()
            .is_ok_and(|chain| now < chain.not_after())
    }
}

pub(super) fn read(object: &CAGeneration, now: Timestamp) -> Generation {
    let spec = &object.spec;
    let chain = spec.certificate_chain.as_bytes();
    Generation {
        name: object.name_any(),
        number: spec.generation,
        key: spec.key.clone(),
        chain: CaChain::from_pem(chain, Some(spec.roots.as_bytes()), now),
    }
}

/// Reads the generations of an issuer, oldest first. Each waits in the queue for its own turn: a
/// tenant may have many, with chains that take long to verify.
pub(super) async fn read_each(
    objects: Vec<CAGeneration>,
    namespace: &str,
    now: Timestamp,
    queue: &BlockingQueue,
) -> Result<Vec<Generation>, JoinError> {
    let mut generations = Vec::with_capacity(objects.len());
    for object in objects {
        generations.push(queue.run(namespace, move || read(&object, now)).await?);
    }
    generations.sort_by_key(|generation| generation.number);
    Ok(generations)
}

/// Returns the object of a new generation. Its number is part of its name, so that only one of two
/// writers can create it.
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

fn pem(certificates: &[CaCertificate]) -> String {
    certificates.iter().map(CaCertificate::pem).collect()
}
