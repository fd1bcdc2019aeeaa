//! SPIRE's `UpstreamAuthority "disk"`: files whose paths its configuration has
//! (pkg/server/plugin/upstreamauthority/disk).
//!
//! The names are those of a Secret of cert-manager: `tls.crt` for `cert_file_path`, with the
//! certificates above, `tls.key` for `key_file_path`, and `ca.crt` for `bundle_file_path`, which is
//! `bundle.crt` in SPIRE's Helm chart. Without a bundle, the plug-in accepts only a CA that signed
//! itself.

use jiff::Timestamp;

use super::{Contents, Existing, Objects, SecretError, tls};

const BUNDLE: &str = "bundle.crt";

pub(super) fn write(contents: &Contents) -> Objects {
    Objects {
        secret: tls::write(contents).with(BUNDLE, contents.roots.as_str()),
        ..Objects::default()
    }
}

pub(super) fn read(objects: &Objects, now: Timestamp) -> Result<Option<Existing>, SecretError> {
    let secret = &objects.secret;
    let source = tls::source(secret);
    let bundle = secret.get(BUNDLE);
    let is_complete = bundle.is_none_or(|bundle| Some(bundle) == source.roots.1);
    let contents = source.contents(now)?;
    Ok(contents.map(|contents| Existing {
        contents,
        is_complete,
    }))
}
