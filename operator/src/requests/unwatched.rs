//! Requests in files, which no watch delivers.

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::certificates::v1beta1::PodCertificateRequest;
use serde_json::Value;
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::request::{Approval, POD_KEY_TYPES, RawRequest, Reference};

use super::kind::{Object, Progress, RequestKind};
use crate::issuer_name::IssuerName;

/// A request in a file.
pub(crate) struct FileRequest {
    pub(crate) issuer: IssuerName,
    pub(crate) raw: RawRequest,
    /// What cannot be known from a file, and is assumed.
    pub(crate) assumptions: Vec<&'static str>,
}

const APPROVAL: &str = "an approver approves the request";
const FINISHED: &str = "the request is finished; it is decided as if it were new and approved";
const POD: &str = "the pod runs on the node with the ServiceAccount, and mounts a certificate of this \
                   signer and type of key";
const REFERENCE: &str = "the requester may use the Issuer (verb reference on its signer)";

/// Reads a request of this kind; none if it is for another signer.
///
/// # Errors
/// The kind is not one of a request, or a field cannot be read.
pub(crate) fn read(kind: &str, object: Value) -> Result<Option<FileRequest>, String> {
    let read = match kind {
        "CertificateRequest" => typed::<CertificateRequest>(object),
        "CertificateSigningRequest" => typed::<CertificateSigningRequest>(object),
        // It has the fields of v1 and more.
        "PodCertificateRequest" => typed::<PodCertificateRequest>(object),
        other => {
            return Err(format!(
                "{other} is not a request that can be read from a file"
            ));
        }
    };
    read.map_err(|error| error.to_string())
}

fn typed<K: RequestKind>(object: Value) -> serde_json::Result<Option<FileRequest>> {
    let object: Object<K> = serde_json::from_value(object)?;
    let Some(issuer) = K::issuer(&object) else {
        return Ok(None);
    };
    let status = object.status.clone().unwrap_or_default();
    let (approval, assumed) = match K::progress(&status) {
        Progress::Denied => (Approval::Denied, None),
        Progress::AwaitingApproval => (Approval::Approved, Some(APPROVAL)),
        Progress::Finished => (Approval::Approved, Some(FINISHED)),
        Progress::Approved(_) => (Approval::Approved, None),
    };
    let mut raw = K::read(&object, &issuer, approval);
    let mut assumptions: Vec<_> = assumed.into_iter().collect();
    if let Some(pod) = &mut raw.pod {
        pod.mounted_key_types = POD_KEY_TYPES.map(str::to_owned).to_vec();
        assumptions.push(POD);
    } else if raw.reference != Reference::Allowed {
        raw.reference = Reference::Allowed;
        assumptions.push(REFERENCE);
    }
    Ok(Some(FileRequest {
        issuer,
        raw,
        assumptions,
    }))
}
