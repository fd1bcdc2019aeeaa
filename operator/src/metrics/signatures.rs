//! How many signatures each namespace used. The number of series has a bound.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::labels::TenantLabels;
use super::series::Add;
use crate::issuer_name::IssuerName;

/// The most namespaces of one issuer that have a series. Those that come later share [`OTHERS`].
const MAX_NAMESPACES: usize = 1000;
/// No namespace can have this name.
const OTHERS: &str = "_others";

pub(super) type SignatureSeries = Family<TenantLabels, Counter>;

pub(super) fn registered(add: &mut Add<'_>) -> SignatureSeries {
    add.plain(
        "key_signatures",
        "Certificates that an issuer's key signed for each namespace; empty for users without one, \
         _others after the first 1,000",
        Family::default(),
    )
}

/// The namespaces that label a series.
#[derive(Debug, Default)]
pub(super) struct Signatures(Mutex<HashMap<IssuerName, BTreeSet<String>>>);

impl Signatures {
    pub(super) fn count(&self, issuer: &IssuerName, namespace: &str, series: &SignatureSeries) {
        let label = self.label(issuer, namespace);
        series
            .get_or_create(&TenantLabels::new(issuer, label))
            .inc();
    }

    fn label<'a>(&self, issuer: &IssuerName, namespace: &'a str) -> &'a str {
        let mut issuers = self.0.lock();
        let namespaces = issuers.entry(issuer.clone()).or_default();
        if !namespaces.contains(namespace) {
            if namespaces.len() >= MAX_NAMESPACES {
                namespaces.insert(OTHERS.to_owned());
                return OTHERS;
            }
            namespaces.insert(namespace.to_owned());
        }
        namespace
    }

    pub(super) fn forget(&self, issuer: &IssuerName, series: &SignatureSeries) {
        for namespace in self.0.lock().remove(issuer).iter().flatten() {
            series.remove(&TenantLabels::new(issuer, namespace));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{corp, issuer};

    #[test]
    fn the_number_of_series_has_a_bound_and_a_deleted_issuer_has_none() {
        let (signatures, series) = (Signatures::default(), SignatureSeries::default());
        for number in 0..2 * MAX_NAMESPACES {
            signatures.count(&corp(), &format!("team-{number}"), &series);
        }
        signatures.count(&corp(), "team-0", &series);
        let other = issuer("shop", "ca");
        signatures.count(&other, "shop", &series);
        let corp = corp();
        let value = |issuer: &IssuerName, namespace: &str| {
            let counter = series.get(&TenantLabels::new(issuer, namespace));
            counter.map(|counter| counter.get())
        };
        assert_eq!(value(&corp, "team-0"), Some(2));
        assert_eq!(value(&corp, "team-1000"), None);
        assert_eq!(value(&corp, OTHERS), Some(1000));
        signatures.forget(&corp, &series);
        assert_eq!((value(&corp, "team-0"), value(&corp, OTHERS)), (None, None));
        assert_eq!(value(&other, "shop"), Some(1));
    }
}
