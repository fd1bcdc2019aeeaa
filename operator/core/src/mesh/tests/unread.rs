//! Whose users learn that istiod and Open Service Mesh were refused.

use super::agents::{
    HOUR, TLS, certificate_request, issuer, named, plain_issuer, sidecar, signing_request,
};
use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{dns, uri};
use crate::fixtures::request::{denied, spiffe};
use crate::policy::IssuerPolicy;
use crate::request::RawRequest;

const ISTIOD: &str = "istio-system/istiod";

fn workload(request: RawRequest, issuer: &IssuerPolicy) -> Option<String> {
    let workload = denied(request, issuer).workload?;
    Some(format!("{}/{}", workload.namespace, workload.name))
}

fn by_istiod(csr: &CsrParts) -> RawRequest {
    signing_request(ISTIOD, csr, HOUR)
}

fn by_osm(csr: &CsrParts) -> RawRequest {
    let mut request = certificate_request("osm-system", "osm-system/osm", csr, &TLS, HOUR);
    // No leaf is allowed a CA's usages.
    request.usages.push("cert sign".to_owned());
    request
}

#[test]
fn istiod_names_the_workload_in_the_spiffe_id() {
    let issuer = issuer(&[Preset::Istio]);
    let shop = Some("shop/web".to_owned());
    let id = "spiffe://example.org/ns/shop/sa/web";
    let too_much = CsrParts::names(&[uri(id), dns("web.shop.svc")]);
    assert_eq!(workload(by_istiod(&too_much), &issuer), shop);
    let other_trust_domain = sidecar("spiffe://cluster.local/ns/shop/sa/web");
    assert_eq!(workload(by_istiod(&other_trust_domain), &issuer), shop);

    for other in [
        "spiffe://example.org/ns/shop",
        "spiffe://example.org/ns/shop/pod/web",
        "spiffe://example.org/ns/shop/sa/web/v1",
        "spiffe://example.org/legacy",
        // What no object can be named.
        "spiffe://cluster.local/ns/Shop/sa/web",
        "spiffe://cluster.local/ns/shop/sa/Web",
        "spiffe://cluster.local/ns/-shop/sa/web",
        "spiffe://cluster.local/ns/my.shop/sa/web",
        &format!("spiffe://cluster.local/ns/{}/sa/web", "a".repeat(64)),
    ] {
        assert_eq!(
            workload(by_istiod(&sidecar(other)), &issuer),
            None,
            "{other}"
        );
    }
    let two = CsrParts::names(&[uri(id), uri("spiffe://example.org/ns/till/sa/web")]);
    assert_eq!(workload(by_istiod(&two), &issuer), None);
}

/// Others read their refusals, or could write events to a namespace in this way.
#[test]
fn requests_of_others_name_no_workload() {
    let issuer = issuer(&[Preset::Istio, Preset::IstioCsr]);
    let csr = CsrParts::names(&[uri("spiffe://example.org/ns/shop/sa/web"), dns("a.example")]);
    for account in [
        "shop/web",
        "istio-system/other",
        "cert-manager/cert-manager-istio-csr",
    ] {
        let request = signing_request(account, &csr, HOUR);
        assert_eq!(workload(request, &issuer), None, "{account}");
    }
}

#[test]
fn an_agent_reaches_no_namespace_that_it_does_not_act_for() {
    let shop = super::replacement::agents(&[("istio-system", "istiod")]);
    let rules = with(Preset::Istio, Some(&shop)).unwrap();
    let cluster = IssuerPolicy { rules, ..spiffe() };
    let namespaced = IssuerPolicy {
        namespace: Some("till".to_owned()),
        rules: super::rules(Preset::Istio),
        ..spiffe()
    };
    let with_dns = |namespace: &str| {
        let id = format!("spiffe://example.org/ns/{namespace}/sa/web");
        by_istiod(&CsrParts::names(&[uri(&id), dns("a.example")]))
    };
    assert_eq!(
        workload(with_dns("shop"), &cluster),
        Some("shop/web".to_owned())
    );
    assert_eq!(workload(with_dns("till"), &cluster), None);
    assert_eq!(workload(with_dns("shop"), &namespaced), None);
}

/// Each request could write an event there.
#[test]
fn protected_namespaces_are_told_nothing() {
    let issuer = issuer(&[Preset::Istio, Preset::OpenServiceMesh]);
    for namespace in ["kube-system", "signet-system", "cert-manager"] {
        let id = format!("spiffe://example.org/ns/{namespace}/sa/web");
        assert_eq!(workload(by_istiod(&sidecar(&id)), &issuer), None);
        let dns = named(&format!("web.{namespace}.example.org"));
        assert_eq!(workload(by_osm(&dns), &issuer), None);
    }
}

#[test]
fn open_service_mesh_names_the_workload_in_the_dns_name() {
    let (own, plain) = (
        issuer(&[Preset::OpenServiceMesh]),
        plain_issuer(Preset::OpenServiceMesh),
    );
    let uuid = "6c5b4a3e-0000-4000-8000-000000000001";
    for (issuer, trust_domain) in [(&own, "example.org"), (&plain, "cluster.local")] {
        let of =
            |labels: &str| workload(by_osm(&named(&format!("{labels}.{trust_domain}"))), issuer);
        assert_eq!(of("web.shop"), Some("shop/web".to_owned()));
        assert_eq!(
            of(&format!("{uuid}.sidecar.web.shop")),
            Some("shop/web".to_owned())
        );
        assert_eq!(of("my.web.shop"), Some("shop/my.web".to_owned()));
        assert_eq!(of("ads"), None);
        assert_eq!(of("web.Shop"), None);
    }
    let webhook = by_osm(&named("osm-injector.osm-system.svc"));
    assert_eq!(workload(webhook, &own), None);
}
