//! How Signet logs in to Vault: the part of the CRD.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PATH;
use crate::references::{SecretKeyReference, ServiceAccountReference};
use crate::union::exactly_one;

/// How Signet logs in to Vault. Exactly one method is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = exactly_one)]
pub enum VaultAuth {
    /// With a token of a ServiceAccount, which Vault has the API server review. The token is made
    /// for this login alone. Its audience is `signet://<namespace>/<issuer>` for an Issuer and
    /// `signet://<issuer>` for a ClusterIssuer, and cannot be chosen.
    Kubernetes(KubernetesAuth),
    /// With the AppRole method.
    AppRole(AppRoleAuth),
    /// With a JSON Web Token, which Vault checks by the keys of its issuer.
    Jwt(JwtAuth),
    /// With a client certificate.
    Certificate(CertificateAuth),
    /// With a token that stands in a Secret. It is renewed where Vault allows it.
    TokenRef(SecretKeyReference),
}

/// A login with a ServiceAccount's token, reviewed by the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesAuth {
    /// The role of the auth method.
    #[schemars(length(min = 1, max = 253))]
    pub role: String,
    /// Where the auth method is mounted below `auth/`; `kubernetes` by default.
    #[serde(default = "kubernetes")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as kubernetes",
    }]))]
    pub mount: String,
    /// Whose token it is.
    pub service_account_ref: ServiceAccountReference,
}

/// A login with the AppRole method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAuth {
    /// The role's id, which is no secret.
    #[schemars(length(min = 1, max = 253))]
    pub role_id: String,
    /// Where the auth method is mounted below `auth/`; `approle` by default.
    #[serde(default = "approle")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as approle",
    }]))]
    pub mount: String,
    /// Where the secret id stands.
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
    /// Where the auth method is mounted below `auth/`; `jwt` by default.
    #[serde(default = "jwt")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as jwt",
    }]))]
    pub mount: String,
    /// Where the token stands; or name `serviceAccountRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretKeyReference>,
    /// The ServiceAccount for which a token is made at each login, with the audience
    /// `signet://<namespace>/<issuer>` for an Issuer and `signet://<issuer>` for a ClusterIssuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountReference>,
}

/// A login with a client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuth {
    /// The role of the auth method; by default the server tries all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Where the auth method is mounted below `auth/`; `cert` by default.
    #[serde(default = "cert")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = [{
        "rule": PATH,
        "message": "write the path of the mount below auth/, such as cert",
    }]))]
    pub mount: String,
    /// The Secret of type `kubernetes.io/tls` with the certificate and its key. It is in the
    /// issuer's namespace; for a ClusterIssuer, in the cluster resource namespace.
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
