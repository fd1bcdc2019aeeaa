//! Istio's plug-in CA: the Secret `cacerts` in the namespace of istiod
//! (pilot/pkg/bootstrap/istio_ca.go, security/pkg/pki/util/keycertbundle.go).
//!
//! If there is a file `tls.crt`, istiod reads `tls.crt`, `tls.key` and `ca.crt` and nothing else;
//! otherwise `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem` and `root-cert.pem`, all four or none.
//! The chain begins with the CA certificate and is sent after each leaf; the root is not in it.

use jiff::Timestamp;

use super::read::Source;
use super::{Contents, Entries, Existing, Objects, SecretError, tls};

/// The name of the Secret.
pub const SECRET: &str = "cacerts";
/// The name of the Secret in which istiod keeps a CA that it created itself.
pub const SELF_SIGNED_SECRET: &str = "istio-ca-secret";
/// The ConfigMap in which istiod publishes the roots that it has loaded, and the entry.
pub const LOADED_ROOTS: (&str, &str) = ("istio-ca-root-cert", "root-cert.pem");

/// istiod ignores changed roots without this setting.
pub(super) const RELOAD: &str = "set ISTIO_MULTIROOT_MESH=true in istiod, and restart it";

const CERTIFICATE: &str = "ca-cert.pem";
const KEY: &str = "ca-key.pem";
const CHAIN: &str = "cert-chain.pem";
const ROOTS: &str = "root-cert.pem";
const CRL: &str = "ca-crl.pem";
const GENERATED: &str = "istio-generated";
const PLUGIN: [&str; 4] = [CERTIFICATE, KEY, CHAIN, ROOTS];
/// Those of them that make istiod read the others.
const TLS: [&str; 2] = [tls::CERTIFICATE, tls::KEY];

/// Which entries the Secret has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IstioLayout {
    /// Istio's own names.
    #[default]
    Plugin,
    /// Those of type `kubernetes.io/tls`.
    Tls,
}

impl IstioLayout {
    /// Returns the layout of a Secret. One of type `kubernetes.io/tls` keeps it: its type cannot
    /// be changed, and these entries cannot be removed from it.
    pub fn of(secret: &Entries) -> Self {
        match TLS.iter().any(|name| secret.has(name)) {
            true => Self::Tls,
            false => Self::Plugin,
        }
    }
}

pub(super) fn write(layout: IstioLayout, contents: &Contents) -> Objects {
    let Contents { ca, roots } = contents;
    let secret = match layout {
        IstioLayout::Plugin => Entries::default()
            .with(CERTIFICATE, ca.certificate().pem())
            .with(KEY, ca.key().expose())
            .with(CHAIN, chain(contents))
            .with(ROOTS, roots.as_str()),
        IstioLayout::Tls => tls::write(contents),
    };
    Objects {
        secret,
        ..Objects::default()
    }
}

/// A CA that signed itself is its own root, so the chain is empty, as with istiod's own CA.
fn chain(contents: &Contents) -> String {
    match contents.ca.certificate().is_self_signed() {
        true => String::new(),
        false => contents.ca.path_pem(),
    }
}

pub(super) fn read(
    layout: IstioLayout,
    objects: &Objects,
    now: Timestamp,
) -> Result<Option<Existing>, SecretError> {
    let secret = &objects.secret;
    let found = |names: &[&str]| {
        let found = names.iter().filter(|name| secret.has(name));
        found.copied().collect::<Vec<_>>().join(", ")
    };
    if secret.has(GENERATED) {
        return Err(SecretError::IstioGenerated);
    }
    let (of_tls, plugin) = (found(&TLS), found(&PLUGIN));
    if !of_tls.is_empty() && !plugin.is_empty() {
        return Err(SecretError::TwoLayouts {
            tls: of_tls,
            plugin,
        });
    }
    let source = match layout {
        IstioLayout::Plugin if secret.has(CRL) => return Err(SecretError::Crl),
        IstioLayout::Plugin => Source {
            secret,
            certificate: CERTIFICATE,
            key: KEY,
            chain: Some(CHAIN),
            roots: (ROOTS, secret.get(ROOTS)),
        },
        IstioLayout::Tls => tls::source(secret),
    };
    Ok(source.contents(now)?.map(Existing::complete))
}

/// Reads the CA that istiod created itself, from the Secret `istio-ca-secret`; none if it has none.
/// Its certificate is its root. Other entries of that Secret are empty.
///
/// # Errors
/// The certificate or the key cannot be read.
pub fn read_self_signed(secret: &Entries, now: Timestamp) -> Result<Option<Contents>, SecretError> {
    let source = Source {
        secret,
        certificate: CERTIFICATE,
        key: KEY,
        chain: None,
        roots: (CERTIFICATE, secret.get(CERTIFICATE)),
    };
    source.contents(now)
}
