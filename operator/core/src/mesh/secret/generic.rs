//! A mesh whose entries have the names of the spec, such as Dapr's `issuer.crt`, `issuer.key` and
//! `ca.crt`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::read::Source;
use super::{Contents, Entries, Existing, Objects, SecretError};
use crate::ca::CaCertificate;

/// The names of the entries, which are distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenericNames {
    /// The CA certificate. Without `chain`, the certificates above follow it.
    pub certificate: String,
    /// The private key.
    pub key: String,
    /// The certificates above, without the CA's own and without a root; the entry may be empty.
    pub chain: Option<String>,
    /// The roots.
    pub roots: String,
    /// Whether a ConfigMap has the roots, too, in an entry of the same name.
    pub has_config_map: bool,
}

pub(super) fn write(names: &GenericNames, contents: &Contents) -> Objects {
    let Contents { ca, roots } = contents;
    let secret = Entries::default()
        .with(&names.key, ca.key().expose())
        .with(&names.roots, roots.as_str());
    let secret = match &names.chain {
        None => secret.with(&names.certificate, ca.path_pem()),
        Some(chain) => {
            let above: String = ca.above().iter().map(CaCertificate::pem).collect();
            secret
                .with(&names.certificate, ca.certificate().pem())
                .with(chain, above)
        }
    };
    let copy = (names.roots.clone(), roots.as_str().to_owned());
    let copy = Some(copy).filter(|_| names.has_config_map);
    Objects {
        secret,
        config_map: BTreeMap::from_iter(copy),
    }
}

pub(super) fn read(
    names: &GenericNames,
    objects: &Objects,
    now: Timestamp,
) -> Result<Option<Existing>, SecretError> {
    let secret = &objects.secret;
    let source = Source {
        secret,
        certificate: &names.certificate,
        key: &names.key,
        chain: names.chain.as_deref(),
        roots: (&names.roots, secret.get(&names.roots)),
    };
    let copy = objects.config_map.get(&names.roots).map(|it| it.as_bytes());
    let is_complete = !names.has_config_map || copy == secret.get(&names.roots);
    let contents = source.contents(now)?;
    Ok(contents.map(|contents| Existing {
        contents,
        is_complete,
    }))
}
