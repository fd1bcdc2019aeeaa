//! Credentials from STS.

use std::sync::Arc;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::types::Credentials as StsCredentials;

use super::AwsKms;
use super::credentials::AwsWebIdentity;
use super::error::{Failure, Service};
use crate::access::{Access, Namespace};

/// A role that is assumed by the token of a ServiceAccount. Each login asks the API server for
/// another token.
#[derive(Debug)]
pub(super) struct WebIdentity {
    client: Client,
    service: Service,
    namespace: Arc<dyn Namespace>,
    login: AwsWebIdentity,
    session_name: String,
}

impl WebIdentity {
    /// STS is called without a signature: the token is the credential.
    pub(super) fn new(
        config: &AwsKms,
        login: &AwsWebIdentity,
        access: &Access,
        sdk: &SdkConfig,
        service: Service,
    ) -> Self {
        Self {
            client: Client::new(sdk),
            service,
            namespace: Arc::clone(&access.namespace),
            login: login.clone(),
            session_name: config.session_name.clone(),
        }
    }

    async fn log_in(&self) -> Result<Credentials, Failure> {
        let account = &self.login.service_account_ref.name;
        let token = self.namespace.token(account).await?.0;
        self.service.redact.remember(&token);
        let request = self.client.assume_role_with_web_identity();
        let answer = request
            .role_arn(&self.login.role_arn)
            .role_session_name(&self.session_name)
            .web_identity_token(token.as_str())
            .send()
            .await
            .map_err(|error| self.service.failure(&error))?;
        read(answer.credentials(), &self.service)
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.log_in().await.map_err(told) })
    }
}

/// A role that is assumed with other credentials.
#[derive(Debug)]
pub(super) struct Role {
    client: Client,
    service: Service,
    role_arn: String,
    external_id: Option<String>,
    session_name: String,
}

impl Role {
    pub(super) fn new(
        config: &AwsKms,
        role_arn: &str,
        with: SharedCredentialsProvider,
        sdk: &SdkConfig,
        service: Service,
    ) -> Self {
        let sdk = sdk.to_builder().credentials_provider(with).build();
        Self {
            client: Client::new(&sdk),
            service,
            role_arn: role_arn.to_owned(),
            external_id: config.external_id.clone(),
            session_name: config.session_name.clone(),
        }
    }

    async fn log_in(&self) -> Result<Credentials, Failure> {
        let request = self.client.assume_role().role_arn(&self.role_arn);
        let answer = request
            .set_external_id(self.external_id.clone())
            .role_session_name(&self.session_name)
            .send()
            .await
            .map_err(|error| self.service.failure(&error))?;
        read(answer.credentials(), &self.service)
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.log_in().await.map_err(told) })
    }
}

/// The SDK passes on what its part of a login says inside of an error of its own.
pub(super) fn told(failure: Failure) -> CredentialsError {
    CredentialsError::provider_error(failure)
}

fn read(answer: Option<&StsCredentials>, service: &Service) -> Result<Credentials, Failure> {
    let no_credentials = || service.wrong("answers without credentials");
    let answer = answer.ok_or_else(no_credentials)?;
    let end = SystemTime::try_from(*answer.expiration()).map_err(|_| no_credentials())?;
    // The SDK panics at an id that it cannot put into a header.
    let id = answer.access_key_id();
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(no_credentials().into());
    }
    service.redact.remember(answer.session_token());
    Ok(Credentials::new(
        id,
        answer.secret_access_key(),
        Some(answer.session_token().to_owned()),
        Some(end),
        "AWS STS",
    ))
}
