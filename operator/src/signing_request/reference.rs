//! May the requester use a namespaced issuer? The API server says.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::certificates::v1::CertificateSigningRequestSpec;
use kube::api::PostParams;
use kube::{Api, Client};
use signet_api::GROUP;

use crate::issuer_name::IssuerName;

/// Asks whether the requester has the verb `reference` on `signers` of our group, in the issuer's
/// namespace and by the issuer's name (rule A5-37).
pub(super) async fn is_allowed(
    client: &Client,
    requester: &CertificateSigningRequestSpec,
    issuer: &IssuerName,
) -> Result<bool, kube::Error> {
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = api
        .create(&PostParams::default(), &review(requester, issuer))
        .await?;
    let status = answer.status.unwrap_or_default();
    Ok(status.allowed && !status.denied.unwrap_or_default())
}

pub(super) fn review(
    requester: &CertificateSigningRequestSpec,
    issuer: &IssuerName,
) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: requester.username.clone(),
            uid: requester.uid.clone(),
            groups: requester.groups.clone(),
            extra: requester.extra.clone(),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some("signers".to_owned()),
                verb: Some("reference".to_owned()),
                namespace: Some(issuer.namespace.clone()),
                name: Some(issuer.name.clone()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}
