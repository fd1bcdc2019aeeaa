//! With which credentials KMS is called.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::types::Credentials as StsCredentials;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::AwsKms;
use super::credentials::{AwsAccessKey, AwsCredentials, AwsWebIdentity};
use super::error::AwsKmsError;
use super::response::{Failure, Service};
use crate::access::{Access, Namespace};
use crate::error::KeyError;
use crate::references::entry;
use crate::remote::{Redactor, causes, chain};
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

/// STS, as messages name it.
pub(super) fn sts(config: &AwsKms, redactor: Redactor) -> Service {
    Service {
        name: format!("AWS STS in {}", config.region),
        credentials: credentials(config),
        allow: "check the trust policy of the role, and that the credentials may assume it",
        redactor,
    }
}

/// How an issuer logs in. STS is called later, over `sdk`, which holds no credentials and nothing of
/// the environment. `secret` is what the access key is in.
pub(super) async fn provider(
    config: &AwsKms,
    secret: Option<SecretData>,
    access: &Access,
    sdk: &SdkConfig,
    sts: Service,
) -> Result<SharedCredentialsProvider, KeyError> {
    let login: Box<dyn Login> = match (&config.credentials, secret) {
        (Some(AwsCredentials::SecretRef(at)), secret) => {
            let key = access_key(&secret.unwrap_or_default(), at, &sts.redactor)?;
            Box::new(key)
        }
        (Some(AwsCredentials::WebIdentity(login)), _) => Box::new(WebIdentity {
            client: Client::new(sdk),
            service: sts.clone(),
            namespace: Arc::clone(&access.namespace),
            login: login.clone(),
            session_name: config.session_name.clone(),
        }),
        (None, _) => Box::new(ambient(config, access, &sts.redactor).await?),
    };
    let login: Box<dyn Login> = match &config.role_arn {
        None => login,
        Some(role) => {
            let with = SharedCredentialsProvider::new(Provider(login));
            let sdk = sdk.to_builder().credentials_provider(with).build();
            Box::new(Role {
                client: Client::new(&sdk),
                service: sts,
                role_arn: role.clone(),
                external_id: config.external_id.clone(),
                session_name: config.session_name.clone(),
            })
        }
    };
    Ok(SharedCredentialsProvider::new(Provider(login)))
}

/// A way to get credentials.
trait Login: fmt::Debug + Send + Sync {
    fn log_in(&self) -> BoxFuture<'_, Result<Credentials, Failure>>;
}

/// A login as the SDK calls it, which passes on an error inside of its own.
#[derive(Debug)]
struct Provider(Box<dyn Login>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let seconds = LOGIN.as_secs();
            let credentials = timeout(LOGIN, self.0.log_in()).await;
            credentials
                .unwrap_or_else(|_| Err(AwsKmsError::LoginTimeout { seconds }.into()))
                .map_err(CredentialsError::provider_error)
        })
    }
}

impl Login for Credentials {
    fn log_in(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        async { Ok(self.clone()) }.boxed()
    }
}

fn access_key(
    secret: &SecretData,
    at: &AwsAccessKey,
    redactor: &Redactor,
) -> Result<Credentials, KeyError> {
    let text = |key: &str| entry(secret, &at.name, key, "a part of the access key");
    let id = text(&at.access_key_id_key)?;
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

/// The SDK panics at an access key ID that it cannot put into a header.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A role that is assumed by the token of a ServiceAccount. Each login requests another token.
#[derive(Debug)]
struct WebIdentity {
    /// STS is called without a signature: the token is the credential.
    client: Client,
    service: Service,
    namespace: Arc<dyn Namespace>,
    login: AwsWebIdentity,
    session_name: String,
}

impl Login for WebIdentity {
    fn log_in(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        async {
            let account = &self.login.service_account_ref.name;
            let token = self.namespace.token(account).await?.0;
            self.service.redactor.remember(&token);
            let request = self.client.assume_role_with_web_identity();
            let response = request
                .role_arn(&self.login.role_arn)
                .role_session_name(&self.session_name)
                .web_identity_token(token.as_str())
                .send()
                .await
                .map_err(|error| self.service.failure(&error))?;
            session(response.credentials(), &self.service)
        }
        .boxed()
    }
}

/// A role that is assumed with other credentials.
#[derive(Debug)]
struct Role {
    client: Client,
    service: Service,
    role_arn: String,
    external_id: Option<String>,
    session_name: String,
}

impl Login for Role {
    fn log_in(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        async {
            let request = self.client.assume_role().role_arn(&self.role_arn);
            let response = request
                .set_external_id(self.external_id.clone())
                .role_session_name(&self.session_name)
                .send()
                .await
                .map_err(|error| self.service.failure(&error))?;
            session(response.credentials(), &self.service)
        }
        .boxed()
    }
}

/// The credentials of a session.
fn session(
    credentials: Option<&StsCredentials>,
    service: &Service,
) -> Result<Credentials, Failure> {
    let none = || AwsKmsError::NoCredentials {
        service: service.name.clone(),
    };
    let credentials = credentials.ok_or_else(none)?;
    let expiry = SystemTime::try_from(*credentials.expiration()).map_err(|_| none())?;
    let id = credentials.access_key_id();
    if !is_header_value(id) {
        return Err(none().into());
    }
    let token = credentials.session_token();
    service.redactor.remember(token);
    let (secret, token) = (credentials.secret_access_key(), Some(token.to_owned()));
    Ok(Credentials::new(id, secret, token, Some(expiry), "AWS STS"))
}

/// The operator's own credentials, found as every program with AWS's SDK finds them.
async fn ambient(
    config: &AwsKms,
    access: &Access,
    redactor: &Redactor,
) -> Result<Ambient, KeyError> {
    let is_tenant = access.tenant.is_some();
    if !access.ambient_credentials {
        let (kind, flag) = match is_tenant {
            true => ("an Issuer", "--issuer-ambient-credentials"),
            false => ("a ClusterIssuer", "--cluster-issuer-ambient-credentials"),
        };
        return Err(AwsKmsError::AmbientNotAllowed { kind, flag }.into());
    }
    // Each request carries the session token of the credentials, which is not a tenant's, and who
    // signs the server's certificate can read it.
    let elsewhere = [
        (config.endpoint.is_some(), "endpoint"),
        (config.sts_endpoint.is_some(), "stsEndpoint"),
        (config.ca_bundle.is_some(), "caBundle"),
    ];
    let elsewhere = elsewhere
        .into_iter()
        .find(|(is_set, _)| is_tenant && *is_set);
    if let Some((_, field)) = elsewhere {
        return Err(AwsKmsError::AmbientElsewhere { field }.into());
    }
    let region = Region::new(config.region.clone());
    let chain = DefaultCredentialsChain::builder().region(region);
    Ok(Ambient {
        chain: chain.build().await,
        service: Service {
            name: "AWS STS".to_owned(),
            credentials: AMBIENT.to_owned(),
            allow: "check the trust policy of the role of the operator's ServiceAccount",
            redactor: redactor.clone(),
        },
    })
}

/// The operator's own credentials.
#[derive(Debug)]
struct Ambient {
    chain: DefaultCredentialsChain,
    service: Service,
}

impl Login for Ambient {
    fn log_in(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        async {
            let found = self.chain.provide_credentials().await;
            let found = found.map_err(|error| self.failure(&error))?;
            let token = found.session_token().unwrap_or_default();
            self.service.redactor.remember(token);
            Ok(found)
        }
        .boxed()
    }
}

impl Ambient {
    fn failure(&self, error: &CredentialsError) -> KeyError {
        let redactor = &self.service.redactor;
        let failure = match (error, code(error)) {
            (CredentialsError::CredentialsNotLoaded(_), _) => AwsKmsError::NoAmbient,
            (CredentialsError::InvalidConfiguration(_), _) => AwsKmsError::AmbientInvalid,
            (_, Some(code)) => self.service.by_code(code, redactor.message(code), None),
            (_, None) => AwsKmsError::AmbientFailed,
        };
        KeyError::from(failure).caused_by(redactor.line(&chain(error)))
    }
}

/// The code of the error with which STS refused the token of the operator's ServiceAccount.
fn code(error: &CredentialsError) -> Option<&str> {
    let refusal = causes(error).find_map(|cause| cause.downcast_ref())?;
    AssumeRoleWithWebIdentityError::code(refusal)
}
