//! rustls-webpki, by which rustls meshes verify.

use std::time::Duration;

use anyhow::{Result, anyhow};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    KeyUsage, anchor_from_trusted_cert,
};

use crate::Chain;

/// A purpose that rustls checks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Server,
    Client,
}

impl Purpose {
    /// What programs call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Checks a chain at a time since 1970, for a purpose or for any.
pub(crate) fn verify(chain: &Chain, at: Duration, purpose: Option<Purpose>) -> Result<()> {
    let verified = match purpose {
        Some(Purpose::Server) => path(chain, at, KeyUsage::server_auth()),
        Some(Purpose::Client) => path(chain, at, KeyUsage::client_auth()),
        None => path(chain, at, AnyUsage),
    };
    verified.map_err(|error| anyhow!("rustls-webpki, purpose {purpose:?}: {error:?}"))
}

/// For purposes other than TLS.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, mut usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        usages.try_for_each(|usage| usage.map(drop))
    }
}

fn path(chain: &Chain, at: Duration, usage: impl ExtendedKeyUsageValidator) -> Result<(), Error> {
    let read = |list: &[Vec<u8>]| -> Vec<CertificateDer<'static>> {
        list.iter().cloned().map(CertificateDer::from).collect()
    };
    let (certificates, roots) = (read(&chain.certificates), read(&chain.roots));
    let anchors: Result<Vec<_>, _> = roots.iter().map(anchor_from_trusted_cert).collect();
    let (leaf, intermediates) = certificates.split_first().ok_or(Error::BadDer)?;
    EndEntityCert::try_from(leaf)?.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors?,
        intermediates,
        UnixTime::since_unix_epoch(at),
        usage,
        None,
        None,
    )?;
    Ok(())
}
