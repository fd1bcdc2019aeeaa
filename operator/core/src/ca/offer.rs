//! The response of a parent, judged before anything is signed under it.

mod checks;
mod refusal;
mod trust;
mod warning;

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use checks::expiry;
pub use refusal::{Refusal, Remedy};
pub use trust::{Trust, TrustedRoots};
pub use warning::{Warning, of as warnings};

use super::{CaChain, order, pem};
use crate::spiffe::TrustDomain;
use crate::x509::public_key::PublicKey;

/// The certificates that a parent, an object or a person provides for a key, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The CA certificate, and what is above it.
    pub path: &'a [u8],
    /// Roots, and perhaps intermediates. Some parents put other certificates here.
    pub roots: Option<&'a [u8]>,
}

/// What a CA certificate must be, by the issuer's spec and key.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The key that is to sign.
    pub public_key: &'a PublicKey,
    /// The security strength that the profile requires of the key, in bits
    /// ([`KeyAlgorithm::security_bits`](crate::x509::algorithm::KeyAlgorithm::security_bits)).
    pub min_security_bits: u16,
    /// How many CAs must be able to follow below: none if the issuer is for leaves only.
    pub path_length: u8,
    /// How long the CA must at least remain valid.
    pub min_lifetime: Duration,
    /// The issuer's trust domain.
    pub trust_domain: Option<&'a TrustDomain>,
    /// Which roots are trusted.
    pub trusted_roots: TrustedRoots<'a>,
    /// Whether the spec accepts a path without a self-signed root.
    pub allow_missing_root: bool,
    /// Whether Signet requested the CA certificate, or signed it: one that merely exists may be of
    /// another design.
    pub is_requested: bool,
}

/// A chain that the issuer can sign under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The path, and of the offered roots those that are trusted.
    pub chain: CaChain,
    /// Why the root of the path is trusted.
    pub trust: Trust,
    /// What a user should know about it, for the Ready message.
    pub warnings: Vec<Warning>,
}

/// Judges the chain that was read from an offer. The certificate itself counts, never what was
/// requested.
///
/// # Errors
/// The first reason why no issuer of this spec can sign under it. [`Refusal::NotYetValid`] passes
/// with time.
pub fn judge(
    chain: CaChain,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    checks::key(&chain, expected)?;
    checks::validity(&chain, expected.min_lifetime, now)?;
    checks::path_length(&chain, expected.path_length)?;
    checks::extensions(&chain)?;
    checks::limits(&chain, expected.trust_domain)?;
    checks::spiffe_ids(&chain, expected)?;
    checks::root(&chain, expected.allow_missing_root)?;
    let mut warnings = warnings(&chain, expected.trust_domain);
    let (chain, trust) = trust::decide(chain, expected, &mut warnings)?;
    checks::size(&chain)?;
    Ok(Accepted {
        chain,
        trust,
        warnings,
    })
}

/// Reads the certificates of an offer, and orders them into a chain. The CA certificate is the first
/// one for the key; the others may be in any order, with text between them. If none is for the key,
/// the chain is that of another one.
///
/// # Errors
/// Something else than certificates, or certificates that do not form a chain of CAs.
pub fn read(
    offer: &Offer<'_>,
    key: Option<&PublicKey>,
    now: Timestamp,
) -> Result<CaChain, Refusal> {
    for file in [Some(offer.path), offer.roots].into_iter().flatten() {
        if let Some(label) = pem::other_label(file) {
            return Err(Refusal::OtherBlock(label));
        }
    }
    let mut own = pem::read(offer.path)?;
    let others = offer.roots.map_or_else(|| Ok(Vec::new()), pem::read)?;
    match own.iter().position(|ca| Some(ca.public_key()) == key) {
        Some(place) => own[..=place].rotate_right(1),
        None => order::repair(&mut own),
    }
    let chain = order::build(own, others, now)?;
    pem::check_written(&chain.path)?;
    pem::check_written(&chain.roots)?;
    Ok(chain)
}
