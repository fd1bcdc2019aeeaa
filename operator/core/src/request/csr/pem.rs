//! The one PEM block that a CSR comes in (RFC 7468).

use der::pem::Decoder;

use super::PemError;
use crate::quote;

const BEGIN: &str = "-----BEGIN ";

/// RFC 7468 section 7; `NEW` is what older Microsoft and Java tools write.
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// Returns the DER in the block.
pub(super) fn decode(pem: &[u8]) -> Result<Vec<u8>, PemError> {
    let text = str::from_utf8(pem).map_err(|_| PemError::Missing)?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    match text.matches(BEGIN).count() {
        0 => return Err(PemError::Missing),
        1 => {}
        _ => return Err(PemError::SeveralBlocks),
    }
    if !text.starts_with(BEGIN) || !text.ends_with("-----") {
        return Err(PemError::TextAround);
    }
    let damaged = |error: der::pem::Error| PemError::Damaged(error.to_string());
    // Tools differ in how long their lines are; within a block all have one length.
    let mut decoder = Decoder::new_detect_wrap(text.as_bytes()).map_err(damaged)?;
    if !LABELS.contains(&decoder.type_label()) {
        return Err(PemError::Label(quote::text(decoder.type_label())));
    }
    let mut der = Vec::new();
    decoder.decode_to_end(&mut der).map_err(damaged)?;
    Ok(der)
}
