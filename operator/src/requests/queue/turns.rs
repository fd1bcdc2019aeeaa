//! The order in which requests to issuers without a key are reconciled: fair between tenants, however
//! many issuers one of them names, and then between the issuers of a tenant.

use std::collections::HashSet;
use std::sync::Arc;

use signet_keys::FairQueue;

use crate::issuer_name::IssuerName;

/// A turn of a tenant's requests to one issuer.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::requests) struct Turn {
    pub(in crate::requests) issuer: IssuerName,
    pub(super) tenant: Arc<str>,
}

/// At most one turn of each tenant and issuer.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: FairQueue<Arc<Turn>>,
    queued: HashSet<Arc<Turn>>,
    /// The last number of a turn.
    last: u64,
}

impl Turns {
    /// Adds a turn, unless it is there.
    pub(super) fn add(&mut self, issuer: &IssuerName, tenant: &Arc<str>) {
        let turn = Arc::new(Turn {
            issuer: issuer.clone(),
            tenant: tenant.clone(),
        });
        if self.queued.insert(turn.clone()) {
            self.last += 1;
            self.order.push(tenant, self.last, turn);
        }
    }

    pub(super) fn next(&mut self) -> Option<Arc<Turn>> {
        let (_, turn) = self.order.pop()?;
        self.queued.remove(&turn);
        Some(turn)
    }
}
