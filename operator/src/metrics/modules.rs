//! The series about the processes of PKCS#11 modules.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use signet_keys::ModuleProcess;

use super::series::Add;

/// A module of the operator's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModuleLabels {
    module: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RestartLabels {
    module: String,
    reason: &'static str,
}

#[derive(Debug)]
pub(super) struct ModuleSeries {
    resident: Family<ModuleLabels, Gauge>,
    restarts: Family<RestartLabels, Counter>,
}

impl ModuleSeries {
    pub(super) fn registered(add: &mut Add<'_>) -> Self {
        Self {
            resident: add.bytes(
                "pkcs11_module_resident",
                "Resident memory of the process of a PKCS#11 module",
                Family::default(),
            ),
            restarts: add.plain(
                "pkcs11_module_restarts",
                "Processes of a PKCS#11 module that stopped and were replaced when the module was \
                 used again, by reason",
                Family::default(),
            ),
        }
    }

    /// Shows the processes as they are now.
    pub(super) fn set(&self, modules: &[ModuleProcess]) {
        self.resident.clear();
        for process in modules {
            let module = process.module.clone();
            if let Some(bytes) = process.resident_bytes {
                let labels = ModuleLabels {
                    module: module.clone(),
                };
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                self.resident.get_or_create(&labels).set(bytes);
            }
            for (reason, count) in &process.restarts {
                let labels = RestartLabels {
                    module: module.clone(),
                    reason,
                };
                let restarts = self.restarts.get_or_create(&labels);
                restarts.inc_by(count.saturating_sub(restarts.get()));
            }
        }
    }
}
