//! The key of a request from a kubelet of Kubernetes 1.35, which only v1beta1 of the API has (PCR-3).

use k8s_openapi::api::certificates::v1beta1::{PodCertificateRequest, PodCertificateRequestSpec};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use signet_core::policy::Denial;
use signet_core::reason::Reason;
use signet_core::request::{BareKey, RawRequest};

/// Returns the key that a request has in place of a stub CSR.
pub(super) fn of(spec: &PodCertificateRequestSpec) -> Option<BareKey> {
    let key = spec.pkix_public_key.as_ref()?;
    let proof = spec.proof_of_possession.as_ref();
    let is_alone = spec.stub_pkc_s10_request.0.is_empty() && !key.0.is_empty();
    is_alone.then(|| BareKey {
        spki: key.0.clone(),
        proof: proof.map(|proof| proof.0.clone()).unwrap_or_default(),
    })
}

/// Reads a request without a key as v1beta1, and returns the key that it has there; none if it has a
/// key already.
pub(super) async fn read_if_missing(
    client: &Client,
    request: &RawRequest,
    metadata: &ObjectMeta,
) -> Result<Result<Option<BareKey>, Denial>, kube::Error> {
    let has_bare_key = || {
        let pod = request.pod.as_ref();
        pod.is_some_and(|pod| pod.bare_key.is_some())
    };
    if !request.csr.is_empty() || has_bare_key() {
        return Ok(Ok(None));
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<PodCertificateRequest> = Api::namespaced(client.clone(), namespace);
    let name = metadata.name.as_deref().unwrap_or_default();
    let found = match api.get(name).await {
        Ok(found) => Some(found),
        // The version is not served, or the request was deleted, which a write will notice.
        Err(kube::Error::Api(status)) if status.is_not_found() => None,
        Err(error) => return Err(error),
    };
    Ok(in_beta(found.as_ref(), &request.uid))
}

fn in_beta(found: Option<&PodCertificateRequest>, uid: &str) -> Result<Option<BareKey>, Denial> {
    let same = found.filter(|found| found.metadata.uid.as_deref() == Some(uid));
    match same.and_then(|found| of(&found.spec)) {
        Some(key) => Ok(Some(key)),
        None => Err(Reason::UnsupportedByApi.denial(
            "spec.stubPKCS10Request is empty, as in requests of a kubelet older than 1.36, and the \
             API server does not serve v1beta1 of the API, which has their key; update the kubelet",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(spec: &Value) -> PodCertificateRequest {
        let object = json!({ "metadata": { "uid": "uid-1" }, "spec": spec });
        serde_json::from_value(object).unwrap()
    }

    /// PCR-2, PCR-3.
    #[test]
    fn finds_the_key_of_the_same_request_and_no_other() {
        let keyed = spec(&json!({ "pkixPublicKey": "a2V5", "proofOfPossession": "cHJvb2Y=" }));
        let key = BareKey {
            spki: b"key".to_vec(),
            proof: b"proof".to_vec(),
        };
        assert_eq!(in_beta(Some(&keyed), "uid-1"), Ok(Some(key)));
        let empty = spec(&json!({ "stubPKCS10Request": "" }));
        for (found, uid) in [
            (Some(&keyed), "uid-2"),
            (Some(&empty), "uid-1"),
            (None, "uid-1"),
        ] {
            let denial = in_beta(found, uid).unwrap_err();
            assert_eq!(denial.reason, Reason::UnsupportedByApi);
        }
    }

    #[test]
    fn a_key_beside_a_stub_does_not_count() {
        let both = json!({
            "stubPKCS10Request": "c3R1Yg==", "pkixPublicKey": "a2V5", "proofOfPossession": "cHJvb2Y=",
        });
        assert_eq!(of(&spec(&both).spec), None);
        assert_eq!(of(&spec(&json!({ "pkixPublicKey": "" })).spec), None);
        let unproven = of(&spec(&json!({ "pkixPublicKey": "a2V5" })).spec);
        assert_eq!(unproven.map(|key| key.proof), Some(Vec::new()));
    }
}
