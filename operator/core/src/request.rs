//! Requests: the requester, the request, and the API that it came through.

pub mod csr;
mod requester;

use std::time::Duration;

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
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 2] = [Self::CertificateRequest, Self::CertificateSigningRequest];

    /// Returns the kind of its objects, as metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CertificateRequest => "CertificateRequest",
            Self::CertificateSigningRequest => "CertificateSigningRequest",
        }
    }
}

/// Where a request stands with its approver (CM-3, CSR-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// No approver has decided yet.
    Pending,
    /// Approved=True.
    Approved,
    /// Denied=True, which takes precedence.
    Denied,
}

/// The lifetime of a certificate where none is requested: 90 days (rules A3-28 and A5-39).
pub const DEFAULT_DURATION: Duration = Duration::from_secs(90 * 24 * 3600);

/// Whether a requester may use an issuer at all.
///
/// A CertificateRequest is in the namespace of its issuer, so there the right to create it is
/// enough; a CertificateSigningRequest for a namespaced issuer needs a SubjectAccessReview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// It may.
    Allowed,
    /// It lacks the verb `reference` on the signer of this namespaced issuer.
    Denied {
        /// The issuer's namespace.
        namespace: String,
        /// The issuer's name.
        name: String,
    },
}

/// What only an annotation requests. Users who may update a request can change it after the
/// approval.
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
    /// The approver's decision.
    pub approval: Approval,
    /// The requester.
    pub requester: Requester,
    /// Whether the requester may use the issuer at all.
    pub reference: Reference,
    /// The name of the cert-manager Certificate that is the controlling owner.
    pub certificate: Option<String>,
    /// The PEM of the CSR.
    pub csr: Vec<u8>,
    /// The names in `spec.usages`.
    pub usages: Vec<String>,
    /// The lifetime that is requested, or what is wrong with how it is written.
    pub duration: Result<Duration, String>,
    /// Whether a CA certificate is requested.
    pub ca: bool,
    /// Which of the two last fields come from an annotation.
    pub annotated: Annotated,
}

/// A request that was read in full: an approved, strictly parsed CSR whose proof of possession
/// holds, and what is requesteded around it.
#[derive(Clone, Debug)]
pub struct Request {
    /// `metadata.uid`; it goes into the serial number.
    pub uid: String,
    /// The API it came through.
    pub api: Api,
    /// The request's namespace.
    pub namespace: Option<String>,
    /// The requester.
    pub requester: Requester,
    /// Whether the requester may use the issuer at all.
    pub reference: Reference,
    /// The cert-manager Certificate that is the controlling owner.
    pub certificate: Option<String>,
    /// The CSR.
    pub csr: Csr,
    /// The usages of the spec, which win over those of the CSR (rule A3-21).
    pub usages: Usages,
    /// The lifetime that is requested.
    pub duration: Duration,
    /// Whether a CA certificate is requested.
    pub ca: bool,
    /// Which of the two last fields come from an annotation.
    pub annotated: Annotated,
}

/// Why a raw request cannot be decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No approver has approved it yet.
    NotApproved,
    /// It was denied, or it is malformed. This is final.
    Denied(Denial),
}

impl Request {
    /// Reads a raw request.
    ///
    /// # Errors
    /// What cannot become a request is decided already: ignored until it is
    /// approved, denied if the approver denied it (checked first, A1-4) or if it is malformed.
    pub fn parse(request: RawRequest) -> Result<Self, Refusal> {
        Self::read(request, Csr::from_pem)
    }

    /// Reads a request as [`Self::parse`] does, from a CSR in DER whose self-signature is not
    /// checked. Only builds for the fuzzer have it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    #[cfg(fuzzing)]
    pub fn parse_unverified(request: RawRequest) -> Result<Self, Refusal> {
        Self::read(request, Csr::from_der_unverified)
    }

    fn read(request: RawRequest, csr: fn(&[u8]) -> Result<Csr, CsrError>) -> Result<Self, Refusal> {
        match request.approval {
            Approval::Denied => return Err(Refusal::Denied(denied_by_approver())),
            Approval::Pending => return Err(Refusal::NotApproved),
            Approval::Approved => {}
        }
        let duration = request
            .duration
            .map_err(|message| deny(Reason::InvalidDuration, message))?;
        let usages = Usages::parse(&request.usages)
            .map_err(|error| deny(Reason::InvalidUsages, error.to_string()))?;
        let csr = csr(&request.csr).map_err(|error| deny(error.reason(), error.to_string()))?;
        Ok(Self {
            uid: request.uid,
            api: request.api,
            namespace: request.namespace,
            requester: request.requester,
            reference: request.reference,
            certificate: request.certificate,
            csr,
            usages,
            duration,
            ca: request.ca,
            annotated: request.annotated,
        })
    }
}

fn deny(reason: Reason, message: String) -> Refusal {
    Refusal::Denied(Denial { reason, message })
}

fn denied_by_approver() -> Denial {
    Denial {
        reason: Reason::Denied,
        message: "The request was denied by an approval controller.".to_owned(),
    }
}
