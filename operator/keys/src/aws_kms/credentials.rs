//! How an issuer says with which credentials AWS is called.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROLE;
use crate::references::ServiceAccountReference;
use crate::union::exactly_one;

/// Credentials for AWS. Set exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum AwsCredentials {
    /// An access key in a Secret.
    SecretRef(AwsAccessKey),
    /// A role that a ServiceAccount assumes with its token (AssumeRoleWithWebIdentity).
    WebIdentity(AwsWebIdentity),
}

/// An access key in a Secret in the issuer's namespace; for a ClusterIssuer, in the cluster
/// resource namespace. A changed Secret is picked up without a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccessKey {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key of the Secret that holds the access key ID. Defaults to `access-key-id`.
    #[serde(default = "access_key_id")]
    #[schemars(length(min = 1, max = 253))]
    pub access_key_id_key: String,
    /// The key of the Secret that holds the secret access key. Defaults to `secret-access-key`.
    #[serde(default = "secret_access_key")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_access_key_key: String,
    /// The key of the Secret that holds the session token, for temporary credentials. Update the
    /// Secret before they expire.
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

/// A role that a ServiceAccount assumes with its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsWebIdentity {
    /// The ARN of the role. Its trust policy must allow the cluster's IAM OIDC provider and the
    /// ServiceAccount.
    #[schemars(length(min = 1, max = 2048), extend("x-kubernetes-validations" = [{
        "rule": ROLE,
        "message": "write the ARN of a role, such as arn:aws:iam::111122223333:role/signet",
    }]))]
    pub role_arn: String,
    /// The ServiceAccount, in the issuer's namespace; for a ClusterIssuer, in the cluster resource
    /// namespace. Signet requests a token of it with the audience `signet://NAMESPACE/ISSUER` for
    /// an Issuer and `signet://ISSUER` for a ClusterIssuer. The IAM OIDC provider must list that
    /// audience.
    pub service_account_ref: ServiceAccountReference,
}
