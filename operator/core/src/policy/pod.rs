//! What a request for a pod needs besides an identity.

use std::time::Duration;

use super::{Denial, IssuerPolicy, Shortening};
use crate::quote;
use crate::reason::Reason;
use crate::request::{POD_KEY_TYPES, Pod, Request, pod_key_type};

/// The shortest lifetime that the API server accepts in a PodCertificateRequest (PCR-14).
const MIN_DURATION: Duration = Duration::from_secs(3600);

/// Refuses annotations, which the authors of pods choose: Signet has none (PCR-4).
pub(super) fn check_annotations(request: &Request) -> Result<(), Denial> {
    let annotations = request.raw.pod.as_ref().map(|pod| &pod.user_annotations);
    match annotations.and_then(|keys| keys.first()) {
        None => Ok(()),
        Some(key) => Err(Reason::InvalidUnverifiedUserAnnotations.denial(format!(
            "the user annotation {} is not known, and Signet supports none; remove userAnnotations \
             from the podCertificate source",
            quote::text(key)
        ))),
    }
}

/// Checks what the issuer and the pod's volumes decide about a request for a pod.
pub(super) fn check(request: &Request, policy: &IssuerPolicy) -> Result<(), Denial> {
    let Some(pod) = &request.raw.pod else {
        return Ok(());
    };
    check_issuer(policy)?;
    check_key_type(request, pod)
}

/// Refuses what the API cannot express: a lifetime that the issuer or a rule shortens too far.
pub(super) fn check_duration(request: &Request, granted: Duration) -> Result<(), Denial> {
    if request.raw.pod.is_none() || granted >= MIN_DURATION {
        return Ok(());
    }
    Err(Reason::UnsupportedByApi.denial(
        "spec.profile.maxDuration of the issuer, or maxDuration of a rule, is less than 1h, the \
         shortest lifetime of a PodCertificateRequest; set it to at least 1h",
    ))
}

/// Returns how far the CA's expiry may shorten the lifetime: a pod's certificate is never shorter
/// than an hour.
pub(super) fn shortening(request: &Request, policy: &IssuerPolicy) -> Shortening {
    match policy.lifetimes.shortening {
        Shortening::AtLeast(min) if request.raw.pod.is_some() => {
            Shortening::AtLeast(min.max(MIN_DURATION))
        }
        other => other,
    }
}

/// A stub CSR has no name, so the certificate has the one that the issuer adds.
fn check_issuer(policy: &IssuerPolicy) -> Result<(), Denial> {
    match policy.trust_domain {
        Some(_) => Ok(()),
        None => Err(Reason::InvalidName.denial(
            "a PodCertificateRequest contains no name, and this issuer adds none because it has no \
             trust domain; use an issuer with spec.spiffe",
        )),
    }
}

/// A user who may create requests can name a pod that mounts no certificate.
fn check_key_type(request: &Request, pod: &Pod) -> Result<(), Denial> {
    let key = request.csr.public_key.algorithm();
    let Some(key_type) = pod_key_type(key) else {
        return Err(Reason::UnsupportedKey.denial(format!(
            "the key is {key}, which is not a key type of the API; use one of {}",
            POD_KEY_TYPES.join(", ")
        )));
    };
    if pod
        .mounted_key_types
        .iter()
        .any(|mounted| mounted == key_type)
    {
        return Ok(());
    }
    let mounted: Vec<_> = pod
        .mounted_key_types
        .iter()
        .map(|it| quote::text(it))
        .collect();
    Err(Reason::PodNotAllowed.denial(match mounted.as_slice() {
        [] => format!(
            "the Pod {} mounts no certificate of this signer; add a projected volume with a \
             podCertificate source",
            pod.name
        ),
        mounted => format!(
            "the key is of type {key_type}, and the Pod {} mounts a certificate of this signer with \
             keyType {}",
            pod.name,
            mounted.join(", ")
        ),
    }))
}
