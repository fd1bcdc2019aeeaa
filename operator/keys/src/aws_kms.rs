//! A key in AWS KMS.

#[cfg(feature = "aws-kms")]
mod ambient;
#[cfg(feature = "aws-kms")]
mod client;
mod credentials;
#[cfg(feature = "aws-kms")]
mod error;
#[cfg(feature = "aws-kms")]
mod key;
#[cfg(feature = "aws-kms")]
mod login;
#[cfg(feature = "aws-kms")]
mod response;
#[cfg(feature = "samples")]
mod samples;
#[cfg(feature = "aws-kms")]
mod signer;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use credentials::AwsCredentials;
#[cfg(feature = "aws-kms")]
pub use error::AwsKmsError;

use crate::access::{Access, KeyPin};
use crate::backend::{Backend, Connected};
use crate::ca_bundle::CaBundle;
use crate::error::KeyError;
use crate::guard::Limits;
use crate::rsa_hash::RsaHash;

/// What the API server checks of an endpoint, and of the ARN of a role.
const ENDPOINT: &str =
    r"self.matches('^https://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/?$')";
const ROLE: &str = "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$')";

/// A key in AWS KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!self.keyId.startsWith('arn:') || self.keyId.split(':')[3] == self.region",
        "message": "region must be the region that keyId names",
    },
    {
        "rule": "!has(self.externalId) || has(self.roleArn)",
        "message": "externalId requires roleArn",
    },
]))]
pub struct AwsKms {
    /// The key: its ID, its ARN, an alias (`alias/NAME`), or the ARN of an alias. The key must be
    /// asymmetric and have the usage SIGN_VERIFY. An alias is resolved once, when the CA generation
    /// is created. If it refers to another key afterwards, the CA keeps its key, and the Ready
    /// condition reports it.
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^((mrk-)?[0-9a-f-]{32,36}|alias/[A-Za-z0-9/_-]{1,250}|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/(mrk-)?[0-9a-f-]{32,36}|alias/[A-Za-z0-9/_-]{1,250}))$')",
        "message": "write the id of a key, alias/NAME, or the ARN of one of them",
    }]))]
    pub key_id: String,
    /// The region of the key, such as `eu-central-1`. It is never taken from the operator's
    /// environment.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[a-z]{2,}(-[a-z]+)+-[0-9]+$')",
        "message": "write the name of a region, such as eu-central-1",
    }]))]
    pub region: String,
    /// The ARN of a role that may use the key, for example in another account. It is assumed with
    /// the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), extend("x-kubernetes-validations" = [{
        "rule": ROLE,
        "message": "write the ARN of a role, such as arn:aws:iam::111122223333:role/signet",
    }]))]
    pub role_arn: Option<String>,
    /// The external ID that the trust policy of the role in `roleArn` requires. It is not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[A-Za-z0-9_+=,.@:/-]*$')",
        "message": "an external id has letters, digits and _+=,.@:/- only",
    }]))]
    pub external_id: Option<String>,
    /// The session name of an assumed role, which CloudTrail shows. Defaults to `signet`.
    #[serde(default = "session_name")]
    #[schemars(length(min = 2, max = 64), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[A-Za-z0-9_+=,.@-]*$')",
        "message": "a session name has letters, digits and _+=,.@- only",
    }]))]
    pub session_name: String,
    /// The KMS endpoint, if not the region's public one, for example a VPC endpoint without private
    /// DNS. It must use https. An Issuer can set it only together with `credentials`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [{
        "rule": ENDPOINT,
        "message": "write https:// and a host, with a port if it is not 443, and no path",
    }]))]
    pub endpoint: Option<String>,
    /// The STS endpoint, if not the region's public one, with the same rules as `endpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [{
        "rule": ENDPOINT,
        "message": "write https:// and a host, with a port if it is not 443, and no path",
    }]))]
    pub sts_endpoint: Option<String>,
    /// The CA certificates to verify KMS and STS with, instead of the system's, for example those
    /// of a proxy that inspects TLS. An Issuer can set it only together with `credentials`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// How to log in. Defaults to the operator's own credentials, if its flags allow it: its
    /// environment, the role of its ServiceAccount (IRSA or EKS Pod Identity), or that of its node.
    /// STS is then called in the region of the operator's environment (`AWS_REGION`), if it has one,
    /// and otherwise in that of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<AwsCredentials>,
}

fn session_name() -> String {
    "signet".to_owned()
}

impl Backend for AwsKms {
    fn name(&self) -> &'static str {
        "awsKms"
    }

    /// A key has the same reference by its id and by its ARN, which ends with the id.
    fn reference(&self) -> String {
        let key = match self.key_id.rsplit_once(":key/") {
            Some((_, id)) => id,
            None => &self.key_id,
        };
        format!("awsKms/{}/{key}", self.region)
    }

    fn spec_hint(&self) -> String {
        format!(
            "awsKms.keyId: {}, awsKms.region: {}",
            self.key_id, self.region
        )
    }

    /// Half of the 1,000 signatures a second that an account has by default in a region, for all
    /// of its RSA keys and for all of its ECC keys.
    fn limits(&self) -> Limits {
        Limits {
            per_second: Some(500),
            max_in_flight: 64,
            per_tenant: None,
        }
    }

    #[cfg(feature = "aws-kms")]
    fn connect<'a>(
        &'a self,
        rsa_hash: RsaHash,
        access: &'a Access,
        known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        Box::pin(signer::connect(self, rsa_hash, access, known))
    }

    #[cfg(not(feature = "aws-kms"))]
    fn connect<'a>(
        &'a self,
        _rsa_hash: RsaHash,
        _access: &'a Access,
        _known: &'a KeyPin,
    ) -> BoxFuture<'a, Result<Connected, KeyError>> {
        crate::backend::built_without("aws-kms")
    }
}
