//! SHA-256, as OCI and Debian write it.

use aws_lc_rs::digest::{SHA256, digest};

/// In lowercase hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
