//! Linkerd's identity issuer and SPIRE: CA certificates.

use super::agents::{
    HOUR, TLS, all_refused, ca, certificate, certificate_request, issuer, named, plain_issuer,
    with_rsa, ztunnel,
};
use super::*;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{cn, dns, subject, uri};
use crate::fixtures::key::{self, Key};
use crate::fixtures::request::granted;
use crate::policy::Kind;
use crate::request::RawRequest;

/// As Linkerd's documentation writes it.
fn identity_issuer(namespace: &str) -> RawRequest {
    let name = "identity.linkerd.cluster.local";
    let csr = CsrParts::names(&[dns(name)]).and_subject(cn(name));
    let mut request = ca(certificate(namespace, "linkerd-identity-issuer", &csr));
    request.usages = ["cert sign", "crl sign", "server auth", "client auth"]
        .map(str::to_owned)
        .to_vec();
    request
}

#[test]
fn the_identity_issuer_of_linkerd_is_a_ca_without_cas_below() {
    for issuer in [
        issuer(&[Preset::LinkerdIdentity]),
        plain_issuer(Preset::LinkerdIdentity),
    ] {
        let grant = granted(identity_issuer("linkerd"), &issuer);
        assert_eq!(grant.kind, Kind::Ca { path_length: 0 });
    }
}

#[test]
fn linkerd_gets_nothing_else() {
    for issuer in [
        issuer(&[Preset::LinkerdIdentity]),
        plain_issuer(Preset::LinkerdIdentity),
    ] {
        let leaf = |request| RawRequest {
            ca: false,
            usages: Vec::new(),
            ..request
        };
        let with_rsa = certificate(
            "linkerd",
            "linkerd-identity-issuer",
            &with_rsa(named("identity")),
        );
        let over_p384 = certificate(
            "linkerd",
            "linkerd-identity-issuer",
            &CsrParts {
                key: Key::new(key::Kind::P384, 1),
                ..named("identity")
            },
        );
        let id = uri("spiffe://example.org/ns/linkerd/sa/linkerd-identity");
        let id = CsrParts::names(&[id]);
        all_refused(
            &issuer,
            vec![
                ("a leaf", leaf(identity_issuer("linkerd"))),
                ("another namespace", identity_issuer("linkerd-viz")),
                ("an RSA key, which linkerd check refuses", ca(with_rsa)),
                ("a P-384 key, which linkerd check refuses", ca(over_p384)),
                ("a leaf with an ID", certificate("linkerd", "web", &id)),
                (
                    "its ServiceAccount",
                    ca(certificate_request(
                        "linkerd",
                        "linkerd/linkerd-identity",
                        &id,
                        &[],
                        HOUR,
                    )),
                ),
            ],
        );
    }
}

/// SPIRE's subject and URI (pkg/server/credtemplate/builder.go); the URI is the trust domain's own.
fn upstream(namespace: &str, account: &str, id: &str) -> RawRequest {
    let subject = subject(&[
        ("2.5.4.6", "US"),
        ("2.5.4.10", "SPIFFE"),
        ("2.5.4.5", "182731"),
    ]);
    let csr = CsrParts::names(&[uri(id)]).and_subject(subject);
    RawRequest {
        ca: true,
        ..certificate_request(
            namespace,
            account,
            &csr,
            &["cert sign", "crl sign"],
            24 * HOUR,
        )
    }
}

const SPIRE: &str = "spire/spire-server";
const TRUST_DOMAIN: &str = "spiffe://example.org";

/// The plugin requests in the namespace of its configuration.
#[test]
fn spire_servers_get_a_ca_from_any_namespace() {
    for (preset, path_length) in [(Preset::SpireUpstream, 0), (Preset::SpireNested, 1)] {
        for namespace in ["spire", "cert-manager"] {
            for issuer in [issuer(&[preset]), plain_issuer(preset)] {
                let grant = granted(upstream(namespace, SPIRE, TRUST_DOMAIN), &issuer);
                assert_eq!(grant.kind, Kind::Ca { path_length });
            }
        }
    }
}

#[test]
fn a_spire_server_gets_nothing_else() {
    let issuer = issuer(&[Preset::SpireUpstream]);
    let leaf = |id: &str| certificate_request("spire", SPIRE, &ztunnel(id), &TLS, HOUR);
    all_refused(
        &issuer,
        vec![
            (
                "another trust domain",
                upstream("spire", SPIRE, "spiffe://example.com"),
            ),
            (
                "a path",
                upstream(
                    "spire",
                    SPIRE,
                    "spiffe://example.org/ns/spire/sa/spire-server",
                ),
            ),
            (
                "an agent of SPIRE",
                upstream("spire", "spire/spire-agent", TRUST_DOMAIN),
            ),
            (
                "another namespace",
                upstream("shop", "shop/spire-server", TRUST_DOMAIN),
            ),
            (
                "a leaf",
                leaf("spiffe://example.org/ns/spire/sa/spire-server"),
            ),
            (
                "a leaf of another",
                leaf("spiffe://example.org/ns/shop/sa/web"),
            ),
        ],
    );
}

/// A path length above that of the preset.
#[test]
fn a_spire_server_without_nesting_gets_no_longer_path() {
    let basic_constraints = crate::fixtures::der::hex("30060101ff020101");
    let csr = CsrParts::names(&[uri(TRUST_DOMAIN)])
        .and_subject(cn("spire"))
        .and(crate::fixtures::der::BASIC_CONSTRAINTS, &basic_constraints);
    let request = || ca(certificate_request("spire", SPIRE, &csr, &[], HOUR));
    all_refused(
        &issuer(&[Preset::SpireUpstream]),
        vec![("path length 1", request())],
    );
    granted(request(), &issuer(&[Preset::SpireNested]));
}
