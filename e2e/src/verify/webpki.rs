//! What rustls-webpki says, which is what rustls meshes go by.

use anyhow::{Context, Result, anyhow};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use rustls_pki_types::UnixTime;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    anchor_from_trusted_cert,
};

use super::Issued;

/// Verifies the path, for TLS server and client where the certificate is for them.
pub(super) fn verify(issued: &Issued) -> Result<()> {
    let usages = issued.leaf.extended_key_usage()?;
    let free = usages.is_empty();
    if free || usages.contains(&ID_KP_SERVER_AUTH) {
        path(issued, KeyUsage::server_auth()).context("as a TLS server")?;
    }
    if free || usages.contains(&ID_KP_CLIENT_AUTH) {
        path(issued, KeyUsage::client_auth()).context("as a TLS client")?;
    }
    path(issued, Whatever).context("for whatever it is")
}

/// For purposes other than TLS.
struct Whatever;

impl ExtendedKeyUsageValidator for Whatever {
    fn validate(&self, mut usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        usages.try_for_each(|usage| usage.map(drop))
    }
}

fn path(issued: &Issued, usage: impl ExtendedKeyUsageValidator) -> Result<()> {
    let leaf = issued.leaf.rustls_der();
    let intermediates: Vec<_> = issued
        .intermediates
        .iter()
        .map(|one| one.rustls_der())
        .collect();
    let roots: Vec<_> = issued.roots.iter().map(|one| one.rustls_der()).collect();
    let anchors: Vec<_> = roots
        .iter()
        .map(anchor_from_trusted_cert)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let entity = EndEntityCert::try_from(&leaf).map_err(failed)?;
    let answered = issued.expected.answered.as_duration().unsigned_abs();
    let then = UnixTime::since_unix_epoch(answered);
    entity
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            then,
            usage,
            None,
            None,
        )
        .map_err(failed)?;
    Ok(())
}

fn failed(error: webpki::Error) -> anyhow::Error {
    anyhow!("rustls-webpki: {error:?}")
}
