//! With which credentials KMS is called.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::types::Credentials as StsCredentials;
use tokio::time::timeout;

use super::credentials::{AwsAccessKey, AwsCredentials, AwsWebIdentity};
use super::error::AwsKmsError;
use super::response::{Failure, Service, Status};
use super::{AwsKms, ambient};
use crate::access::{Access, Namespace};
use crate::cause::{causes, chain};
use crate::error::KeyError;
use crate::references::entry;
use crate::remote::{API_SERVER, READ, Redactor, in_time, is_header_value};
use crate::secrets::SecretData;

/// The longest that a login may take. It is a part of the call that needs it, and shorter, so
/// that the error tells which of the two had no response.
const LOGIN: Duration = Duration::from_secs(3);

/// The operator's own credentials, as messages name them.
const AMBIENT: &str = "the operator's own AWS credential";

/// The credentials of the login itself, as messages name them.
pub(super) fn credentials(config: &AwsKms) -> String {
    match &config.credentials {
        None => AMBIENT.to_owned(),
        Some(AwsCredentials::SecretRef(at)) => format!("the access key in the Secret {}", at.name),
        Some(AwsCredentials::WebIdentity(login)) => {
            let account = &login.service_account_ref.name;
            format!("the token of the ServiceAccount {account}")
        }
    }
}

/// STS in the region in which it is called.
pub(super) fn sts(config: &AwsKms, region: &Region, redactor: Redactor) -> Service {
    Service {
        name: format!("AWS STS in {region}"),
        credentials: credentials(config),
        allow: "check the trust policy of the role, and that the credentials may assume it",
        redactor,
    }
}

/// How an issuer logs in, as the SDK calls it. A failure is passed on inside of the SDK's own.
#[derive(Debug)]
pub(super) struct Login {
    config: AwsKms,
    namespace: Arc<dyn Namespace>,
    source: Source,
    /// Holds no credentials and nothing of the environment.
    client: Client,
    sts: Service,
}

/// Where credentials come from that are used as they are, or to assume the role.
#[derive(Debug)]
enum Source {
    Secret(Credentials),
    ServiceAccount(AwsWebIdentity),
    Ambient(DefaultCredentialsChain),
}

impl Login {
    /// Prepares a login. STS is called later, over `sdk`. `secret` is what the access key is in.
    pub(super) async fn new(
        config: &AwsKms,
        secret: Option<SecretData>,
        access: &Access,
        sdk: &SdkConfig,
        sts: Service,
    ) -> Result<Self, KeyError> {
        let source = match &config.credentials {
            Some(AwsCredentials::SecretRef(at)) => {
                let secret = secret.unwrap_or_default();
                Source::Secret(access_key(&secret, at, &sts.redactor)?)
            }
            Some(AwsCredentials::WebIdentity(login)) => Source::ServiceAccount(login.clone()),
            None => {
                check_ambient(config, access)?;
                let region = ambient::sts_region(config).await;
                Source::Ambient(ambient::chain(region, access.allowed_proxy()).await?)
            }
        };
        Ok(Self {
            config: config.clone(),
            namespace: Arc::clone(&access.namespace),
            source,
            client: Client::new(sdk),
            sts,
        })
    }

    async fn log_in(&self) -> Result<Credentials, Failure> {
        let credentials = match &self.source {
            Source::Secret(key) => key.clone(),
            Source::ServiceAccount(login) => self.assume_with_token(login).await?,
            Source::Ambient(chain) => self.ambient(chain).await?,
        };
        match &self.config.role_arn {
            Some(role) => self.assume(role, credentials).await,
            None => Ok(credentials),
        }
    }

    /// Assumes a role with the token of a ServiceAccount. Each login requests another token, and
    /// the call is not signed: the token is the credential.
    async fn assume_with_token(&self, login: &AwsWebIdentity) -> Result<Credentials, Failure> {
        let account = &login.service_account_ref.name;
        let token = self.namespace.token(account);
        let token = in_time(READ, API_SERVER, token).await?.0;
        self.sts.redactor.remember(&token);
        let request = self.client.assume_role_with_web_identity();
        let response = request
            .role_arn(&login.role_arn)
            .role_session_name(&self.config.session_name)
            .web_identity_token(token.as_str())
            .send()
            .await
            .map_err(|error| self.sts.failure(&error))?;
        session(response.credentials(), &self.sts)
    }

    async fn assume(&self, role: &str, with: Credentials) -> Result<Credentials, Failure> {
        let with = aws_sdk_sts::config::Builder::new().credentials_provider(with);
        let request = self.client.assume_role().role_arn(role);
        let response = request
            .set_external_id(self.config.external_id.clone())
            .role_session_name(&self.config.session_name)
            .customize()
            .config_override(with)
            .send()
            .await
            .map_err(|error| self.sts.failure(&error))?;
        session(response.credentials(), &self.sts)
    }

    /// The operator's own credentials, found as every program with AWS's SDK finds them.
    async fn ambient(&self, chain: &DefaultCredentialsChain) -> Result<Credentials, KeyError> {
        let found = chain.provide_credentials().await;
        let found = found.map_err(|error| ambient_failure(&error, &self.sts.redactor))?;
        let token = found.session_token().unwrap_or_default();
        self.sts.redactor.remember(token);
        Ok(found)
    }
}

impl ProvideCredentials for Login {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let seconds = LOGIN.as_secs();
            let credentials = timeout(LOGIN, self.log_in()).await;
            credentials
                .unwrap_or_else(|_| Err(AwsKmsError::LoginTimeout { seconds }.into()))
                .map_err(CredentialsError::provider_error)
        })
    }
}

fn access_key(
    secret: &SecretData,
    at: &AwsAccessKey,
    redactor: &Redactor,
) -> Result<Credentials, KeyError> {
    let text = |key: &str| entry(secret, &at.name, key, "a part of the access key");
    let id = text(&at.access_key_id_key)?;
    // The SDK panics at an access key ID that it cannot put into a header.
    if !is_header_value(id) {
        let (secret, key) = (at.name.clone(), at.access_key_id_key.clone());
        return Err(AwsKmsError::InvalidAccessKeyId { secret, key }.into());
    }
    let secret_key = text(&at.secret_access_key_key)?;
    let token = at.session_token_key.as_deref().map(text).transpose()?;
    redactor.remember(token.unwrap_or_default());
    redactor.remember(secret_key);
    let token = token.map(str::to_owned);
    Ok(Credentials::new(id, secret_key, token, None, "Secret"))
}

fn session(response: Option<&StsCredentials>, sts: &Service) -> Result<Credentials, Failure> {
    let session = response.and_then(|credentials| {
        let expiry = SystemTime::try_from(*credentials.expiration()).ok()?;
        let (id, token) = (credentials.access_key_id(), credentials.session_token());
        sts.redactor.remember(token);
        let secret = credentials.secret_access_key();
        let token = Some(token.to_owned());
        is_header_value(id).then(|| Credentials::new(id, secret, token, Some(expiry), "AWS STS"))
    });
    session.ok_or_else(|| {
        let service = sts.name.clone();
        AwsKmsError::NoCredentials { service }.into()
    })
}

fn check_ambient(config: &AwsKms, access: &Access) -> Result<(), AwsKmsError> {
    let is_tenant = access.tenant.is_some();
    if !access.ambient_credentials {
        let (kind, flag) = match is_tenant {
            true => ("an Issuer", "--issuer-ambient-credentials"),
            false => ("a ClusterIssuer", "--cluster-issuer-ambient-credentials"),
        };
        return Err(AwsKmsError::AmbientNotAllowed { kind, flag });
    }
    // Each request carries the session token of the credentials, which is not a tenant's, and who
    // signs the server's certificate can read it.
    let elsewhere = [
        (config.endpoint.is_some(), "endpoint"),
        (config.sts_endpoint.is_some(), "stsEndpoint"),
        (config.ca_bundle.is_some(), "caBundle"),
    ];
    match elsewhere.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, field)) if is_tenant => Err(AwsKmsError::AmbientElsewhere { field }),
        _ => Ok(()),
    }
}

fn ambient_failure(error: &CredentialsError, redactor: &Redactor) -> KeyError {
    let sts = Service {
        name: "AWS STS".to_owned(),
        credentials: AMBIENT.to_owned(),
        allow: "check the trust policy of the role of the operator's ServiceAccount",
        redactor: redactor.clone(),
    };
    // With which STS refused the token of the operator's ServiceAccount.
    let refusal = causes(error).find_map(|cause| cause.downcast_ref());
    let failure = match (
        error,
        refusal.and_then(AssumeRoleWithWebIdentityError::code),
    ) {
        (CredentialsError::CredentialsNotLoaded(_), _) => AwsKmsError::NoAmbient,
        (CredentialsError::InvalidConfiguration(_), _) => AwsKmsError::AmbientInvalid,
        (_, Some(code)) => sts.by_code(code, redactor.message(code), &Status::default()),
        (_, None) => AwsKmsError::AmbientFailed,
    };
    KeyError::from(failure).caused_by(redactor.line(&chain(error)))
}
