//! The cryptography of TLS.

/// Makes aws-lc-rs the provider of rustls in this process.
///
/// # Errors
/// The process has another one.
pub(crate) fn install() -> anyhow::Result<()> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let installed = provider.install_default();
    installed.map_err(|_| anyhow::anyhow!("another crypto provider is already installed"))
}
