//! The issuer's own namespace without an API server: one ConfigMap, if any.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use signet_api::IssuerSpec;

use super::decide::Step;
use super::demand::{Demand, OwnDemand};
use super::object::{Content, Found, Location};
use super::observe::{Observed, Own};
use super::problem::Problem;
use super::report::Report;
use super::trust_bundle::{Allowed, Observation};
use super::{State, Trust, own};
use crate::issuer_name::IssuerName;

const NAMESPACE: &str = "signet-system";

const OFF: Allowed = Allowed {
    any: false,
    of_issuers: false,
};

/// The ConfigMap under the name of an issuer's bundle.
#[derive(Debug, Default)]
pub(crate) struct FakeNamespace {
    pub(crate) object: Option<ConfigMap>,
    /// The API server refuses every write.
    pub(crate) is_read_only: bool,
    versions: u32,
}

impl FakeNamespace {
    pub(crate) fn put_foreign(&mut self) {
        let object = json!({ "metadata": { "uid": "theirs" }, "data": { "ca.crt": "theirs" } });
        self.object = Some(serde_json::from_value(object).unwrap());
    }

    /// The bundle in the object.
    pub(crate) fn bundle(&self) -> Option<String> {
        self.object.as_ref()?.data.as_ref()?.get("ca.crt").cloned()
    }

    pub(crate) fn observe(&self, issuer: &IssuerName, spec: &IssuerSpec) -> Observed {
        let object = self.object.clone();
        Observed {
            demand: Demand::new(issuer.kind, Some(spec), false, OFF),
            trust_bundle: Observation::Unmanaged,
            own: Ok(Own {
                config_map: object.map(|object| Found::config_map(object, issuer)),
                secret: None,
            }),
        }
    }

    pub(crate) fn publish(
        &mut self,
        issuer: &IssuerName,
        observed: &Observed,
        trust: &Trust,
    ) -> Report {
        let demand = &observed.demand;
        let is_unwanted = demand.own == OwnDemand::Nothing;
        let state = State::new(issuer, "uid-1", trust, demand, is_unwanted);
        let plan = own::plan((issuer, NAMESPACE), observed, &state, trust.too_large);
        let mut own = plan.report;
        for (at, step) in plan.steps {
            let taken = self.take(&at, &step);
            own.took(at, &step, taken);
        }
        let copies = None;
        Report { own, copies }
    }

    fn take(&mut self, at: &Location, step: &Step<'_>) -> Result<(), Problem> {
        if self.is_read_only {
            return Err(Problem::conflict(at));
        }
        self.versions += 1;
        self.object = match step {
            Step::Delete(_) => None,
            Step::Create(content) | Step::Apply(content, _) => Some(self.written(at, content)),
        };
        Ok(())
    }

    fn written(&self, at: &Location, content: &Content) -> ConfigMap {
        let mut object = content.config_map(content.created(at));
        object.metadata.uid = Some("map-1".to_owned());
        object.metadata.resource_version = Some(self.versions.to_string());
        let labels = json!({ "f:app.kubernetes.io/managed-by": {} });
        let fields = json!([{
            "manager": "signet", "operation": "Apply", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:metadata": { "f:labels": labels } },
        }]);
        object.metadata.managed_fields = serde_json::from_value(fields).unwrap();
        object
    }
}
