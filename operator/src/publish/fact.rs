//! Which roots are published: the fact that starts the clock of an activation. Pure.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::demand::OwnDemand;
use super::object::ObjectKind;
use super::observe::{Observed, Own};
use super::trust_bundle::Observation;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

impl Observed {
    /// Returns the fingerprints of the roots that are published with this bundle in the status.
    /// While the objects cannot be read, there are none if one may have to be there.
    pub fn published(&self, status_bundle: &str) -> BTreeSet<String> {
        let mut published = match &self.own {
            Ok(own) => published(status_bundle, self.demand.own, own),
            Err(_) if self.demand.own == OwnDemand::Nothing => fingerprints(status_bundle),
            Err(_) => BTreeSet::new(),
        };
        let in_trust_bundle = match &self.trust_bundle {
            Observation::Unmanaged | Observation::NotServed => return published,
            Observation::Failed(_) => BTreeSet::new(),
            Observation::Read(..) if !self.requires_trust_bundle() => return published,
            read @ Observation::Read(..) => {
                let pem = read.ours().and_then(|found| found.pem.as_deref());
                fingerprints(pem.unwrap_or_default())
            }
        };
        published.retain(|fingerprint| in_trust_bundle.contains(fingerprint));
        published
    }
}

/// Returns the SHA-256 fingerprints, in hex, of the roots that are published: those in the bundle of
/// the issuer's status and in every object that has to be in its own namespace. An object that has
/// to be there and is missing or foreign holds none. Copies in other namespaces do not count.
pub(super) fn published(status_bundle: &str, demand: OwnDemand, own: &Own) -> BTreeSet<String> {
    let required = |kind: &ObjectKind| demand.requires(*kind, own.is_ours(*kind));
    let mut published = fingerprints(status_bundle);
    for kind in ObjectKind::ALL.into_iter().filter(required) {
        let ours = own.get(kind).filter(|found| found.is_ours);
        let pem = ours.and_then(|found| found.pem.as_deref());
        let in_object = fingerprints(pem.unwrap_or_default());
        published.retain(|fingerprint| in_object.contains(fingerprint));
    }
    published
}

/// Returns the fingerprints of the certificates in a PEM text. What is not one is skipped, since a
/// consumer would not trust it either.
fn fingerprints(pem: &str) -> BTreeSet<String> {
    let blocks = pem.split(BEGIN).skip(1);
    let bodies = blocks.filter_map(|block| Some(block.split_once(END)?.0));
    bodies.filter_map(fingerprint).collect()
}

fn fingerprint(body: &str) -> Option<String> {
    let der = STANDARD.decode(body.split_whitespace().collect::<String>());
    Some(hex::encode(digest(&SHA256, &der.ok()?)))
}
