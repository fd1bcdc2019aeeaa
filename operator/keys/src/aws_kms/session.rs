//! A client of KMS with its credentials.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{AppName, IdentityCache, StalledStreamProtectionConfig};
use rustls_pki_types::CertificateDer;

use super::AwsKms;
use super::credentials::AwsCredentials;
use super::error::Service;
use super::http;
use super::login::Login;
use super::redact::Redact;
use crate::access::Access;
use crate::error::KeyError;
use crate::remote::{RESPONSE, server};
use crate::secrets::SecretData;

/// Temporary credentials are renewed so long before their end, for clocks that differ; less what
/// the SDK draws, which is half of it at most.
const EARLY: Duration = Duration::from_secs(60);

/// A client of KMS with its credentials.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) service: Service,
    /// The version of the Secret that the credentials are from.
    version: Option<String>,
    bundle: Option<Vec<CertificateDer<'static>>>,
    /// Whether a call had no answer: its connection may be half open, and is used again by the
    /// client as long as the system believes in it.
    silent: AtomicBool,
}

impl Session {
    /// Makes a client. Nothing is sent to AWS yet.
    pub(super) async fn open(config: &AwsKms, access: &Access) -> Result<Self, KeyError> {
        let endpoint = |field, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| server(field, text, &access.addresses))
                .transpose()
        };
        let kms_endpoint = endpoint("awsKms.endpoint", &config.endpoint)?;
        let sts_endpoint = endpoint("awsKms.stsEndpoint", &config.sts_endpoint)?;
        let bundle = bundle(config, access).await?;
        let sdk = sdk(config, access, bundle.as_deref())?;
        let redact = Redact::default();
        let for_sts = match sts_endpoint {
            Some(endpoint) => sdk.to_builder().endpoint_url(endpoint).build(),
            None => sdk.clone(),
        };
        let login = Login::new(config, access, &for_sts, &redact).await?;
        let cache = IdentityCache::lazy().buffer_time(EARLY);
        let kms = aws_sdk_kms::config::Builder::from(&sdk)
            .credentials_provider(login.provider)
            // A login has its own, shorter time.
            .identity_cache(cache.load_timeout(RESPONSE).build());
        let kms = match kms_endpoint {
            Some(endpoint) => kms.endpoint_url(endpoint),
            None => kms,
        };
        Ok(Self {
            client: Client::from_conf(kms.build()),
            service: Service {
                name: format!("AWS KMS in {}", config.region),
                credentials: of_calls(config),
                allow: "allow kms:DescribeKey, kms:GetPublicKey and kms:Sign on the key, in the \
                        policy of the caller or of the key",
                redact,
            },
            version: login.version,
            bundle,
            silent: AtomicBool::new(false),
        })
    }

    /// Records that a call had no response.
    pub(super) fn was_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Whether a call had no response.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Whether the client is good, and what it was made of is as it was: the Secret and the CA
    /// certificates.
    pub(super) async fn holds(&self, config: &AwsKms, access: &Access) -> Result<bool, KeyError> {
        if self.is_silent() || bundle(config, access).await? != self.bundle {
            return Ok(false);
        }
        let Some(AwsCredentials::SecretRef(at)) = &config.credentials else {
            return Ok(true);
        };
        let secret = access.namespace.secret(&at.name).await?;
        Ok(secret.as_ref().map(SecretData::version) == self.version.as_deref())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

/// The credentials of calls to KMS, as messages name them.
fn of_calls(config: &AwsKms) -> String {
    match (&config.role_arn, &config.credentials) {
        (Some(role), _) => format!("the session of the role {role}"),
        (None, Some(AwsCredentials::WebIdentity(login))) => {
            format!("the session of the role {}", login.role_arn)
        }
        (None, given) => of_login(given.as_ref()),
    }
}

/// The credentials of the login itself, as messages name them.
pub(super) fn of_login(credentials: Option<&AwsCredentials>) -> String {
    match credentials {
        None => "the operator's own AWS credential".to_owned(),
        Some(AwsCredentials::SecretRef(at)) => format!("the access key in the Secret {}", at.name),
        Some(AwsCredentials::WebIdentity(login)) => format!(
            "the token of the ServiceAccount {}",
            login.service_account_ref.name
        ),
    }
}

async fn bundle(
    config: &AwsKms,
    access: &Access,
) -> Result<Option<Vec<CertificateDer<'static>>>, KeyError> {
    match &config.ca_bundle {
        Some(bundle) => bundle.read(&*access.namespace).await.map(Some),
        None => Ok(None),
    }
}

/// What calls of KMS and of STS have in common. It is put together by hand, so that nothing of
/// the operator's environment or files gets into it.
fn sdk(
    config: &AwsKms,
    access: &Access,
    bundle: Option<&[CertificateDer<'static>]>,
) -> Result<SdkConfig, KeyError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(RESPONSE)
        .operation_timeout(RESPONSE)
        .build();
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .http_client(http::client(bundle, access)?)
        .timeout_config(timeouts)
        // Whoever calls a signer tries again.
        .retry_config(RetryConfig::disabled())
        // Its answers are small, and come within the time of the call or not at all.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    sdk.set_app_name(AppName::new("signet").ok());
    Ok(sdk.build())
}
