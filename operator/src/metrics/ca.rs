//! The gauges of an issuer's CA.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::labels::{GenerationLabels, IssuerLabels, StateLabels};
use super::series::Add;
use crate::issuer_name::IssuerName;

/// What is known of an issuer's CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaGauges {
    /// When the current CA certificate, or one above it, expires, in Unix time.
    pub expiry: Option<i64>,
    pub generations: Vec<GenerationGauge>,
    /// Until when a person must act so that the issuer goes on signing, in Unix time; none if no
    /// person has to.
    pub person_deadline: Option<i64>,
}

/// What is known of a CA generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationGauge {
    pub number: u32,
    pub state: &'static str,
    pub expiry: Option<i64>,
}

/// The series of CAs.
#[derive(Debug)]
pub(super) struct CaSeries {
    expiry: Family<IssuerLabels, Gauge>,
    generation_expiry: Family<GenerationLabels, Gauge>,
    generation_state: Family<StateLabels, Gauge>,
    pub(super) person: Family<IssuerLabels, Gauge>,
    pub(super) orphaned_generations: Gauge,
    pub(super) orphaned_bundles: Gauge,
}

impl CaSeries {
    /// Registers each series under its name.
    pub(super) fn registered(add: &mut Add<'_>) -> Self {
        Self {
            expiry: add.seconds(
                "ca_expiry_timestamp",
                "Expiry of an issuer's CA certificate, or of one above it if that is earlier, as Unix time",
                Family::default(),
            ),
            generation_expiry: add.seconds(
                "ca_generation_expiry_timestamp",
                "Expiry of a CA generation's certificate, or of one above it if that is earlier, as Unix time",
                Family::default(),
            ),
            generation_state: add.plain(
                "ca_generation_state",
                "The state of a CA generation, which is the label of the sample with the value 1",
                Family::default(),
            ),
            person: add.seconds(
                "issuer_person_required",
                "Time left for a person to sign a CSR, activate a generation or renew a parent, until the remaining lifetime of the CA is below minDuration; 0 if nothing can be issued until then. With certificate.existing, from the last sixth of the lifetime of its certificate until another one is there",
                Family::default(),
            ),
            orphaned_generations: add.plain(
                "orphaned_ca_generations",
                "CA generations of issuers that do not exist",
                Gauge::default(),
            ),
            orphaned_bundles: add.plain(
                "orphaned_bundles",
                "Objects with the trust bundle of an issuer that does not exist",
                Gauge::default(),
            ),
        }
    }
}

/// The gauges of each issuer, to remove the series of generations that are gone.
#[derive(Debug, Default)]
pub(super) struct Cas(Mutex<HashMap<IssuerName, CaGauges>>);

impl Cas {
    pub(super) fn set(&self, name: &IssuerName, gauges: CaGauges, series: &CaSeries) {
        let before = self.0.lock().insert(name.clone(), gauges.clone());
        if before.as_ref() == Some(&gauges) {
            return;
        }
        if let Some(before) = before {
            remove(name, &before, series);
        }
        let labels = IssuerLabels::from(name);
        if let Some(at) = gauges.expiry {
            series.expiry.get_or_create(&labels).set(at);
        }
        for one in &gauges.generations {
            let labels = GenerationLabels::new(name, one.number);
            if let Some(at) = one.expiry {
                series.generation_expiry.get_or_create(&labels).set(at);
            }
            let labels = StateLabels::new(labels, one.state);
            series.generation_state.get_or_create(&labels).set(1);
        }
    }

    /// Returns until when a person must act, for each issuer that waits for one.
    pub(super) fn deadlines(&self) -> Vec<(IssuerName, i64)> {
        let gauges = self.0.lock();
        let deadline = |(name, gauges): (&IssuerName, &CaGauges)| {
            Some((name.clone(), gauges.person_deadline?))
        };
        gauges.iter().filter_map(deadline).collect()
    }

    pub(super) fn forget(&self, name: &IssuerName, series: &CaSeries) {
        if let Some(before) = self.0.lock().remove(name) {
            remove(name, &before, series);
        }
    }

    pub(super) fn clear(&self, series: &CaSeries) {
        self.0.lock().clear();
        series.expiry.clear();
        series.generation_expiry.clear();
        series.generation_state.clear();
        series.person.clear();
    }
}

fn remove(name: &IssuerName, before: &CaGauges, series: &CaSeries) {
    let labels = IssuerLabels::from(name);
    series.expiry.remove(&labels);
    series.person.remove(&labels);
    for one in &before.generations {
        let labels = GenerationLabels::new(name, one.number);
        series.generation_expiry.remove(&labels);
        let labels = StateLabels::new(labels, one.state);
        series.generation_state.remove(&labels);
    }
}
