//! Requests: the requester, the request, and the API that it came through.

mod claims;
pub mod csr;
mod draft;
mod pod;
mod requester;

use std::sync::Arc;
use std::time::Duration;

pub use claims::Claims;
pub use draft::{CsrDraft, DraftNames, SubjectAttribute, subject};
pub use pod::{BareKey, POD_KEY_TYPES, Pod, pod_key_type};
pub use requester::{NotServiceAccount, Requester, ServiceAccount};

use crate::reason::{Denial, Reason};
use crate::request::csr::{Csr, CsrError};
use crate::x509::usages::Usages;

/// The Kubernetes API that a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// `certificaterequests.cert-manager.io`.
    CertificateRequest,
    /// `certificatesigningrequests.certificates.k8s.io`.
    CertificateSigningRequest,
    /// `podcertificaterequests.certificates.k8s.io`.
    PodCertificateRequest,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 3] = [
        Self::CertificateRequest,
        Self::CertificateSigningRequest,
        Self::PodCertificateRequest,
    ];

    /// Returns the kind of its objects, as metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CertificateRequest => "CertificateRequest",
            Self::CertificateSigningRequest => "CertificateSigningRequest",
            Self::PodCertificateRequest => "PodCertificateRequest",
        }
    }
}

/// The decision of a request's approver (CM-3, CSR-7). Before there is one, a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Approved=True.
    Approved,
    /// Denied=True, which takes precedence.
    Denied,
}

/// The lifetime where none is requested: 90 days (rules A3-28 and A5-39).
pub const DEFAULT_DURATION: Duration = Duration::from_secs(90 * 24 * 3600);

/// Whether a requester may use an issuer at all.
///
/// A CertificateRequest is in the namespace of its issuer, so there the right to create it is
/// enough; a CertificateSigningRequest for a namespaced issuer needs a SubjectAccessReview. A pod may
/// use the issuers of its own namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// It may.
    Allowed,
    /// It lacks the verb `reference` on the signer of this namespaced issuer, or is a pod of another
    /// namespace.
    Denied {
        /// The issuer's namespace.
        namespace: String,
        /// The issuer's name.
        name: String,
    },
}

/// What only an annotation requests, which may change after the approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// The lifetime.
    pub duration: bool,
    /// That it is a CA certificate.
    pub ca: bool,
}

/// A request as the API has it: nothing in it has been checked.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// `metadata.uid`.
    pub uid: String,
    /// The API it came through.
    pub api: Api,
    /// The request's namespace; none for a CertificateSigningRequest, which is cluster-scoped.
    pub namespace: Option<String>,
    /// The decision of its approver.
    pub approval: Approval,
    /// The requester; empty for a PodCertificateRequest, which does not record it.
    /// Many requests have the same.
    pub requester: Arc<Requester>,
    /// Whether the requester may use the issuer at all.
    pub reference: Reference,
    /// The name of the cert-manager Certificate that is the controlling owner.
    pub certificate: Option<String>,
    /// The pod that a PodCertificateRequest is for.
    pub pod: Option<Pod>,
    /// The CSR, in PEM; a pod's is in DER, and empty if its key is bare.
    pub csr: Vec<u8>,
    /// The names in `spec.usages`.
    pub usages: Vec<String>,
    /// The lifetime that is requested, if any, or what is wrong with how it is written.
    pub duration: Result<Option<Duration>, String>,
    /// Whether a CA certificate is requested.
    pub ca: bool,
    /// Which of the two last fields come from an annotation.
    pub annotated: Annotated,
}

/// A request that was read in full: an approved, strictly parsed CSR whose proof of possession
/// holds, and what is requested around it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request as the API has it.
    pub raw: RawRequest,
    /// The CSR.
    pub csr: Csr,
    /// The usages of the spec, which win over those of the CSR (rule A3-21).
    pub usages: Usages,
    /// The lifetime that is requested; none is the default of the rule.
    pub duration: Option<Duration>,
}

impl Request {
    /// Reads a raw request.
    ///
    /// # Errors
    /// The approver denied it (checked first, A1-4), or it is malformed.
    pub fn parse(raw: RawRequest) -> Result<Self, Denial> {
        Self::read(raw, csr_of)
    }

    /// Reads a request as [`Self::parse`] does, from a CSR in DER whose self-signature is not
    /// checked. Only builds for the fuzzer have it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    #[cfg(fuzzing)]
    pub fn parse_unverified(raw: RawRequest) -> Result<Self, Denial> {
        Self::read(raw, |raw| Csr::from_der_unverified(&raw.csr))
    }

    fn read(
        raw: RawRequest,
        csr: impl FnOnce(&RawRequest) -> Result<Csr, CsrError>,
    ) -> Result<Self, Denial> {
        if raw.approval == Approval::Denied {
            let message = "The request was denied by an approval controller.";
            return Err(Reason::Denied.denial(message));
        }
        let invalid_duration = |message| Reason::InvalidDuration.denial(message);
        let duration = raw.duration.clone().map_err(invalid_duration)?;
        let usages = Usages::parse(&raw.usages)
            .map_err(|error| Reason::InvalidUsages.denial(error.to_string()))?;
        let csr = csr(&raw).map_err(|error| error.reason().denial(error.to_string()))?;
        Ok(Self {
            raw,
            csr,
            usages,
            duration,
        })
    }
}

fn csr_of(raw: &RawRequest) -> Result<Csr, CsrError> {
    match &raw.pod {
        None => Csr::from_pem(&raw.csr),
        Some(pod) => match &pod.bare_key {
            Some(key) => Csr::from_bare_key(key, &pod.uid),
            None => Csr::from_stub(&raw.csr),
        },
    }
}
