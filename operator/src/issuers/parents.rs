//! The CAs above an issuer's: where CA certificates come from.

mod backoff;
mod existing;
mod issuer_ref;
mod judged;
mod manual;
mod object;
mod request;
mod self_signed;
mod vault_pki;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_api::{CertificateSource, IssuerSpec, RootTrust};
use signet_core::ca::offer::Warning;
use signet_core::ca::{CaCertificate, CaChain, Certified};
use signet_core::issue::Csr;
use signet_core::mesh::secret::Mesh;
use signet_core::spiffe::TrustDomain;
use signet_keys::{Access, BlockingQueue, Namespace};

use super::generation::Stored;
use super::keys::Keys;
use super::reason::{IssuerReason, NotReady};
use super::roots::Roots;
use super::store::Generations;
use super::submission::{Submission, Submitted};
use crate::issuer_name::IssuerName;
use crate::keyring::Keyring;

use existing::ExistingChain;
#[cfg(test)]
pub(super) use issuer_ref::Account;
use issuer_ref::IssuerAbove;
pub(super) use issuer_ref::{
    CertificateRequests, Family, NamespaceRequests, OwnRequest, superseded,
};
#[cfg(test)]
pub(super) use judged::not_ready;
pub(super) use judged::{expectations, judge};
use manual::ByPerson;
pub(super) use manual::pending_csr;
pub(super) use request::{ca_request, requested};
use self_signed::OwnRoot;
use vault_pki::PkiEngine;

/// A CA that signs an issuer's CA certificate, or that did.
pub(super) trait ParentCa: Send + Sync {
    /// Returns what it has for the issuer now.
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer>;

    /// Sends it the CSR of the requested generation. It is called where [`Answer::attempt`] is due,
    /// which is never so where a source is not sent CSRs.
    fn submit<'a>(
        &'a self,
        _csr: &'a Csr,
        _attempt: u32,
        _request: &'a ParentRequest<'a>,
    ) -> BoxFuture<'a, Result<Submitted, NotReady>> {
        async { Ok(Submitted::Pending) }.boxed()
    }

    /// Deletes one of [`Answer::requests`].
    fn withdraw<'a>(
        &'a self,
        _own: &'a OwnRequest,
        _request: &'a ParentRequest<'a>,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        async { Ok(()) }.boxed()
    }
}

/// What a parent is asked for.
pub(super) struct ParentRequest<'a> {
    pub(super) issuer: &'a IssuerName,
    pub(super) uid: &'a str,
    pub(super) generations: &'a Generations,
    /// The next generation, if it waits for its certificate.
    pub(super) requested: Option<&'a Stored>,
    pub(super) keys: &'a Keys,
    /// The fingerprint of the key that the certificate is to be for, if that is known.
    pub(super) key: Option<String>,
    pub(super) trust_domain: Option<TrustDomain>,
    /// Which roots are trusted.
    pub(super) roots: &'a Roots,
    /// The last submission of the requested generation's CSR since the operator started.
    pub(super) submission: Option<&'a Submission>,
    pub(super) namespace: &'a dyn Namespace,
    /// What the issuer may reach on the network.
    pub(super) access: &'a Access,
    pub(super) requests: &'a dyn CertificateRequests,
    pub(super) family: Family<'a>,
    /// What is known of issuers of Signet that can sign.
    pub(super) keyring: &'a Keyring,
    /// The mesh of a MeshCA.
    pub(super) mesh: Option<&'a Mesh>,
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
    /// What the requested certificate waits for at the parent.
    pub(super) pending: Option<String>,
    /// When the CSR of the requested generation is to be submitted; none if it was.
    pub(super) attempt: Option<Attempt>,
    /// When to poll again, if that is soon.
    pub(super) poll_at: Option<Timestamp>,
    /// The highest generation in the names of requests.
    pub(super) highest_number: u32,
    /// The requests that the issuer owns.
    pub(super) requests: Vec<OwnRequest>,
    /// What is accepted of the issuer above and should be different.
    pub(super) warning: Option<String>,
}

/// A submission of a CSR that is yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Counted from 1 for each CSR.
    pub(super) number: u32,
    /// It is not made before this time.
    pub(super) at: Timestamp,
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
        match chain.is_storable(now) {
            true => Ok(Self::of(chain, trust)),
            false => Err(IssuerReason::InvalidCa.stalls(
                "the CA certificate cannot be stored in a CAGeneration; leave out certificates that \
                 are not part of its chain",
            )),
        }
    }

    /// The CA of a mesh that is taken over as it is. One that cannot be stored is none that could be:
    /// that was checked where its chain was read.
    pub(super) fn adopted(chain: CaChain) -> Self {
        Self::of(chain, RootTrust::Listed)
    }

    fn of(chain: CaChain, trust: RootTrust) -> Self {
        Self {
            certified: Certified::from(&chain),
            chain,
            trust,
            warnings: Vec::new(),
        }
    }
}

impl Answer {
    /// Nothing is waited for.
    fn none() -> Self {
        Self {
            named_roots: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The object that the spec names has no chain that can be read now.
    fn unreadable(not_ready: NotReady) -> Self {
        Self {
            offer: Some(Err(not_ready)),
            ..Self::default()
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
        CertificateSource::IssuerRef(parent) => Box::new(IssuerAbove { spec, parent }),
        CertificateSource::VaultPki(source) => Box::new(PkiEngine { spec, source }),
        CertificateSource::Manual(manual) => Box::new(ByPerson { spec, manual }),
    })
}
