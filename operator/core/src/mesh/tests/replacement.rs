//! Rules that replace the requesters of a preset.

use std::collections::BTreeSet;

use super::super::build::{account, names, own_names};
use super::*;
use crate::policy::rule::{Agent, Namespaces};

pub(super) fn agents(accounts: &[(&str, &str)]) -> Replacement {
    let accounts = accounts.iter();
    let agents = accounts.map(|(namespace, name)| Agent::ServiceAccount(account(namespace, name)));
    Replacement {
        requesters: Requesters::Delegates(Delegates {
            agents: agents.collect(),
            act_for: Namespaces::Named(names(&["shop"])),
            // What a spec without requestNamespaces is read as; the preset knows better.
            request_in: names(&["anywhere"]),
            own: None,
            unread: None,
        }),
        request_in: None,
    }
}

/// The names and the ID of the agent itself, as text.
fn own(rule: &Rule) -> (Vec<String>, String) {
    let own = delegates(rule).unwrap().own.as_ref().unwrap();
    let names = own.dns_names.iter().map(ToString::to_string);
    (names.collect(), own.spiffe_id.to_string())
}

/// The DNS names of `getDNSNames` in Istio's pilot/pkg/bootstrap/server.go.
#[test]
fn the_account_of_istiod_carries_its_revision() {
    let canary = agents(&[("mesh", "istiod-canary")]);
    let [rule] = &with(Preset::Istio, Some(&canary)).unwrap()[..] else {
        panic!("one agent, one rule");
    };
    let services = [
        "istiod.mesh.svc",
        "istiod-remote.mesh.svc",
        "istio-pilot.mesh.svc",
        "istiod-canary.mesh.svc",
    ];
    let expected = services.map(str::to_owned).to_vec();
    assert_eq!(
        own(rule),
        (expected, "/ns/mesh/sa/istiod-canary".to_owned())
    );
    let delegates = delegates(rule).unwrap();
    assert_eq!(delegates.act_for, Namespaces::Named(names(&["shop"])));
    assert_eq!(delegates.request_in, BTreeSet::new());
}

#[test]
fn revisions_side_by_side_each_have_only_their_own_names() {
    let both = agents(&[
        ("istio-system", "istiod"),
        ("istio-system", "istiod-canary"),
    ]);
    let rules = with(Preset::Istio, Some(&both)).unwrap();
    let found: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(found, ["mesh", "mesh-2"]);
    let canary_service = "istiod-canary.istio-system.svc".to_owned();
    let (stable, id) = own(&rules[0]);
    assert_eq!(id, "/ns/istio-system/sa/istiod");
    assert!(!stable.contains(&canary_service));
    let (canary, id) = own(&rules[1]);
    assert_eq!(id, "/ns/istio-system/sa/istiod-canary");
    assert!(canary.contains(&canary_service));
    assert_eq!(delegates(&rules[1]).unwrap().agents.len(), 1);
}

#[test]
fn own_names_in_the_spec_are_kept() {
    let mut replacement = agents(&[("istio-system", "istiod")]);
    let Requesters::Delegates(delegates) = &mut replacement.requesters else {
        unreachable!();
    };
    let names = ["istiod.example.org".to_owned()];
    delegates.own = Some(own_names(&account("istio-system", "istiod"), &names).unwrap());
    let rules = with(Preset::Istio, Some(&replacement)).unwrap();
    assert_eq!(own(&rules[0]).0, names);
}

/// Its account and its requests are in different namespaces.
#[test]
fn istio_csr_requests_in_the_namespace_of_istio() {
    let moved = agents(&[("platform", "istio-csr")]);
    let rules = with(Preset::IstioCsr, Some(&moved)).unwrap();
    let istio = names(&["istio-system"]);
    assert_eq!(delegates(&rules[0]).unwrap().request_in, istio);
    assert_eq!(own(&rules[0]).0, ["istio-csr.platform.svc"]);
    let certificates = Requesters::Certificates(Namespaces::Named(istio));
    assert_eq!(rules[1].requesters, certificates);
    assert_eq!(rules[1].name, "mesh-istiod");

    let elsewhere = Replacement {
        request_in: Some(names(&["mesh"])),
        ..moved
    };
    let rules = with(Preset::IstioCsr, Some(&elsewhere)).unwrap();
    let mesh = Requesters::Certificates(Namespaces::Named(names(&["mesh"])));
    assert_eq!(rules[1].requesters, mesh);
}

#[test]
fn the_driver_requests_in_the_namespaces_of_pods() {
    let driver = agents(&[("storage", "spiffe-driver")]);
    let rules = with(Preset::CsiDriverSpiffeOwnAccount, Some(&driver)).unwrap();
    assert_eq!(delegates(&rules[0]).unwrap().request_in, BTreeSet::new());
}

#[test]
fn the_servers_of_open_service_mesh_are_in_the_namespace_of_its_account() {
    let osm = agents(&[("osm", "osm")]);
    let rules = with(Preset::OpenServiceMesh, Some(&osm)).unwrap();
    let found = &rules[0].allow.names.dns_names;
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.contains(&"osm-injector.osm.svc".to_owned()),
        "{found:?}"
    );
    assert!(!found.contains(&"osm-injector.osm-system.svc".to_owned()));
    // None stands for the namespace of the account.
    assert_eq!(delegates(&rules[0]).unwrap().request_in, BTreeSet::new());
}

#[test]
fn requesters_of_another_kind_are_refused() {
    let certificates = Replacement {
        requesters: Requesters::Certificates(Namespaces::All),
        request_in: None,
    };
    let of_agents = agents(&[("mesh", "agent")]);
    for preset in Preset::ALL {
        let (other, found) = match preset {
            Preset::LinkerdIdentity => (&of_agents, "delegates"),
            _ => (&certificates, "certificates"),
        };
        let error = with(preset, Some(other)).unwrap_err();
        let PresetError::OtherKind { found: named, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*named, found, "{preset}");
    }
}
