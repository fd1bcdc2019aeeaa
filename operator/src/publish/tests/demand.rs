use std::collections::BTreeMap;

use serde_json::json;
use signet_api::IssuerKind::{self, ClusterIssuer, Issuer, MeshCA};
use signet_api::{
    BundleKind, BundleSpec, IssuerSpec, LabelOperator, LabelRequirement, NamespaceSelector,
};

use super::super::demand::{Demand, OwnDemand};
use super::super::object::ObjectKind::{ConfigMap, Secret};
use super::super::trust_bundle::{Allowed, TrustBundleDemand};
use crate::fixtures::key;

fn demand(issuer: IssuerKind, bundle: Option<BundleSpec>, all_namespaces: bool) -> Demand {
    let spec = json!({ "key": key::software("ca"), "certificate": { "selfSigned": {} } });
    let spec = IssuerSpec {
        bundle,
        ..serde_json::from_value(spec).unwrap()
    };
    let allowed = Allowed {
        any: true,
        of_issuers: false,
    };
    Demand::new(issuer, Some(&spec), all_namespaces, allowed)
}

fn of_kind(kind: BundleKind) -> BundleSpec {
    BundleSpec {
        kind,
        ..BundleSpec::default()
    }
}

fn own(issuer: IssuerKind, spec: Option<BundleKind>, all_namespaces: bool) -> OwnDemand {
    demand(issuer, spec.map(of_kind), all_namespaces).own
}

#[test]
fn a_cluster_issuer_has_a_config_map_unless_it_asks_for_something_else() {
    for all_namespaces in [false, true] {
        for (spec, expected) in [
            (None, OwnDemand::Object(ConfigMap)),
            (Some(BundleKind::ConfigMap), OwnDemand::Object(ConfigMap)),
            (Some(BundleKind::Secret), OwnDemand::Object(Secret)),
            (Some(BundleKind::None), OwnDemand::Nothing),
        ] {
            assert_eq!(
                own(ClusterIssuer, spec, all_namespaces),
                expected,
                "{spec:?}"
            );
        }
    }
}

/// The chart does not grant write access to all namespaces by default.
#[test]
fn an_issuer_has_an_object_if_it_asks_for_one_or_the_chart_allows_it() {
    assert_eq!(own(Issuer, None, false), OwnDemand::WhatExists);
    assert_eq!(own(Issuer, None, true), OwnDemand::Object(ConfigMap));
    let asked = own(Issuer, Some(BundleKind::ConfigMap), false);
    assert_eq!(asked, OwnDemand::Object(ConfigMap));
}

/// The mesh reads its roots in objects of its own.
#[test]
fn a_mesh_ca_has_no_bundle() {
    for all_namespaces in [false, true] {
        for spec in [None, Some(BundleKind::ConfigMap)] {
            let demand = demand(MeshCA, spec.map(of_kind), all_namespaces);
            assert_eq!(demand.own, OwnDemand::Nothing);
            assert_eq!(demand.trust_bundle, TrustBundleDemand::Off);
        }
    }
}

#[test]
fn only_a_cluster_issuer_has_copies() {
    let spec = BundleSpec {
        namespace_selector: Some(NamespaceSelector::default()),
        ..BundleSpec::default()
    };
    for all_namespaces in [false, true] {
        let demand = |issuer| demand(issuer, Some(spec.clone()), all_namespaces);
        assert!(demand(ClusterIssuer).selector.unwrap().selects_all());
        assert_eq!(demand(ClusterIssuer).finds_old_copies, all_namespaces);
        assert_eq!(demand(Issuer).selector, None);
        assert!(!demand(Issuer).finds_old_copies);
    }
}

#[test]
fn selects_namespaces_as_kubernetes_does() {
    let requirement = |key: &str, operator, values: &[&str]| LabelRequirement {
        key: key.to_owned(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let selector = NamespaceSelector {
        match_labels: BTreeMap::from([("mesh".to_owned(), "istio".to_owned())]),
        match_expressions: vec![
            requirement("tier", LabelOperator::In, &["b", "a"]),
            requirement("env", LabelOperator::NotIn, &["dev"]),
            requirement("team", LabelOperator::Exists, &[]),
            requirement("frozen", LabelOperator::DoesNotExist, &[]),
        ],
    };
    let spec = BundleSpec {
        namespace_selector: Some(selector),
        ..BundleSpec::default()
    };
    let demand = demand(ClusterIssuer, Some(spec), true);
    assert_eq!(
        demand.selector.unwrap().to_string(),
        "mesh=istio,tier in (a,b),env notin (dev),team,!frozen"
    );
}
