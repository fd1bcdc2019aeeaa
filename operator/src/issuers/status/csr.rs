//! The CSR that a person is to get signed, and the event about it. Pure.

use signet_api::{IssuerStatus, PendingCsr};

use crate::issuers::facts::Facts;
use crate::issuers::parents::pending_csr;
use crate::plan::PlannedEvent;

pub(super) fn pending(facts: &Facts) -> Option<PendingCsr> {
    let (generation, csr, _) = pending_csr(facts)?;
    Some(PendingCsr {
        generation,
        pem: csr.pem().to_owned(),
        sha256: csr.fingerprint().to_owned(),
        subject_key_id: hex::encode(csr.public_key().key_identifier()),
    })
}

/// Returns the event if a person has something new to do.
pub(super) fn event(status: &IssuerStatus, before: &IssuerStatus) -> Option<PlannedEvent> {
    let csr = status.csr.as_ref().filter(|_| status.csr != before.csr)?;
    Some(PlannedEvent {
        warning: false,
        reason: "CertificateRequested",
        action: "Request",
        note: format!(
            "generation {} of the CA waits for its certificate; get the CSR in status.csr signed \
             (SHA-256 {}, subject key identifier {})",
            csr.generation, csr.sha256, csr.subject_key_id
        ),
    })
}
