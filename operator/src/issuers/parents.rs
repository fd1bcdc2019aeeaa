//! The CAs above an issuer's: where CA certificates come from.

mod existing;
mod judged;
mod manual;
mod object;
mod request;
mod self_signed;

use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_api::{CertificateSource, IssuerSpec, RootTrust};
use signet_core::ca::offer::Warning;
use signet_core::ca::{CaCertificate, CaChain, Certified};
use signet_core::spiffe::TrustDomain;
use signet_keys::{BlockingQueue, Namespace};

use super::generation::Stored;
use super::keys::Keys;
use super::reason::{IssuerReason, NotReady};
use super::store::Generations;
use crate::issuer_name::IssuerName;

use existing::ExistingChain;
use manual::ByPerson;
pub(super) use manual::pending_csr;
pub(super) use request::ca_request;
use self_signed::OwnRoot;

/// A CA that signs an issuer's CA certificate, or that did.
pub(super) trait ParentCa: Send + Sync {
    /// Returns what it has for the issuer now.
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer>;
}

/// What a parent is asked for.
#[derive(Clone, Copy)]
pub(super) struct ParentRequest<'a> {
    pub(super) issuer: &'a IssuerName,
    pub(super) uid: &'a str,
    pub(super) generations: &'a Generations,
    /// The next generation, if it waits for its certificate.
    pub(super) requested: Option<&'a Stored>,
    pub(super) keys: &'a Keys,
    /// The fingerprint of the key that the certificate is to be for, if that is known.
    pub(super) key: Option<&'a str>,
    pub(super) trust_domain: Option<&'a TrustDomain>,
    pub(super) namespace: &'a dyn Namespace,
    /// Reads chains and verifies their signatures.
    pub(super) parsing: &'a BlockingQueue,
    pub(super) now: Timestamp,
}

/// What a parent has.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// A certificate that passed the checks, or why there is none.
    pub(super) offer: Option<Result<Offer, NotReady>>,
    /// The roots in the object that the spec names. None if it cannot be read now.
    pub(super) named_roots: Option<Vec<CaCertificate>>,
}

/// A certificate for the next generation.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) chain: CaChain,
    pub(super) certified: Certified,
    pub(super) trust: RootTrust,
    /// What is accepted and should be better.
    pub(super) warnings: Vec<Warning>,
}

impl Offer {
    /// A chain that reads differently from where it is stored is refused: it would never be found
    /// again, and would be stored in another generation each time.
    fn new(chain: CaChain, trust: RootTrust, now: Timestamp) -> Result<Self, NotReady> {
        let stored: String = chain.path().iter().map(CaCertificate::pem).collect();
        let read = CaChain::from_pem(stored.as_bytes(), None, now);
        if read.is_ok_and(|read| read.path() == chain.path()) {
            let certified = Certified::from(&chain);
            return Ok(Self {
                chain,
                certified,
                trust,
                warnings: Vec::new(),
            });
        }
        Err(IssuerReason::InvalidCa.stalls(
            "the CA certificate cannot be stored in a CAGeneration; leave out certificates that are \
             not part of its chain",
        ))
    }
}

impl Answer {
    /// Nothing is waited for.
    fn none() -> Self {
        Self {
            offer: None,
            named_roots: Some(Vec::new()),
        }
    }

    /// The object that the spec names has no chain that can be read now.
    fn unreadable(not_ready: NotReady) -> Self {
        Self {
            offer: Some(Err(not_ready)),
            named_roots: None,
        }
    }

    fn of(offer: Result<Offer, NotReady>) -> Self {
        Self {
            offer: Some(offer),
            ..Self::none()
        }
    }
}

/// Returns the parent that a spec names; none if the spec is inconsistent.
pub(super) fn of(spec: &IssuerSpec) -> Option<Box<dyn ParentCa + '_>> {
    Some(match spec.certificate.source()? {
        CertificateSource::SelfSigned(spec) => Box::new(OwnRoot { spec }),
        CertificateSource::Existing(existing) => Box::new(ExistingChain { spec, existing }),
        CertificateSource::Manual(manual) => Box::new(ByPerson { spec, manual }),
    })
}
