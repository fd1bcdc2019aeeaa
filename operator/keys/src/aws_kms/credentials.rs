//! How an issuer says with which credentials AWS is called.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROLE;
use crate::references::ServiceAccountReference;
use crate::union::exactly_one;

/// Credentials for AWS. Exactly one way is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum AwsCredentials {
    /// An access key in a Secret.
    SecretRef(AwsAccessKey),
    /// A role that a ServiceAccount may assume by its token (AssumeRoleWithWebIdentity).
    WebIdentity(AwsWebIdentity),
}

/// An access key in a Secret of the issuer's namespace; for a ClusterIssuer, of the cluster
/// resource namespace. A change of the Secret is seen without a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccessKey {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in it that holds the access key id; `access-key-id` by default.
    #[serde(default = "access_key_id")]
    #[schemars(length(min = 1, max = 253))]
    pub access_key_id_key: String,
    /// The key in it that holds the secret access key; `secret-access-key` by default.
    #[serde(default = "secret_access_key")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_access_key_key: String,
    /// The key in it that holds the session token, for temporary credentials. Whoever writes the
    /// Secret renews them in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub session_token_key: Option<String>,
}

fn access_key_id() -> String {
    "access-key-id".to_owned()
}

fn secret_access_key() -> String {
    "secret-access-key".to_owned()
}

/// A role that a ServiceAccount may assume by its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsWebIdentity {
    /// The ARN of the role. Its trust policy names the cluster's IAM OIDC provider and the
    /// ServiceAccount.
    #[schemars(length(min = 1, max = 2048), extend("x-kubernetes-validations" = [{
        "rule": ROLE,
        "message": "write the ARN of a role, such as arn:aws:iam::111122223333:role/signet",
    }]))]
    pub role_arn: String,
    /// The ServiceAccount, in the issuer's namespace; for a ClusterIssuer, in the cluster resource
    /// namespace. Signet asks the API server for a token of it, whose audience is
    /// `signet://NAMESPACE/ISSUER` for an Issuer and `signet://ISSUER` for a ClusterIssuer. The
    /// IAM OIDC provider lists that audience.
    pub service_account_ref: ServiceAccountReference,
}
