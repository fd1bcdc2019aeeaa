//! A client of KMS with its credentials, over Signet's own transport.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{AppName, IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::credentials::AwsCredentials;
use super::login::{self, Login};
use super::response::Service;
use super::{AwsKms, ambient};
use crate::access::Access;
use crate::error::KeyError;
use crate::remote::{Http, Redactor, Sources, Tls, endpoint};

/// Temporary credentials are renewed this long before they expire, for clocks that differ; less
/// what the SDK draws, which is half of it at most.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// The largest response that is read. Those of KMS and STS have a few kilobytes.
const MAX_RESPONSE: usize = 256 * 1024;

/// What to change when a permission is missing.
pub(super) const ALLOW: &str = "allow kms:DescribeKey, kms:GetPublicKey and kms:Sign on the key, \
                                in the policy of the caller or of the key";

pub(super) struct KmsClient {
    pub(super) sdk: Client,
    pub(super) service: Service,
    pub(super) sources: Sources,
}

impl KmsClient {
    /// Makes a client. Nothing is sent to AWS yet.
    pub(super) async fn new(config: &AwsKms, access: &Access) -> Result<Self, KeyError> {
        let secret = match &config.credentials {
            Some(AwsCredentials::SecretRef(at)) => Some((at.name.clone(), "the access key")),
            _ => None,
        };
        let (namespace, bundle) = (Arc::clone(&access.namespace), config.ca_bundle.clone());
        let (sources, secret) = Sources::read(namespace, bundle, secret).await?;
        let connection = |field, address: Option<&str>, service: &Service, region: Region| {
            let tls = Tls {
                ca: sources.ca.clone(),
                identity: None,
            };
            let http = Http::new(service.name.clone(), tls, access)?;
            let address = address.map(|address| endpoint(field, address, &access.addresses));
            Ok::<_, KeyError>(sdk(region, address.transpose()?, http))
        };
        let redactor = Redactor::default();
        let region = Region::new(config.region.clone());
        let sts_region = ambient::sts_region(config).await;
        let kms = config.kms(redactor.clone());
        let sts = login::sts(config, &sts_region, redactor);
        let address = config.endpoint.as_deref();
        let for_kms = connection("awsKms.endpoint", address, &kms, region)?;
        let address = config.sts_endpoint.as_deref();
        let for_sts = connection("awsKms.stsEndpoint", address, &sts, sts_region)?;
        let login = Login::new(config, secret, access, &for_sts, sts).await?;
        let cache = IdentityCache::lazy().buffer_time(RENEWAL_MARGIN);
        let for_kms = aws_sdk_kms::config::Builder::from(&for_kms)
            .credentials_provider(login)
            .identity_cache(cache.build());
        Ok(Self {
            sdk: Client::from_conf(for_kms.build()),
            service: kms,
            sources,
        })
    }
}

impl AwsKms {
    fn kms(&self, redactor: Redactor) -> Service {
        let role = match &self.credentials {
            Some(AwsCredentials::WebIdentity(login)) => Some(&login.role_arn),
            _ => None,
        };
        let role = self.role_arn.as_ref().or(role);
        Service {
            name: format!("AWS KMS in {}", self.region),
            credentials: match role {
                Some(role) => format!("the session of the role {role}"),
                None => login::credentials(self),
            },
            allow: ALLOW,
            redactor,
        }
    }
}

/// What calls of KMS and of STS have in common. It is put together by hand, so that nothing of
/// the operator's environment or files gets into it.
fn sdk(region: Region, endpoint: Option<String>, http: Http) -> SdkConfig {
    let connector = SharedHttpConnector::new(Connector(Arc::new(http)));
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .http_client(http_client_fn(move |_, _| connector.clone()))
        // The caller of a signer retries.
        .retry_config(RetryConfig::disabled())
        // Responses are small, and come within the time of the call or not at all.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    sdk.set_app_name(AppName::new("signet").ok());
    sdk.set_endpoint_url(endpoint);
    sdk.build()
}

/// Signet's transport, as the SDK calls it.
#[derive(Debug)]
struct Connector(Arc<Http>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x();
            let request = request.map_err(|error| ConnectorError::user(error.into()))?;
            let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
            let response = http.send(request, MAX_RESPONSE).await;
            let response = response.map_err(|error| ConnectorError::other(error.into(), None))?;
            let response = HttpResponse::try_from(response.map(SdkBody::from));
            response.map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
