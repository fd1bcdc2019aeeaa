//! How Signet logs in to Vault: the part of the CRD.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PATH;
use crate::references::{SecretKeyReference, ServiceAccountReference};
use crate::union::exactly_one;

/// How Signet logs in to Vault. Set exactly one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum VaultAuth {
    /// With a token of a ServiceAccount, which the API server reviews for Vault. Signet requests a
    /// token for each login. Its audience is `signet://<namespace>/<issuer>` for an Issuer and
    /// `signet://<issuer>` for a ClusterIssuer, and cannot be changed.
    Kubernetes(KubernetesAuth),
    /// With the AppRole method.
    AppRole(AppRoleAuth),
    /// With a JSON Web Token, which Vault verifies with the keys of its issuer.
    Jwt(JwtAuth),
    /// With a client certificate.
    Certificate(CertificateAuth),
    /// With a token from a Secret. Signet renews it if Vault allows it.
    TokenRef(SecretKeyReference),
}

/// A login with a ServiceAccount's token, reviewed by the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesAuth {
    /// The role of the auth method.
    #[schemars(length(min = 1, max = 253))]
    pub role: String,
    /// The path below `auth/` at which the auth method is mounted. Defaults to `kubernetes`.
    #[serde(default = "kubernetes")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as kubernetes",
    }]))]
    pub mount: String,
    /// The ServiceAccount whose token is used.
    pub service_account_ref: ServiceAccountReference,
}

/// A login with the AppRole method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAuth {
    /// The role's ID, which is not a secret.
    #[schemars(length(min = 1, max = 253))]
    pub role_id: String,
    /// The path below `auth/` at which the auth method is mounted. Defaults to `approle`.
    #[serde(default = "approle")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as approle",
    }]))]
    pub mount: String,
    /// The Secret that holds the secret ID.
    pub secret_id_ref: SecretKeyReference,
}

/// A login with a JSON Web Token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.tokenRef) != has(self.serviceAccountRef)",
    "message": "name exactly one of: tokenRef, serviceAccountRef",
}]))]
pub struct JwtAuth {
    /// The role of the auth method.
    #[schemars(length(min = 1, max = 253))]
    pub role: String,
    /// The path below `auth/` at which the auth method is mounted. Defaults to `jwt`.
    #[serde(default = "jwt")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as jwt",
    }]))]
    pub mount: String,
    /// The Secret that holds the token. Set either this or `serviceAccountRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretKeyReference>,
    /// The ServiceAccount whose token Signet requests at each login, with the audience
    /// `signet://<namespace>/<issuer>` for an Issuer and `signet://<issuer>` for a ClusterIssuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountReference>,
}

/// A login with a client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuth {
    /// The role of the auth method. By default the server tries all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// The path below `auth/` at which the auth method is mounted. Defaults to `cert`.
    #[serde(default = "cert")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as cert",
    }]))]
    pub mount: String,
    /// The Secret of type `kubernetes.io/tls` with the certificate and its key, in the issuer's
    /// namespace; for a ClusterIssuer, in the cluster resource namespace.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

fn kubernetes() -> String {
    "kubernetes".to_owned()
}

fn approle() -> String {
    "approle".to_owned()
}

fn jwt() -> String {
    "jwt".to_owned()
}

fn cert() -> String {
    "cert".to_owned()
}
