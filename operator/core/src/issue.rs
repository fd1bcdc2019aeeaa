//! What a CA key signs, and the check of what it signed.
//!
//! A key signs only a [`ToBeSigned`], which only this module makes.
//! [`CertificateToSign`] is built field by field from a grant and the CA above it. From the CSR
//! come the public key and, where the grant allows it, the raw bytes of subject and
//! subjectAltName. Everything else is Signet's: version 3, the issuer as the CA certificate
//! spells it (PKI-2), the extensions, the validity and the serial number.
//!
//! [`CsrToSign`] requests a CA certificate for an issuer's own key from the CA above it.

mod authority;
mod certificate;
mod csr;
mod error;
mod extensions;
mod issued;
mod serial;
mod subject;
mod svid;
mod to_be_signed;
mod urls;
mod validity;

#[cfg(test)]
mod tests;

pub use authority::{Authority, SelfSigned};
pub use certificate::CertificateToSign;
pub use csr::{CaRequest, Csr, CsrToSign};
pub use error::IssueError;
pub use issued::{Issued, assemble_root};
pub use subject::{CaName, default_subject, parse_subject};
pub use svid::SvidError;
pub use to_be_signed::{Signature, ToBeSigned};
pub use urls::{CaUrl, CaUrls};
pub use validity::{BACKDATE, ValidityPeriod};
/// A distinguished name.
pub use x509_cert::name::Name;
