//! Linkerd's identity issuer in the scheme `kubernetes.io/tls`, and its trust roots
//! (pkg/tls/creds_watcher.go, controller/cmd/identity/main.go).
//!
//! The identity controller reads the roots from the ConfigMap, and only when it starts; `linkerd
//! check` reads them from `ca.crt` of the Secret (pkg/issuercerts/issuercerts.go).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Contents, Existing, Objects, SecretError, Unfit, UnfitIssuer, tls};
use crate::ca::{CaCertificate, CaChain};
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};

/// The name of the Secret.
pub const SECRET: &str = "linkerd-identity-issuer";
/// The name of the ConfigMap.
pub const CONFIG_MAP: &str = "linkerd-identity-trust-roots";

const BUNDLE: &str = "ca-bundle.crt";

pub(super) fn write(contents: &Contents) -> Objects {
    let roots = contents.roots.as_str();
    Objects {
        secret: tls::write(contents),
        config_map: BTreeMap::from([(BUNDLE.to_owned(), roots.to_owned())]),
    }
}

/// The mesh trusts the roots of the ConfigMap. Without it, those of the Secret are meant.
pub(super) fn read(objects: &Objects, now: Timestamp) -> Result<Option<Existing>, SecretError> {
    let secret = &objects.secret;
    let bundle = objects.config_map.get(BUNDLE).map(|it| it.as_bytes());
    let bundle = bundle.filter(|it| !it.is_empty());
    if bundle.is_some()
        && [tls::CERTIFICATE, tls::KEY]
            .iter()
            .all(|it| secret.get(it).is_none())
    {
        return Err(SecretError::RootsWithoutCa);
    }
    let mut source = tls::source(secret);
    let is_complete = bundle.is_some() && bundle == source.roots.1;
    if bundle.is_some() {
        source.roots = (BUNDLE, bundle);
    }
    let contents = source.contents(now)?;
    Ok(contents.map(|contents| Existing {
        contents,
        is_complete,
    }))
}

/// As `linkerd check` does (`checkECDSACertRequirements`, and the same for roots).
pub(super) fn check(chain: &CaChain) -> Result<(), Unfit> {
    let issuing = chain.issuing();
    let found = issuing.public_key().algorithm();
    if found != KeyAlgorithm::EcP256 {
        let subject = issuing.subject().to_owned();
        return Err(Unfit::Key { subject, found });
    }
    chain.roots().iter().try_for_each(check_root)?;
    check_signature(issuing)
}

/// The same of a CA that this one would sign, whose key is on P-256. Those between it and the root
/// may have any key.
pub(super) fn check_above(
    chain: &CaChain,
    algorithm: SignatureAlgorithm,
) -> Result<(), UnfitIssuer> {
    if !accepts(algorithm) {
        return Err(UnfitIssuer::Signature(algorithm));
    }
    let roots = chain.roots().iter().try_for_each(check_root);
    roots.map_err(UnfitIssuer::Root)
}

fn check_root(root: &CaCertificate) -> Result<(), Unfit> {
    let found = root.public_key().algorithm();
    if !matches!(
        found,
        KeyAlgorithm::EcP256 | KeyAlgorithm::Rsa { bits: 2048 | 4096 }
    ) {
        let subject = root.subject().to_owned();
        return Err(Unfit::RootKey { subject, found });
    }
    check_signature(root)
}

fn check_signature(ca: &CaCertificate) -> Result<(), Unfit> {
    match ca.signature_algorithm() {
        Some(algorithm) if accepts(algorithm) => Ok(()),
        Some(_) | None => Err(Unfit::Signature(ca.subject().to_owned())),
    }
}

const fn accepts(algorithm: SignatureAlgorithm) -> bool {
    matches!(
        algorithm,
        SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256
    )
}
