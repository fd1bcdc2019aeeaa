//! Which roots are trusted: a parent's response must not plant a trust anchor.

use super::{Expectations, Refusal, Remedy, Warning};
use crate::ca::{CaCertificate, CaChain};

/// The roots that an issuer may chain to.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrustedRoots<'a> {
    /// SHA-256 over the DER of roots that the spec lists.
    pub fingerprints: &'a [Vec<u8>],
    /// The object in which the spec lists roots, if it does: those roots are among `certificates`.
    pub object: Option<&'a str>,
    /// Roots that the spec lists, or that the bundle of a Signet issuer above has.
    pub certificates: &'a [CaCertificate],
    /// Roots that Signet created for the issuer.
    pub created: &'a [CaCertificate],
    /// Roots that the issuer's generations pinned, in so far as they are trusted still.
    pub pinned: &'a [CaCertificate],
    /// Whether a root was pinned that is revoked now. The next one is not the first.
    pub had_pin: bool,
    /// Whether the offer's roots come from an object that the spec names for them.
    pub offered: bool,
    /// Whether the spec trusts what the parent calls its root (`followParentRoots`).
    pub follow_parent: bool,
}

/// Why a root is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Signet signed it.
    Created,
    /// The spec names it.
    Listed,
    /// It was the first one, or the spec follows the parent's roots.
    Pinned,
    /// It has the subject and key of one that the spec names.
    SameKey,
}

/// Decides whether the anchor of the path is trusted, and keeps of the other roots those that are.
pub(super) fn decide(
    mut chain: CaChain,
    expected: &Expectations<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(CaChain, Trust), Refusal> {
    let roots = &expected.trusted_roots;
    let [anchor, others @ ..] = &chain.roots[..] else {
        return Err(Refusal::MissingRoot(chain.issuing().subject().to_owned()));
    };
    let own = expected.is_requested && chain.path.len() == 1 && anchor.is_self_signed();
    let trust = match own {
        true => Some(Trust::Created),
        false => roots.vouch(anchor).or_else(|| roots.pin()),
    };
    let Some(trust) = trust else {
        return Err(Refusal::UntrustedRoot {
            subject: anchor.subject().to_owned(),
            fingerprint: hex::encode(anchor.fingerprint()),
            remedy: roots.remedy(anchor),
        });
    };
    if trust == Trust::Pinned {
        warnings.extend(roots.pin_warning(anchor));
    }
    let is_trusted = |root: &CaCertificate| root.is_same_ca(anchor) || roots.vouch(root).is_some();
    let untrusted = others.iter().filter(|root| !is_trusted(root));
    warnings.extend(untrusted.map(|root| Warning::RootLeftOut(root.subject().to_owned())));
    let kept = others.iter().filter(|root| is_trusted(root));
    chain.roots = std::iter::once(anchor).chain(kept).cloned().collect();
    Ok((chain, trust))
}

impl TrustedRoots<'_> {
    /// Returns why the root is trusted already.
    fn vouch(&self, root: &CaCertificate) -> Option<Trust> {
        let is_in = |known: &[CaCertificate]| known.iter().any(|own| own.is_same_ca(root));
        if self.offered || self.certificates.contains(root) || self.lists(root) {
            Some(Trust::Listed)
        } else if is_in(self.certificates) {
            Some(Trust::SameKey)
        } else if is_in(self.created) {
            Some(Trust::Created)
        } else {
            is_in(self.pinned).then_some(Trust::Pinned)
        }
    }

    fn lists(&self, root: &CaCertificate) -> bool {
        let mut listed = self.fingerprints.iter();
        listed.any(|own| own == root.fingerprint())
    }

    /// Trusts a root that nothing vouches for: the first one of all, or with `follow_parent` any.
    fn pin(&self) -> Option<Trust> {
        let has_list = self.object.is_some() || !self.fingerprints.is_empty();
        let had_pin = self.had_pin || !self.pinned.is_empty();
        let is_first = !has_list && self.certificates.is_empty() && !had_pin;
        (is_first || self.follow_parent).then_some(Trust::Pinned)
    }

    /// Returns how to make the trust in a pinned root permanent; none if the spec names the root, or
    /// follows the parent's roots.
    pub fn pin_warning(&self, root: &CaCertificate) -> Option<Warning> {
        let is_named = self.lists(root) || self.certificates.iter().any(|own| own.is_same_ca(root));
        (!is_named && !self.follow_parent).then(|| Warning::Pinned {
            subject: root.subject().to_owned(),
            remedy: self.remedy(root),
        })
    }

    /// Returns what lists this root next to those that are trusted.
    fn remedy(&self, root: &CaCertificate) -> Remedy {
        match self.object {
            Some(object) => Remedy::Object(object.to_owned()),
            None => Remedy::Spec(self.yaml_with(root)),
        }
    }

    /// Returns the YAML, in one line, that lists this root next to those that are trusted.
    fn yaml_with(&self, root: &CaCertificate) -> String {
        let pinned = self.pinned.iter().map(|own| own.fingerprint().to_vec());
        let mut all: Vec<_> = self.fingerprints.iter().cloned().chain(pinned).collect();
        all.push(root.fingerprint().to_vec());
        all.sort();
        all.dedup();
        let all: Vec<_> = all
            .iter()
            .map(|own| format!("\"{}\"", hex::encode(own)))
            .collect();
        format!("trustedRoots: {{fingerprints: [{}]}}", all.join(", "))
    }
}
