//! Whether a requester may use a namespaced issuer: a SubjectAccessReview.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use signet_api::GROUP;
use signet_core::request::Requester;

use crate::issuer_name::IssuerName;

/// Returns whether the requester has the verb `reference` on `signers` of Signet's group, in the
/// issuer's namespace and by the issuer's name (rule A5-37).
pub(super) async fn is_allowed(
    client: &Client,
    requester: &Requester,
    issuer: &IssuerName,
) -> Result<bool, kube::Error> {
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let reviewed = api
        .create(&PostParams::default(), &review(requester, issuer))
        .await?;
    let status = reviewed.status.unwrap_or_default();
    Ok(status.allowed && !status.denied.unwrap_or_default())
}

fn review(requester: &Requester, issuer: &IssuerName) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(requester.username.clone()),
            uid: Some(requester.uid.clone()),
            groups: Some(requester.groups.clone()),
            extra: Some(requester.extra.clone()),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{alice, shop_ca};

    #[test]
    fn a5_37_the_review_is_about_the_requester_and_this_issuer_alone() {
        assert_eq!(
            json!(review(&alice(), &shop_ca()).spec),
            json!({
                "user": "alice",
                "uid": "alice-1",
                "groups": ["staff"],
                "extra": { "scopes": ["a", "b"] },
                "resourceAttributes": {
                    "group": "signet.dev",
                    "resource": "signers",
                    "verb": "reference",
                    "namespace": "shop",
                    "name": "ca",
                },
            })
        );
    }
}
