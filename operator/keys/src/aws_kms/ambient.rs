//! The operator's own credentials for AWS, found as every program with AWS's SDK finds them.

use std::sync::Arc;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::AwsKms;
use super::error::AwsKmsError;
use crate::access::HttpProxy;

/// The region in which STS is called: with the operator's own credentials, that of its environment
/// (`AWS_REGION`), whose endpoint its network has, wherever the key is.
pub(super) async fn sts_region(config: &AwsKms) -> Region {
    let own = match config.credentials {
        None => EnvironmentVariableRegionProvider::new().region().await,
        Some(_) => None,
    };
    own.unwrap_or_else(|| Region::new(config.region.clone()))
}

/// Metadata services are called in the clear, and thus without the proxy.
pub(super) async fn chain(
    region: Region,
    proxy: Option<&Arc<HttpProxy>>,
) -> Result<DefaultCredentialsChain, AwsKmsError> {
    let mut chain = DefaultCredentialsChain::builder().region(region);
    if let Some(proxy) = proxy {
        let tunnel = ProxyConfig::https(proxy.url()).map_err(|_| AwsKmsError::AmbientInvalid)?;
        let client = client(tunnel.no_proxy(proxy.no_proxy()));
        chain = chain.configure(ProviderConfig::default().with_http_client(client));
    }
    Ok(chain.build().await)
}

/// As the SDK makes its own client, which has the timeouts of each service.
fn client(tunnel: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(tunnel.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|it| it.sleep_impl()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build()
    })
}
