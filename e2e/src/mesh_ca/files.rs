//! What a mesh reads from its Secret, whatever the names of the entries.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rcgen::SanType;

use super::Entries;
use crate::csr::Csr;
use crate::verify::{Certificate, Expected, Holder, Issued};

/// istiod's CA certificate.
pub const CERTIFICATE: &str = "ca-cert.pem";
/// Its private key.
pub const KEY: &str = "ca-key.pem";
/// The roots of an Istio mesh.
pub const ROOTS: &str = "root-cert.pem";
const CHAIN: &str = "cert-chain.pem";

/// The files of a mesh's CA.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Files {
    /// The CA certificate, and those above it.
    pub path: Vec<Certificate>,
    /// The private key.
    pub key: String,
    /// The roots, byte for byte.
    pub roots: String,
}

impl Files {
    /// Reads istiod's, and requires that there are no others.
    ///
    /// # Errors
    /// There are others, or istiod's CA does not begin its own chain.
    pub fn of_istio(entries: &Entries) -> Result<Self> {
        let names: Vec<_> = entries.keys().map(String::as_str).collect();
        ensure!(names == [CERTIFICATE, KEY, CHAIN, ROOTS], "{names:?}");
        let files = Self::new(&entries[CHAIN], &entries[KEY], &entries[ROOTS])?;
        let own = Certificate::read_pem(&entries[CERTIFICATE])?;
        ensure!(own == [files.ca()?.clone()], "the chain begins with the CA");
        Ok(files)
    }

    /// Reads the files of a Secret with `tls.crt`, `tls.key` and `ca.crt`, and requires that there
    /// are no others.
    ///
    /// # Errors
    /// There are others, or one cannot be read.
    pub fn of_tls(entries: &Entries) -> Result<Self> {
        let names: Vec<_> = entries.keys().map(String::as_str).collect();
        // SPIRE's has its roots twice.
        let named = names.iter().filter(|name| **name != "bundle.crt");
        ensure!(named.eq(&["ca.crt", "tls.crt", "tls.key"]), "{names:?}");
        Self::new(&entries["tls.crt"], &entries["tls.key"], &entries["ca.crt"])
    }

    /// Reads a path that begins with the CA certificate, its key and the roots.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn new(path: &str, key: &str, roots: &str) -> Result<Self> {
        Certificate::read_pem(roots).context("the roots")?;
        Ok(Self {
            path: Certificate::read_pem(path).context("the path")?,
            key: key.to_owned(),
            roots: roots.to_owned(),
        })
    }

    /// The CA certificate.
    ///
    /// # Errors
    /// There is none.
    pub fn ca(&self) -> Result<&Certificate> {
        self.path.first().context("there is a CA certificate")
    }

    /// Its subjectKeyIdentifier in hex, which names the entry of its key.
    ///
    /// # Errors
    /// It has none.
    pub fn key_identifier(&self) -> Result<String> {
        let identifier = self.ca()?.subject_key_identifier();
        Ok(hex::encode(identifier.context("a CA has an SKI")?))
    }

    /// Checks the order of the path, that no root is in it and one is above it, and that the key
    /// is the certificate's.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_links(&self) -> Result<()> {
        let roots = Certificate::read_pem(&self.roots)?;
        for pair in self.path.windows(2) {
            let (above, own) = (&pair[1], &pair[0]);
            ensure!(
                own.authority_key_identifier() == above.subject_key_identifier(),
                "{} is not below {}",
                own.subject(),
                above.subject()
            );
        }
        for one in &self.path {
            ensure!(!roots.contains(one), "the root {} is sent", one.subject());
            let is_ca = one.basic_constraints()?.is_some_and(|(is_ca, _)| is_ca);
            ensure!(is_ca, "{} is no CA", one.subject());
        }
        let last = self.path.last().context("there is a CA certificate")?;
        let above = last.authority_key_identifier();
        let is_above = |root: &Certificate| root.subject_key_identifier() == above;
        ensure!(roots.iter().any(is_above), "no root is above the path");
        let key = Csr::public_key_of_secret(&self.key)?;
        ensure!(key == self.ca()?.public_key(), "the key is another one's");
        Ok(())
    }

    /// The same, and that every reader accepts a certificate that the CA signs.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        self.check_links()?;
        self.holder()?.leaf(names()?)?.verify()
    }

    /// The same for a mesh that signs a CA of its own below.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_with_ca_below(&self) -> Result<()> {
        self.check()?;
        let own = self.holder()?.ca("the mesh's own", Vec::new())?;
        own.leaf(names()?)?.verify()
    }

    fn holder(&self) -> Result<Holder> {
        let (ca, now) = (self.ca()?.clone(), Timestamp::now());
        let issued = Issued {
            expected: Expected {
                public_key: ca.public_key(),
                private_key: self.key.clone(),
                trust_domain: None,
                is_ca: true,
                created: now,
                issued_at: now,
            },
            leaf: ca,
            intermediates: self.path[1..].to_vec(),
            roots: Certificate::read_pem(&self.roots)?,
            chain_pem: String::new(),
            roots_pem: self.roots.clone(),
        };
        Holder::new(&issued, &self.key)
    }
}

fn names() -> Result<Vec<SanType>> {
    Ok(vec![SanType::DnsName("web.shop.example".try_into()?)])
}
