//! SPIRE's `UpstreamAuthority "disk"`: files whose paths its configuration has
//! (pkg/server/plugin/upstreamauthority/disk).
//!
//! The names are those of a Secret of cert-manager: `tls.crt` for `cert_file_path`, with the
//! certificates above, `tls.key` for `key_file_path`, and `ca.crt` for `bundle_file_path`, which is
//! `bundle.crt` in SPIRE's Helm chart. Without a bundle, the plug-in accepts only a CA that signed
//! itself.

use jiff::Timestamp;

use super::read::Source;
use super::{Contents, Entries, Existing, Objects, SecretError};

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const ROOTS: &str = "ca.crt";
const BUNDLE: &str = "bundle.crt";

pub(super) fn write(contents: &Contents) -> Objects {
    let Contents { ca, roots } = contents;
    Objects {
        secret: Entries::default()
            .with(CERTIFICATE, ca.path_pem())
            .with(KEY, ca.key().expose())
            .with(ROOTS, roots.as_str())
            .with(BUNDLE, roots.as_str()),
        ..Objects::default()
    }
}

pub(super) fn read(objects: &Objects, now: Timestamp) -> Result<Option<Existing>, SecretError> {
    let secret = &objects.secret;
    let source = Source {
        secret,
        certificate: CERTIFICATE,
        key: KEY,
        chain: None,
        roots: (ROOTS, secret.get(ROOTS)),
    };
    let bundle = secret.get(BUNDLE);
    let is_complete = bundle.is_none_or(|bundle| Some(bundle) == secret.get(ROOTS));
    let contents = source.contents(now)?;
    Ok(contents.map(|contents| Existing {
        contents,
        is_complete,
    }))
}
