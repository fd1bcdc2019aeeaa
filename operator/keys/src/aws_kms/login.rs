//! With which credentials KMS is called.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use tokio::time::timeout;

use super::AwsKms;
use super::advice::advice;
use super::class::class_of_code;
use super::credentials::{AwsAccessKey, AwsCredentials};
use super::error::Service;
use super::redact::Redact;
use super::session::of_login;
use super::sts::{Role, WebIdentity, told};
use crate::access::Access;
use crate::error::{ErrorClass, KeyError};
use crate::references::{entry, secret};
use crate::remote::{causes, chain};
use crate::secrets::SecretData;

/// The longest that a login may take. It is a part of the call that needs it, and shorter, so
/// that the error says which of the two did not answer.
const LOGIN: Duration = Duration::from_secs(3);

/// What the operator's own role needs.
const ROLE_OF_OPERATOR: &str =
    "check the trust policy of the role of the operator's ServiceAccount";

/// How an issuer logs in.
pub(super) struct Login {
    pub(super) provider: SharedCredentialsProvider,
    /// The version of the Secret that the credentials are from.
    pub(super) version: Option<String>,
}

impl Login {
    /// Reads the Secret, if the credentials are in one. STS is called later, by the provider, over
    /// `sdk`, which holds no credentials and nothing of the environment.
    pub(super) async fn new(
        config: &AwsKms,
        access: &Access,
        sdk: &SdkConfig,
        redact: &Redact,
    ) -> Result<Self, KeyError> {
        let sts = Service {
            name: format!("AWS STS in {}", config.region),
            credentials: of_login(config.credentials.as_ref()),
            allow: "see the trust policy of the role, and that the credentials may assume it",
            redact: redact.clone(),
        };
        let mut version = None;
        let provider = match &config.credentials {
            None => ambient(config, access, redact).await?,
            Some(AwsCredentials::SecretRef(at)) => {
                let secret = secret(&at.name, &*access.namespace, "the access key").await?;
                version = Some(secret.version().to_owned());
                SharedCredentialsProvider::new(access_key(&secret, at, redact)?)
            }
            Some(AwsCredentials::WebIdentity(login)) => {
                let web_identity = WebIdentity::new(config, login, access, sdk, sts.clone());
                SharedCredentialsProvider::new(web_identity)
            }
        };
        let provider = match &config.role_arn {
            None => provider,
            Some(role) => {
                let role = Role::new(config, role, provider, sdk, sts);
                SharedCredentialsProvider::new(role)
            }
        };
        let provider = SharedCredentialsProvider::new(Timely(provider));
        Ok(Self { provider, version })
    }
}

fn access_key(
    secret: &SecretData,
    at: &AwsAccessKey,
    redact: &Redact,
) -> Result<Credentials, KeyError> {
    let text = |key: &str| entry(secret, &at.name, key, "a part of the access key");
    let id = text(&at.access_key_id_key)?;
    // The SDK panics at an id that it cannot put into a header.
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let sentence = format!(
            "{} of the Secret {} is no access key id; put that alone there",
            at.access_key_id_key, at.name
        );
        return Err(KeyError::new(ErrorClass::CredentialsRefused, sentence));
    }
    let token = at.session_token_key.as_deref().map(text).transpose()?;
    redact.remember(token.unwrap_or_default());
    redact.remember(text(&at.secret_access_key_key)?);
    Ok(Credentials::new(
        id,
        text(&at.secret_access_key_key)?,
        token.map(str::to_owned),
        None,
        "Secret",
    ))
}

/// The operator's own credentials, found as every program with AWS's SDK finds them.
async fn ambient(
    config: &AwsKms,
    access: &Access,
    redact: &Redact,
) -> Result<SharedCredentialsProvider, KeyError> {
    let refuse = |sentence| Err(KeyError::new(ErrorClass::CredentialsRefused, sentence));
    if !access.ambient_credentials {
        return refuse(match access.tenant {
            Some(_) => {
                "an Issuer may not use the operator's own credentials; name others in \
                 awsKms.credentials, or start the operator with --issuer-ambient-credentials=true"
            }
            None => {
                "a ClusterIssuer may not use the operator's own credentials; name others in \
                 awsKms.credentials, or start the operator with \
                 --cluster-issuer-ambient-credentials=true"
            }
        });
    }
    // Each request carries the session token of the credentials, which is not a tenant's.
    if access.tenant.is_some() && (config.endpoint.is_some() || config.sts_endpoint.is_some()) {
        return refuse(
            "an Issuer may not send what the operator's own credentials sign to an endpoint of \
             its choice; name others in awsKms.credentials, or remove endpoint and stsEndpoint",
        );
    }
    // Whoever signs the server's certificate can read those requests.
    if access.tenant.is_some() && config.ca_bundle.is_some() {
        return refuse(
            "an Issuer may not choose by whose CA a server is known that it sends the operator's \
             own credentials to; name others in awsKms.credentials, or remove caBundle",
        );
    }
    let region = Region::new(config.region.clone());
    let chain = DefaultCredentialsChain::builder().region(region);
    let ambient = Ambient {
        chain: chain.build().await,
        redact: redact.clone(),
    };
    Ok(SharedCredentialsProvider::new(ambient))
}

/// The operator's own credentials, with errors that say so.
#[derive(Debug)]
struct Ambient {
    chain: DefaultCredentialsChain,
    redact: Redact,
}

impl Ambient {
    async fn find(&self) -> Result<Credentials, CredentialsError> {
        let found = self.chain.provide_credentials().await;
        let found = found.map_err(|error| told(self.failure(&error).into()))?;
        self.redact
            .remember(found.session_token().unwrap_or_default());
        Ok(found)
    }

    fn failure(&self, error: &CredentialsError) -> KeyError {
        let cause = self.redact.shown(&chain(error));
        let class = match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                let sentence = "the operator has no AWS credentials of its own; give its \
                    ServiceAccount a role (IRSA or EKS Pod Identity), or name others in \
                    awsKms.credentials";
                return KeyError::new(ErrorClass::CredentialsRefused, sentence).caused_by(cause);
            }
            CredentialsError::InvalidConfiguration(_) => ErrorClass::CredentialsRefused,
            _ => code(error).map_or(ErrorClass::Unreachable, class_of_code),
        };
        let sentence = match code(error) {
            Some(code) => format!(
                "AWS STS refuses the operator's own credentials: {}; {}",
                self.redact.shown(code),
                advice(
                    code,
                    false,
                    "the operator's own AWS credential",
                    ROLE_OF_OPERATOR
                ),
            ),
            None => "the operator's own AWS credentials cannot be loaded; see the operator's log"
                .to_owned(),
        };
        KeyError::new(class, sentence).caused_by(cause)
    }
}

/// The code of the error with which STS refused the token of the operator's ServiceAccount.
fn code(error: &CredentialsError) -> Option<&str> {
    let refusal = causes(error).find_map(|cause| cause.downcast_ref())?;
    AssumeRoleWithWebIdentityError::code(refusal)
}

impl ProvideCredentials for Ambient {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.find())
    }
}

/// A login that ends in time.
#[derive(Debug)]
struct Timely(SharedCredentialsProvider);

impl ProvideCredentials for Timely {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = timeout(LOGIN, self.0.provide_credentials()).await;
            credentials.unwrap_or_else(|_| {
                let sentence = format!(
                    "the credentials for AWS KMS were not there within {} s: AWS STS, or where \
                     the operator has its own from, did not answer",
                    LOGIN.as_secs()
                );
                let error = KeyError::new(ErrorClass::Unreachable, sentence);
                Err(told(error.into()))
            })
        })
    }
}
