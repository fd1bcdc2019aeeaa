//! From entries to contents, with the names of any mesh.

use jiff::Timestamp;

use super::{Contents, Entries, PrivateKeyPem, RootsFile, SecretError, SigningCa};
use crate::ca::{CaCertificate, CaChain, ChainError};

/// Where the parts of a CA are.
pub(super) struct Source<'a> {
    pub(super) secret: &'a Entries,
    /// The CA certificate, perhaps with those above it.
    pub(super) certificate: &'a str,
    pub(super) key: &'a str,
    /// The certificates above, perhaps after the CA's own, in meshes that have them in an entry of
    /// their own. It may be empty.
    pub(super) chain: Option<&'a str>,
    /// The roots, by name, and as they were found.
    pub(super) roots: (&'a str, Option<&'a [u8]>),
}

impl Source<'_> {
    /// Reads the contents; none if no entry has any.
    pub(super) fn contents(&self, now: Timestamp) -> Result<Option<Contents>, SecretError> {
        let certificate = self.secret.get(self.certificate);
        let key = self.secret.get(self.key);
        let (Some(certificate), Some(key), Some(roots)) = (certificate, key, self.roots.1) else {
            return self.partial().map_or(Ok(None), Err);
        };
        if self.chain.is_some_and(|name| !self.secret.has(name)) {
            return self.partial().map_or(Ok(None), Err);
        }
        let key = PrivateKeyPem::read(key);
        let key = key.ok_or_else(|| SecretError::Key(self.key.to_owned()))?;
        let file = RootsFile::read(roots);
        let roots = file.map_err(|error| unusable(self.roots.0, &error))?;
        let chain = self.path(certificate, &roots, now)?;
        Ok(Some(Contents {
            ca: SigningCa::new(&chain, key),
            roots,
        }))
    }

    /// Returns which entries exist and which do not; none if none exists.
    fn partial(&self) -> Option<SecretError> {
        let chain = self.chain.map(|name| (name, self.secret.has(name)));
        let entries =
            [self.certificate, self.key].map(|name| (name, self.secret.get(name).is_some()));
        let roots = (self.roots.0, self.roots.1.is_some());
        let all: Vec<_> = entries.into_iter().chain(chain).chain([roots]).collect();
        let names = |exist: bool| {
            let named = all.iter().filter(|(_, exists)| *exists == exist);
            let named: Vec<_> = named.map(|(name, _)| *name).collect();
            named.join(", ")
        };
        let has_value = |name: &str| self.secret.get(name).is_some();
        let is_found = entries.iter().any(|(_, exists)| *exists)
            || roots.1
            || self.chain.is_some_and(has_value);
        is_found.then(|| SecretError::Partial {
            found: names(true),
            missing: names(false),
        })
    }

    /// Reads the path from the CA to a root, which must begin with the certificate that the mesh
    /// takes for the CA's.
    fn path(
        &self,
        certificate: &[u8],
        roots: &RootsFile,
        now: Timestamp,
    ) -> Result<CaChain, SecretError> {
        let own = CaCertificate::all_from_pem(certificate);
        let own = own.map_err(|error| unusable(self.certificate, &error))?;
        let first = own.first();
        let first = first.ok_or_else(|| unusable(self.certificate, &ChainError::Empty))?;
        let above = self.chain.and_then(|name| self.secret.get(name));
        let path = [certificate, b"\n", above.unwrap_or_default()].concat();
        let entry = match self.chain {
            Some(chain) => format!("{} with {chain}", self.certificate),
            None => self.certificate.to_owned(),
        };
        let chain = CaChain::from_pem(&path, Some(roots.as_str().as_bytes()), now)
            .map_err(|error| unusable(&entry, &error))?;
        match first == chain.issuing() {
            true => Ok(chain),
            false => Err(SecretError::Order(self.certificate.to_owned())),
        }
    }
}

fn unusable(entry: &str, error: &dyn std::error::Error) -> SecretError {
    SecretError::Certificates {
        entry: entry.to_owned(),
        message: error.to_string(),
    }
}
