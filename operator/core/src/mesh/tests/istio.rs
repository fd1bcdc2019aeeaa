//! istiod as registration authority.

use std::sync::Arc;

use super::agents::{
    HOUR, all_refused, ca, certificate, empty_organization, issuer, serving, sidecar,
    signing_request, with_rsa, ztunnel,
};
use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{cn, dns, uri};
use crate::fixtures::request::granted;

const ISTIOD: &str = "istio-system/istiod";
const WEB: &str = "spiffe://example.org/ns/shop/sa/web";

/// 24 h, as the agent's SECRET_TTL.
fn workload(csr: &CsrParts) -> crate::request::RawRequest {
    signing_request(ISTIOD, csr, 24 * HOUR)
}

#[test]
fn workloads_get_certificates_through_istiod() {
    let issuer = issuer(&[Preset::Istio]);
    for csr in [sidecar(WEB), with_rsa(sidecar(WEB)), ztunnel(WEB)] {
        let grant = granted(workload(&csr), &issuer);
        assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), WEB);
        assert_eq!(grant.subject_der, csr.subject);
        assert_eq!(grant.duration, DAY);
        assert_eq!(grant.rule, "mesh");
    }
}

/// It requests ten years. Istio renews it by what it got.
#[test]
fn the_serving_certificate_of_istiod_is_its_own_and_clamped() {
    let csr = with_rsa(serving(&[
        "istio-pilot.istio-system.svc",
        "istiod-remote.istio-system.svc",
        "istiod.istio-system.svc",
    ]));
    let request = signing_request(ISTIOD, &csr, 315_360_000);
    let grant = granted(request, &issuer(&[Preset::Istio]));
    let id = grant.spiffe_id.as_ref().unwrap().to_string();
    assert_eq!(id, "spiffe://example.org/ns/istio-system/sa/istiod");
    assert_eq!(grant.duration, DAY);
}

#[test]
fn istiod_gets_nothing_else() {
    let issuer = issuer(&[Preset::Istio, Preset::SpireUpstream, Preset::IstioCsr]);
    let of = |id: &str| workload(&sidecar(id));
    all_refused(
        &issuer,
        vec![
            ("a CA", ca(of(WEB))),
            (
                "a foreign trust domain",
                of("spiffe://example.com/ns/shop/sa/web"),
            ),
            (
                "an ID that is not a ServiceAccount's",
                of("spiffe://example.org/ns/shop/web"),
            ),
            (
                "a Certificate's ID",
                of("spiffe://example.org/ns/shop/certificate/web"),
            ),
            ("the trust domain itself", of("spiffe://example.org")),
            (
                "kube-system",
                of("spiffe://example.org/ns/kube-system/sa/coredns"),
            ),
            (
                "Signet's namespace",
                of("spiffe://example.org/ns/signet-system/sa/signet"),
            ),
            (
                "cert-manager's namespace",
                of("spiffe://example.org/ns/cert-manager/sa/cert-manager"),
            ),
            (
                "another delegate",
                of("spiffe://example.org/ns/cert-manager/sa/cert-manager-istio-csr"),
            ),
            (
                "a requester of CA certificates",
                of("spiffe://example.org/ns/spire/sa/spire-server"),
            ),
        ],
    );
}

#[test]
fn istiod_gets_no_other_names() {
    let issuer = issuer(&[Preset::Istio]);
    let of = |id: &str| workload(&sidecar(id));
    let with =
        |names: &[Vec<u8>]| workload(&CsrParts::names(names).and_subject(empty_organization()));
    let own = dns("istiod.istio-system.svc");
    all_refused(
        &issuer,
        vec![
            (
                "two IDs",
                with(&[uri(WEB), uri("spiffe://example.org/ns/shop/sa/db")]),
            ),
            (
                "a DNS name of a workload",
                with(&[uri(WEB), dns("web.shop.svc")]),
            ),
            (
                "a DNS name of istiod for a workload",
                with(&[uri(WEB), own.clone()]),
            ),
            (
                "a DNS name that is not its own",
                with(&[own.clone(), dns("web.shop.svc")]),
            ),
            ("a wildcard", with(&[dns("*.istio-system.svc")])),
            (
                "a service of another revision",
                with(&[dns("istiod-canary.istio-system.svc")]),
            ),
            (
                "no name",
                workload(&CsrParts::names(&[]).and_subject(empty_organization())),
            ),
            (
                "a common name",
                workload(&sidecar(WEB).and_subject(cn("admin"))),
            ),
            (
                "an organization",
                workload(&sidecar(WEB).and_subject(crate::fixtures::der::subject(&[(
                    "2.5.4.10",
                    "system:masters",
                )]))),
            ),
            (
                "a usage",
                crate::fixtures::request::with_usages(of(WEB), &["data encipherment"]),
            ),
        ],
    );
}

/// Users other than istiod get nothing from its preset.
#[test]
fn others_get_nothing_from_the_preset_of_istiod() {
    let issuer = issuer(&[Preset::Istio]);
    let mut certificate_of_istiod = workload(&sidecar(WEB));
    Arc::make_mut(&mut certificate_of_istiod.requester).extra = [(
        "authentication.kubernetes.io/credential-id".to_owned(),
        vec!["X509SHA256=00ff".to_owned()],
    )]
    .into();
    let csr = sidecar(WEB);
    all_refused(
        &issuer,
        vec![
            ("itself", signing_request("shop/web", &csr, HOUR)),
            (
                "of another namespace",
                signing_request("shop/istiod", &csr, HOUR),
            ),
            (
                "a revision",
                signing_request("istio-system/istiod-canary", &csr, HOUR),
            ),
            ("a Certificate", certificate("istio-system", "istiod", &csr)),
            ("a client certificate", certificate_of_istiod),
        ],
    );
}
