//! istio-csr.

use super::agents::{
    HOUR, all_refused, ca, certificate, certificate_request, issuer, serving, sidecar, with_rsa,
    ztunnel,
};
use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{cn, dns, uri};
use crate::fixtures::request::granted;
use crate::request::RawRequest;

const ISTIO_CSR: &str = "cert-manager/cert-manager-istio-csr";
const WEB: &str = "spiffe://example.org/ns/shop/sa/web";
const ISTIOD: &str = "spiffe://example.org/ns/istio-system/sa/istiod-service-account";

fn workload(csr: &CsrParts) -> RawRequest {
    certificate_request(
        "istio-system",
        ISTIO_CSR,
        csr,
        &["client auth", "server auth"],
        HOUR,
    )
}

fn own(csr: &CsrParts) -> RawRequest {
    certificate_request("istio-system", ISTIO_CSR, csr, &["server auth"], HOUR)
}

#[test]
fn workloads_get_certificates_through_istio_csr() {
    let issuer = issuer(&[Preset::IstioCsr]);
    for csr in [sidecar(WEB), with_rsa(sidecar(WEB)), ztunnel(WEB)] {
        let grant = granted(workload(&csr), &issuer);
        assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), WEB);
        assert_eq!(grant.duration.as_secs(), HOUR);
    }
}

/// It requests `server auth` only, and is not ready before it has it.
#[test]
fn the_serving_certificate_of_istio_csr_is_its_own() {
    let csr = with_rsa(serving(&["cert-manager-istio-csr.cert-manager.svc"]));
    let grant = granted(own(&csr), &issuer(&[Preset::IstioCsr]));
    let id = grant.spiffe_id.as_ref().unwrap().to_string();
    let account = "spiffe://example.org/ns/cert-manager/sa/cert-manager-istio-csr";
    assert_eq!(id, account);
}

fn istiod(names: &[Vec<u8>]) -> RawRequest {
    let names = CsrParts::names(names);
    let csr = with_rsa(names.and_subject(cn("istiod.istio-system.svc")));
    certificate("istio-system", "istiod", &csr)
}

/// DNS name, common name and SPIFFE ID together, without extended usages.
#[test]
fn the_chart_s_certificate_of_istiod_is_granted() {
    let request = istiod(&[dns("istiod.istio-system.svc"), uri(ISTIOD)]);
    let grant = granted(request, &issuer(&[Preset::IstioCsr]));
    assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), ISTIOD);
    assert_eq!(grant.rule, "mesh-istiod");
}

#[test]
fn istio_csr_gets_nothing_else() {
    let issuer = issuer(&[Preset::IstioCsr, Preset::Istio, Preset::LinkerdIdentity]);
    let of = |id: &str| workload(&sidecar(id));
    let elsewhere = |namespace: &str| RawRequest {
        namespace: Some(namespace.to_owned()),
        ..of(WEB)
    };
    all_refused(
        &issuer,
        vec![
            ("a CA", ca(of(WEB))),
            (
                "a foreign trust domain",
                of("spiffe://example.com/ns/shop/sa/web"),
            ),
            (
                "another delegate",
                of("spiffe://example.org/ns/istio-system/sa/istiod"),
            ),
            (
                "kube-system",
                of("spiffe://example.org/ns/kube-system/sa/coredns"),
            ),
            (
                "a request in another namespace than the ID's",
                elsewhere("till"),
            ),
            ("a request in its own namespace", elsewhere("cert-manager")),
            (
                "a DNS name of istiod",
                own(&serving(&["istiod.istio-system.svc"])),
            ),
            ("a DNS name of a workload", own(&serving(&["web.shop.svc"]))),
            (
                "an email address",
                workload(&CsrParts::names(&[
                    uri(WEB),
                    crate::x509::strict::tlv(0x81, b"web@example.org"),
                ])),
            ),
        ],
    );
}

#[test]
fn certificates_in_the_namespace_of_istio_get_nothing_else() {
    let issuer = issuer(&[Preset::IstioCsr]);
    let name = dns("istiod.istio-system.svc");
    let in_shop = RawRequest {
        namespace: Some("shop".to_owned()),
        ..istiod(&[name.clone(), uri(ISTIOD)])
    };
    all_refused(
        &issuer,
        vec![
            (
                "another ID of the namespace",
                istiod(&[
                    name.clone(),
                    uri("spiffe://example.org/ns/istio-system/sa/istiod"),
                ]),
            ),
            ("another namespace's ID", istiod(&[name.clone(), uri(WEB)])),
            ("no ID", istiod(std::slice::from_ref(&name))),
            (
                "another service",
                istiod(&[dns("ingress.istio-system.svc"), uri(ISTIOD)]),
            ),
            (
                "a wildcard",
                istiod(&[dns("*.istio-system.svc"), uri(ISTIOD)]),
            ),
            ("a CA", ca(istiod(&[name.clone(), uri(ISTIOD)]))),
            ("a Certificate elsewhere", in_shop),
        ],
    );
}
