//! csi-driver-spiffe and Open Service Mesh.

use super::agents::{
    HOUR, TLS, all_refused, ca, certificate_request, empty_organization, issuer, named,
    plain_issuer, with_rsa, ztunnel,
};
use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{dns, uri};
use crate::fixtures::request::granted;
use crate::mesh::build::{account, names};
use crate::policy::IssuerPolicy;
use crate::policy::rule::{Agent, Namespaces};
use crate::request::RawRequest;

const WEB: &str = "spiffe://example.org/ns/shop/sa/web";
const DRIVER: &str = "cert-manager/cert-manager-csi-driver-spiffe";

fn mounted(namespace: &str, account: &str, id: &str) -> RawRequest {
    certificate_request(namespace, account, &ztunnel(id), &TLS, HOUR)
}

#[test]
fn csi_driver_spiffe_gets_the_identity_of_the_pod() {
    let issuer_of = |preset| issuer(&[preset]);
    for (preset, account) in [
        (Preset::CsiDriverSpiffe, "shop/web"),
        (Preset::CsiDriverSpiffeOwnAccount, DRIVER),
    ] {
        let grant = granted(mounted("shop", account, WEB), &issuer_of(preset));
        assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), WEB);
    }
}

#[test]
fn csi_driver_spiffe_with_the_token_of_the_pod_gets_nothing_else() {
    let issuer = issuer(&[Preset::CsiDriverSpiffe]);
    let with_dns = CsrParts::names(&[uri(WEB), dns("web.shop.svc")]);
    all_refused(
        &issuer,
        vec![
            ("the driver itself for a pod", mounted("shop", DRIVER, WEB)),
            (
                "another account",
                mounted("shop", "shop/web", "spiffe://example.org/ns/shop/sa/db"),
            ),
            ("another namespace", mounted("till", "shop/web", WEB)),
            ("a CA", ca(mounted("shop", "shop/web", WEB))),
            (
                "a DNS name",
                certificate_request("shop", "shop/web", &with_dns, &TLS, HOUR),
            ),
        ],
    );
}

#[test]
fn csi_driver_spiffe_with_its_own_account_gets_nothing_else() {
    let issuer = issuer(&[Preset::CsiDriverSpiffeOwnAccount, Preset::SpireUpstream]);
    let of = |namespace: &str, id: &str| mounted(namespace, DRIVER, id);
    let nameless = CsrParts::names(&[]).and_subject(empty_organization());
    all_refused(
        &issuer,
        vec![
            (
                "a pod of another namespace",
                of("shop", "spiffe://example.org/ns/till/sa/pay"),
            ),
            (
                "kube-system",
                of("kube-system", "spiffe://example.org/ns/kube-system/sa/dns"),
            ),
            (
                "a requester of CA certificates",
                of("spire", "spiffe://example.org/ns/spire/sa/spire-server"),
            ),
            ("a CA", ca(of("shop", WEB))),
            (
                "its approver",
                mounted(
                    "shop",
                    "cert-manager/cert-manager-csi-driver-spiffe-approver",
                    WEB,
                ),
            ),
            (
                "no name",
                certificate_request("shop", DRIVER, &nameless, &TLS, HOUR),
            ),
        ],
    );
}

const OSM: &str = "osm-system/osm";
const USAGES: [&str; 2] = ["key encipherment", "digital signature"];

fn osm(csr: &CsrParts) -> RawRequest {
    certificate_request(
        "osm-system",
        OSM,
        &with_rsa(csr.clone()),
        &USAGES,
        24 * HOUR,
    )
}

/// Of version 1.2: no SPIFFE IDs.
#[test]
fn open_service_mesh_gets_its_names_without_a_trust_domain() {
    let issuer = plain_issuer(Preset::OpenServiceMesh);
    for name in [
        "web.shop.cluster.local",
        "6f1a.sidecar.web.shop.cluster.local",
        "ads.cluster.local",
        "osm-injector.osm-system.svc",
    ] {
        let grant = granted(osm(&named(name)), &issuer);
        assert_eq!(grant.subject_alt_names.as_ref().unwrap().dns(), [name]);
    }
    all_refused(
        &issuer,
        vec![
            (
                "a service of Kubernetes",
                osm(&named("web.shop.svc.cluster.local")),
            ),
            ("the API server", osm(&named("kubernetes.default.svc"))),
            ("a public name", osm(&named("www.example.org"))),
            ("a CA", ca(osm(&named("web.shop.cluster.local")))),
            (
                "another common name",
                osm(&CsrParts::names(&[dns("web.shop.cluster.local")])
                    .and_subject(crate::fixtures::der::cn("www.example.org"))),
            ),
            ("an ID", osm(&CsrParts::names(&[uri(WEB)]))),
            (
                "its requests with another account",
                certificate_request(
                    "osm-system",
                    "osm-system/other",
                    &named("web.shop.cluster.local"),
                    &USAGES,
                    HOUR,
                ),
            ),
        ],
    );
}

/// With `spiffeEnabled`.
#[test]
fn open_service_mesh_gets_its_ids_in_a_trust_domain() {
    let issuer = issuer(&[Preset::OpenServiceMesh]);
    let with = |name: &str, id: &str| {
        osm(&CsrParts::names(&[dns(name), uri(id)]).and_subject(crate::fixtures::der::cn(name)))
    };
    for (name, id) in [
        ("web.shop.example.org", "spiffe://example.org/web/shop"),
        ("ads.example.org", "spiffe://example.org/ads"),
        (
            "6f1a.sidecar.web.shop.example.org",
            "spiffe://example.org/6f1a/sidecar/web/shop",
        ),
    ] {
        let grant = granted(with(name, id), &issuer);
        assert_eq!(grant.spiffe_id.as_ref().unwrap().to_string(), id);
    }
    let name = "web.shop.example.org";
    all_refused(
        &issuer,
        vec![
            ("the ID of a ServiceAccount", with(name, WEB)),
            ("no ID", osm(&named(name))),
            (
                "an account of kube-system",
                with(name, "spiffe://example.org/coredns/kube-system"),
            ),
            (
                "a proxy in kube-system",
                with(
                    name,
                    "spiffe://example.org/6f1a/sidecar/coredns/kube-system",
                ),
            ),
            (
                "an account of a namespace `sidecar`",
                with(name, "spiffe://example.org/ns/sidecar/sa/shop"),
            ),
            (
                "a foreign trust domain",
                with(name, "spiffe://example.com/web/shop"),
            ),
            ("a CA", ca(with(name, "spiffe://example.org/web/shop"))),
        ],
    );
}

/// `for` of the spec is in the patterns, because the IDs are in no namespace.
#[test]
fn an_open_service_mesh_elsewhere_gets_the_names_of_listed_namespaces() {
    let mesh = Replacement {
        requesters: Requesters::Delegates(Delegates {
            agents: [Agent::ServiceAccount(account("mesh", "osm"))].into(),
            act_for: Namespaces::Named(names(&["shop"])),
            request_in: names(&[]),
            own: None,
            unread: None,
        }),
        request_in: None,
    };
    let issuer = IssuerPolicy {
        rules: with(Preset::OpenServiceMesh, Some(&mesh)).unwrap(),
        ..issuer(&[])
    };
    let request = |namespace: &str| {
        let name = format!("web.{namespace}.example.org");
        let id = uri(&format!("spiffe://example.org/web/{namespace}"));
        let csr = CsrParts::names(&[dns(&name), id]).and_subject(crate::fixtures::der::cn(&name));
        certificate_request("mesh", "mesh/osm", &with_rsa(csr), &USAGES, HOUR)
    };
    granted(request("shop"), &issuer);
    all_refused(&issuer, vec![("a namespace not listed", request("till"))]);
}
