//! The HTTP client of one issuer. It follows no redirect and knows no proxy of the environment.

use std::fmt;

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls_pki_types::CertificateDer;

use super::bounded::bounded;
use crate::access::Access;
use crate::error::{ErrorClass, KeyError};
use crate::remote::{Unresolved, refused, resolve};

/// A client that trusts these CAs (the system's without them) and calls these addresses alone.
///
/// # Errors
/// A certificate is none that can be trusted.
pub(super) fn client(
    bundle: Option<&[CertificateDer<'static>]>,
    access: &Access,
) -> Result<SharedHttpClient, KeyError> {
    let trust = match bundle {
        None => TrustStore::empty().with_native_roots(true),
        Some(certificates) => trust(certificates)?,
    };
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|_| unusable("is no list of CA certificates"))?;
    let client = Builder::new()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_with_resolver(Resolver(access.clone()));
    Ok(bounded(client))
}

/// The SDK panics at a certificate that it cannot read, so each is read here before.
fn trust(certificates: &[CertificateDer<'static>]) -> Result<TrustStore, KeyError> {
    let mut trust = TrustStore::empty().with_native_roots(false);
    for certificate in certificates {
        webpki::anchor_from_trusted_cert(certificate)
            .map_err(|_| unusable("holds something that is no X.509 certificate"))?;
        let pem = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate)
            .map_err(|_| unusable("holds a certificate that cannot be used"))?;
        trust.add_pem_certificate(pem);
    }
    Ok(trust)
}

fn unusable(why: &str) -> KeyError {
    let sentence = format!("caBundle {why}; put the CA certificates of KMS and STS there, in PEM");
    KeyError::new(ErrorClass::KeyUnusable, sentence)
}

/// Resolves names to addresses that may be called.
#[derive(Clone)]
struct Resolver(Access);

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            resolve(&self.0, name).await.map_err(|error| match error {
                Unresolved::Refused => ResolveDnsError::new(refused(name)),
                Unresolved::NoAddress(_) => ResolveDnsError::new(error),
            })
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver(..)")
    }
}
