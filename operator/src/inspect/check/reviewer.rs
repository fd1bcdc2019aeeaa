//! Asks the API server what a ServiceAccount may do.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use signet_core::request::ServiceAccount;

use crate::api_error::FORBIDDEN;
use crate::inspect::client::Cluster;

/// Reviews the access of one ServiceAccount.
pub(super) struct Reviewer {
    client: Client,
    /// None if the client is that of the account.
    other: Option<ServiceAccount>,
}

impl Reviewer {
    /// Returns how the user may ask about an account: as that account, if it is the user's own; about
    /// another one, with the right to create SubjectAccessReviews; or else in its name, which requires
    /// the right to impersonate it.
    pub(super) async fn of(
        cluster: &Cluster,
        account: &ServiceAccount,
    ) -> Result<Self, kube::Error> {
        if account.username() == cluster.user {
            return Ok(Self {
                client: cluster.client.clone(),
                other: None,
            });
        }
        let about = Self {
            client: cluster.client.clone(),
            other: Some(account.clone()),
        };
        match about.review(probe()).await {
            Ok(_) => Ok(about),
            Err(kube::Error::Api(status)) if status.code == FORBIDDEN => Ok(Self {
                client: cluster.client_as(account)?,
                other: None,
            }),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn review(&self, attributes: ResourceAttributes) -> Result<bool, kube::Error> {
        let status = match &self.other {
            Some(account) => about(&self.client, account, attributes).await?.status,
            None => about_itself(&self.client, attributes).await?.status,
        };
        Ok(status.is_some_and(|status| status.allowed))
    }
}

/// Any question.
fn probe() -> ResourceAttributes {
    ResourceAttributes {
        resource: Some("namespaces".to_owned()),
        verb: Some("get".to_owned()),
        ..ResourceAttributes::default()
    }
}

async fn about(
    client: &Client,
    account: &ServiceAccount,
    attributes: ResourceAttributes,
) -> Result<SubjectAccessReview, kube::Error> {
    let authenticated = "system:authenticated".to_owned();
    let groups = account.groups().into_iter().chain([authenticated]);
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(account.username()),
            groups: Some(groups.collect()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    reviews.create(&PostParams::default(), &review).await
}

async fn about_itself(
    client: &Client,
    attributes: ResourceAttributes,
) -> Result<SelfSubjectAccessReview, kube::Error> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    reviews.create(&PostParams::default(), &review).await
}
