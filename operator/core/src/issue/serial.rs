//! The serial number.

use aws_lc_rs::digest::{Context, SHA256};

/// Returns the serial number as the content octets of an INTEGER: positive and 20 octets long at
/// most (RFC 5280 4.1.2.2, PKI-1).
///
/// It is SHA-256 over the request's UID, the CA certificate's fingerprint and the to-be-signed
/// bytes without the serial. So nothing here needs randomness, a request that is signed twice
/// with the same content has one serial, and different content never shares one.
pub(super) fn number(uid: &str, ca_fingerprint: &[u8], without_serial: &[u8]) -> [u8; 20] {
    let mut context = Context::new(&SHA256);
    for part in [uid.as_bytes(), ca_fingerprint, without_serial] {
        // The length in front keeps one part from borrowing bytes of the next.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    let mut serial = [0; 20];
    serial.copy_from_slice(&digest.as_ref()[..20]);
    // The top bit clear makes it positive, the next one set makes all 20 octets count.
    serial[0] = (serial[0] & 0x3f) | 0x40;
    serial
}
