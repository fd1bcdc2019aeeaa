//! The entries of a Secret of type `kubernetes.io/tls`, with the roots beside them, as several meshes
//! read them.

use super::read::Source;
use super::{Contents, Entries};

pub(super) const CERTIFICATE: &str = "tls.crt";
pub(super) const KEY: &str = "tls.key";
pub(super) const ROOTS: &str = "ca.crt";

/// Returns the entries of a CA. Those above it follow its certificate.
pub(super) fn write(contents: &Contents) -> Entries {
    let Contents { ca, roots } = contents;
    Entries::default()
        .with(CERTIFICATE, ca.path_pem())
        .with(KEY, ca.key().expose())
        .with(ROOTS, roots.as_str())
}

/// Returns where the parts of a CA are.
pub(super) fn source(secret: &Entries) -> Source<'_> {
    Source {
        secret,
        certificate: CERTIFICATE,
        key: KEY,
        chain: None,
        roots: (ROOTS, secret.get(ROOTS)),
    }
}
