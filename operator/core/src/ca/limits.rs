//! What the CA certificates of a path forbid below them (RFC 5280 4.2.1.9, 4.2.1.10, 4.2.1.12).

mod matching;
mod presented;

use const_oid::ObjectIdentifier;

use super::CaCertificate;
use super::subtrees::{Form, Subtrees};
use crate::x509::names::SubjectAltNames;
use crate::x509::usages::purpose_label;
use presented::Presented;

/// The maximum number of comparisons of names with name constraints; Go and rustls-webpki stop at
/// this many.
const MAX_COMPARISONS: usize = 250_000;

/// What the CAs of a path allow below them, computed once for a chain.
///
/// A certificate has to be within the limits of each CA, as a verifier checks it, so the limits of
/// the path are their intersection. Where OpenSSL, Go and rustls-webpki differ, the strictest of
/// them counts, except that rustls-webpki refuses URIs, email addresses and subjects under every
/// constraint on such names (PKI-10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    path_length: Option<u8>,
    /// Those that forbid something.
    cas: Vec<CaLimits>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct CaLimits {
    subject: String,
    purposes: Option<Vec<ObjectIdentifier>>,
    subtrees: Subtrees,
}

/// What a CA of the path does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// An extended key usage that the CA does not have.
    #[error(
        "the CA certificate of {ca} does not allow the usage {usage} below it; use an issuer whose \
         CA allows it, or remove the usage"
    )]
    Usage {
        /// The subject of the CA.
        ca: String,
        /// The usage.
        usage: String,
    },
    /// A name outside of the name constraints.
    #[error(
        "the name constraints of the CA certificate of {ca} do not allow the {name}; use an issuer \
         whose CA allows it, or remove the name"
    )]
    Name {
        /// The subject of the CA.
        ca: String,
        /// The name, with its kind.
        name: String,
    },
    /// More work than verifiers do.
    #[error(
        "verifiers do not compare so many names with the name constraints of the CA; split the \
         names over several certificates"
    )]
    TooManyNames,
}

impl Limits {
    /// Returns the limits of a path, the issuing CA first.
    pub(super) fn of(path: &[CaCertificate], path_length: Option<u8>) -> Self {
        let limits = path.iter().map(|ca| CaLimits {
            subject: ca.subject().to_owned(),
            purposes: ca.extensions.purposes.clone(),
            subtrees: ca.extensions.subtrees.clone(),
        });
        let forbids = |ca: &CaLimits| ca.purposes.is_some() || ca.subtrees.all().next().is_some();
        Self {
            path_length,
            cas: limits.filter(forbids).collect(),
        }
    }

    /// Limits the path length only.
    #[cfg(test)]
    pub(crate) fn of_path_length(path_length: Option<u8>) -> Self {
        Self::of(&[], path_length)
    }

    /// Returns how many CAs may follow below the issuing CA; none is without limit (PKI-7).
    pub fn path_length(&self) -> Option<u8> {
        self.path_length
    }

    /// Returns whether a CA has name constraints for URIs. Verifiers that do not know them, as
    /// rustls, then refuse every X509-SVID (PKI-10).
    pub fn constrains_uris(&self) -> bool {
        self.constrains(|form| form == Form::Uri)
    }

    /// Returns whether a CA has name constraints for directory names, or for a kind of names that
    /// is not in use. Go and rustls then refuse every certificate (PKI-10).
    pub fn constrains_unusual_names(&self) -> bool {
        self.constrains(|form| matches!(form, Form::Directory | Form::Other(_)))
    }

    fn constrains(&self, is_meant: impl Fn(Form) -> bool) -> bool {
        let mut subtrees = self.cas.iter().flat_map(|ca| ca.subtrees.all());
        subtrees.any(|subtree| is_meant(subtree.form))
    }

    /// Checks what a certificate is to have: its subject (the DER of a Name), its names, and its
    /// extended key usages.
    ///
    /// # Errors
    /// What the first CA, from the issuing one upwards, does not allow.
    pub fn check(
        &self,
        subject: &[u8],
        names: Option<&SubjectAltNames>,
        purposes: &[ObjectIdentifier],
    ) -> Result<(), Forbidden> {
        self.cas
            .iter()
            .try_for_each(|ca| ca.check_purposes(purposes))?;
        let subtrees: usize = self.cas.iter().map(|ca| ca.subtrees.all().count()).sum();
        if subtrees == 0 {
            return Ok(());
        }
        let presented = presented::all(subject, names);
        if presented.len().saturating_mul(subtrees) > MAX_COMPARISONS {
            return Err(Forbidden::TooManyNames);
        }
        self.cas
            .iter()
            .try_for_each(|ca| presented.iter().try_for_each(|name| ca.check_name(name)))
    }
}

impl CaLimits {
    /// The usages are compared as they are listed. Neither OpenSSL nor rustls-webpki takes
    /// anyExtendedKeyUsage of a CA for the others.
    fn check_purposes(&self, purposes: &[ObjectIdentifier]) -> Result<(), Forbidden> {
        let Some(allowed) = &self.purposes else {
            return Ok(());
        };
        match purposes.iter().find(|purpose| !allowed.contains(purpose)) {
            None => Ok(()),
            Some(purpose) => Err(Forbidden::Usage {
                ca: self.subject.clone(),
                usage: purpose_label(purpose),
            }),
        }
    }

    fn check_name(&self, name: &Presented) -> Result<(), Forbidden> {
        if matching::allows(&self.subtrees, name) {
            return Ok(());
        }
        Err(Forbidden::Name {
            ca: self.subject.clone(),
            name: name.to_string(),
        })
    }
}
