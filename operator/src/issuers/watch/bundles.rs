//! Which trust bundles changed in a watch. Pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kube::runtime::watcher::Event;
use signet_api::IssuerResource;

use crate::issuer_name::IssuerName;

/// The hashes of the bundles of a kind, as the watch last had them.
#[derive(Debug, Default)]
pub(super) struct Bundles(HashMap<IssuerName, u64>);

impl Bundles {
    /// Returns the issuer whose bundle an event changes. What changed between a watch and the next
    /// list is noticed at the next resync.
    pub(super) fn changed<K: IssuerResource>(&mut self, event: &Event<K>) -> Option<IssuerName> {
        match event {
            Event::Init => {
                self.0.clear();
                None
            }
            Event::InitApply(object) => {
                self.replace(object);
                None
            }
            Event::Apply(object) => self.replace(object).then(|| IssuerName::of(object)),
            Event::Delete(object) => {
                self.0.remove(&IssuerName::of(object));
                None
            }
            Event::InitDone => None,
        }
    }

    /// Returns whether it is another one than before.
    fn replace<K: IssuerResource>(&mut self, object: &K) -> bool {
        let name = IssuerName::of(object);
        let status = object.issuer_status();
        let Some(bundle) = status.and_then(|status| status.bundle.as_ref()) else {
            return self.0.remove(&name).is_some();
        };
        let mut hasher = DefaultHasher::new();
        bundle.hash(&mut hasher);
        let hash = hasher.finish();
        self.0.insert(name, hash) != Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use signet_api::{ClusterIssuer, ClusterIssuerSpec, IssuerStatus};

    use super::*;
    use crate::fixtures::{corp, key};

    fn issuer(bundle: Option<&str>) -> ClusterIssuer {
        let spec = serde_json::json!({
            "key": key::software("ca"), "certificate": { "selfSigned": {} },
        });
        let spec: ClusterIssuerSpec = serde_json::from_value(spec).unwrap();
        let mut issuer = ClusterIssuer::new("corp", spec);
        issuer.set_issuer_status(IssuerStatus {
            bundle: bundle.map(str::to_owned),
            ..IssuerStatus::default()
        });
        issuer
    }

    #[test]
    fn another_bundle_is_a_change_and_another_condition_is_not() {
        let mut bundles = Bundles::default();
        for (event, is_changed) in [
            (Event::Init, false),
            (Event::InitApply(issuer(Some("a"))), false),
            (Event::InitDone, false),
            (Event::Apply(issuer(Some("a"))), false),
            (Event::Apply(issuer(Some("a b"))), true),
            (Event::Apply(issuer(Some("a b"))), false),
            (Event::Apply(issuer(None)), true),
            (Event::Apply(issuer(None)), false),
            (Event::Apply(issuer(Some("b"))), true),
            (Event::Delete(issuer(Some("b"))), false),
            (Event::Apply(issuer(Some("b"))), true),
        ] {
            let expected = is_changed.then(corp);
            assert_eq!(bundles.changed(&event), expected, "{event:?}");
        }
    }
}
