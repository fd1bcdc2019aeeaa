//! PEM files of CA certificates, as people and other programs write them.

use super::lifecycle::MAX_BUNDLE;
use super::{CaCertificate, ChainError};
use crate::quote;

/// More certificates than this in one PEM file are a mistake or an attack.
const MAX_CERTIFICATES: usize = 32;
/// A larger PEM file is a mistake or an attack, and is not read. A CAGeneration has room for as
/// much in each of its two lists.
pub const MAX_BYTES: usize = 64 * 1024;

pub(crate) const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads every certificate of a PEM file, which may hold none; text around the blocks is
/// allowed, as OpenSSL writes it.
pub(super) fn read(pem: &[u8]) -> Result<Vec<CaCertificate>, ChainError> {
    read_up_to(pem, MAX_CERTIFICATES)
}

/// Reads the roots of trust bundles that Signet wrote. Their length is limited and not the number
/// of their roots.
pub(super) fn read_bundle(pem: &[u8]) -> Result<Vec<CaCertificate>, ChainError> {
    // A ConfigMap and a Secret may have one each.
    const { assert!(2 * MAX_BUNDLE <= MAX_BYTES, "Signet reads what it writes") };
    read_up_to(pem, usize::MAX)
}

fn read_up_to(pem: &[u8], max: usize) -> Result<Vec<CaCertificate>, ChainError> {
    if pem.len() > MAX_BYTES {
        return Err(ChainError::TooLarge(MAX_BYTES));
    }
    let text = std::str::from_utf8(pem).map_err(|_| unreadable(1, "the file is not PEM text"))?;
    let mut certificates = Vec::new();
    for (number, part) in text.split(BEGIN).skip(1).enumerate() {
        let index = number + 1;
        if index > max {
            return Err(ChainError::TooMany(max));
        }
        let Some((body, _)) = part.split_once(END) else {
            return Err(unreadable(index, "the PEM block has no end line"));
        };
        let block = format!("{BEGIN}{body}{END}\n");
        let (_, der) = der::pem::decode_vec(block.as_bytes())
            .map_err(|error| unreadable(index, &format!("it is not PEM: {error}")))?;
        certificates.push(CaCertificate::read(&der, index)?);
    }
    Ok(certificates)
}

impl CaCertificate {
    /// Reads every certificate of a PEM file.
    ///
    /// # Errors
    /// One of them is not a CA certificate, or the file is too large.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, ChainError> {
        read(pem)
    }
}

/// Returns the label of the first PEM block that is not a certificate, quoted.
pub(crate) fn other_label(pem: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(pem);
    let labels = text.split("-----BEGIN ").skip(1);
    let labels = labels.map(|rest| rest.split("-----").next().unwrap_or_default());
    let mut others = labels.filter(|label| *label != "CERTIFICATE");
    others.next().map(quote::text)
}

/// Returns whether [`read`] reads these certificates once they are written down.
pub(super) fn check_written(certificates: &[CaCertificate]) -> Result<(), ChainError> {
    let bytes = |certificate: &CaCertificate| certificate.pem().len();
    if certificates.len() > MAX_CERTIFICATES {
        Err(ChainError::TooMany(MAX_CERTIFICATES))
    } else if certificates.iter().map(bytes).sum::<usize>() > MAX_BYTES {
        Err(ChainError::TooLarge(MAX_BYTES))
    } else {
        Ok(())
    }
}

/// One PEM block CERTIFICATE, with lines of 64 characters (RFC 7468).
pub(crate) fn write(certificate: &[u8]) -> der::Result<String> {
    let ending = der::pem::LineEnding::LF;
    Ok(der::pem::encode_string("CERTIFICATE", ending, certificate)?)
}

fn unreadable(index: usize, message: &str) -> ChainError {
    ChainError::Unreadable {
        index,
        message: message.to_owned(),
    }
}
