//! How many requests of each issuer are in queues, for the metric.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::issuer_name::IssuerName;

#[derive(Debug, Default)]
pub struct QueueLengths(Mutex<HashMap<IssuerName, usize>>);

impl QueueLengths {
    pub fn add(&self, issuer: &IssuerName) {
        *self.0.lock().entry(issuer.clone()).or_default() += 1;
    }

    pub fn remove(&self, issuer: &IssuerName) {
        let mut lengths = self.0.lock();
        if let Some(length) = lengths.get_mut(issuer) {
            *length -= 1;
            if *length == 0 {
                lengths.remove(issuer);
            }
        }
    }

    pub fn of(&self, issuer: &IssuerName) -> usize {
        self.0.lock().get(issuer).copied().unwrap_or_default()
    }
}
