//! Where certificates say that CRLs, OCSP responders and the CA certificate are.

use signet_readers::OpenSsl;

use super::{certificate, extension_list, value};
use crate::fixtures::ca::Ca;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{oid, seq, tlv, uri};
use crate::fixtures::key::Kind;
use crate::fixtures::request::{ca_request, granted, plain, request, with_ca};
use crate::fixtures::{NOW, readers};
use crate::issue::{Authority, CaUrl, CaUrls, CertificateToSign, Issued, SelfSigned};
use crate::policy::Grant;

const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

fn url(template: &str) -> CaUrl {
    CaUrl::parse(template, 7).unwrap()
}

fn all() -> CaUrls {
    CaUrls {
        crl_distribution_points: vec![
            url("http://pki.example/$(generation)/ca.crl"),
            url("ldap://[::1]/CN=CA$(generation)?certificateRevocationList;binary"),
        ],
        issuing_certificate_urls: vec![url("https://pki.example/$(generation).der")],
        ocsp_servers: vec![CaUrl::parse_ocsp("http://ocsp.example/$(generation)", 7).unwrap()],
    }
}

/// Issues with these URLs, and shows the certificate to every independent reader.
fn issue(ca: &Ca, grant: &Grant, urls: &CaUrls) -> Issued {
    let authority = Authority {
        urls,
        ..ca.authority()
    };
    let tbs = CertificateToSign::from_grant(grant, &authority, NOW).unwrap();
    let issued = ca.assemble(&tbs).unwrap();
    readers::accept(&issued, &ca.chain, NOW);
    issued
}

/// A leaf and a CA certificate.
fn grants() -> [Grant; 2] {
    let csr = CsrParts::default();
    [
        granted(request(&csr), &plain()),
        granted(ca_request(&csr), &with_ca(plain(), 0)),
    ]
}

/// RFC 5280 4.2.1.13 and 4.2.2.1, encoded by hand.
#[test]
fn writes_crl_distribution_points_and_authority_info_access() {
    let ca = Ca::root(Kind::P256);
    let point = |name: &str| seq(&[tlv(0xa0, &tlv(0xa0, &uri(name)))]);
    let points = seq(&[
        point("http://pki.example/7/ca.crl"),
        point("ldap://[::1]/CN=CA7?certificateRevocationList;binary"),
    ]);
    let access = seq(&[
        seq(&[oid(OCSP), uri("http://ocsp.example/7")]),
        seq(&[oid(CA_ISSUERS), uri("https://pki.example/7.der")]),
    ]);
    for grant in grants() {
        let parsed = certificate(&issue(&ca, &grant, &all()));
        // Neither is critical.
        let list = extension_list(&parsed);
        assert!(list.ends_with(&[
            CRL_DISTRIBUTION_POINTS.to_owned(),
            AUTHORITY_INFO_ACCESS.to_owned()
        ]));
        assert_eq!(
            value(&parsed, CRL_DISTRIBUTION_POINTS),
            Some(points.clone())
        );
        assert_eq!(value(&parsed, AUTHORITY_INFO_ACCESS), Some(access.clone()));
    }
}

#[test]
fn openssl_reads_the_urls() {
    let openssl = OpenSsl::new();
    let ca = Ca::root(Kind::P256);
    for grant in grants() {
        let issued = issue(&ca, &grant, &all());
        openssl.write("leaf.der", issued.der());
        let line =
            "x509 -in leaf.der -inform DER -noout -ext crlDistributionPoints,authorityInfoAccess";
        let text = String::from_utf8(openssl.run(line)).unwrap();
        for expected in [
            "URI:http://pki.example/7/ca.crl",
            "URI:ldap://[::1]/CN=CA7?certificateRevocationList;binary",
            "OCSP - URI:http://ocsp.example/7",
            "CA Issuers - URI:https://pki.example/7.der",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(text.matches("Full Name").count(), 2, "{text}");
        assert!(!text.contains("critical"), "{text}");
    }
}

/// An empty list is not valid in either extension.
#[test]
fn leaves_out_an_extension_without_urls() {
    let ca = Ca::root(Kind::P256);
    let [leaf, _] = grants();
    let crl = CaUrls {
        crl_distribution_points: all().crl_distribution_points,
        ..CaUrls::default()
    };
    let ocsp = CaUrls {
        ocsp_servers: all().ocsp_servers,
        ..CaUrls::default()
    };
    for (urls, present) in [
        (CaUrls::default(), [false, false]),
        (crl, [true, false]),
        (ocsp, [false, true]),
    ] {
        let parsed = certificate(&issue(&ca, &leaf, &urls));
        let found = [CRL_DISTRIBUTION_POINTS, AUTHORITY_INFO_ACCESS];
        assert_eq!(found.map(|id| value(&parsed, id).is_some()), present);
    }
}

/// A root is revoked by removing it from the bundle.
#[test]
fn a_root_has_no_urls() {
    let ca = Ca::root(Kind::P256);
    let root = SelfSigned {
        uid: "uid".to_owned(),
        subject: "CN=Root".parse().unwrap(),
        duration: std::time::Duration::from_secs(3_600),
        path_length: None,
        trust_domain: None,
    };
    let public_key = ca.chain.issuing().public_key();
    let tbs = root
        .to_be_signed(public_key, ca.key.algorithm(), NOW)
        .unwrap();
    let root = crate::issue::assemble_root(&tbs, &ca.sign(&tbs)).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("root.pem", root.pem().as_bytes());
    let text = openssl.run("x509 -in root.pem -noout -text");
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("X509v3 Basic Constraints"), "{text}");
    assert!(!text.contains("CRL Distribution") && !text.contains("Authority Information"));
}

#[test]
fn refuses_what_verifiers_cannot_read() {
    let scheme = "does not start with http://, https:// or ldap://";
    for (template, fault) in [
        ("", scheme),
        ("ftp://pki.example/ca.crl", scheme),
        ("ldaps://pki.example/ca.crl", scheme),
        ("HTTP://pki.example/ca.crl", scheme),
        ("pki.example/ca.crl", scheme),
        ("file:///etc/passwd", scheme),
        (
            "http://pki.example/$(namespace)",
            "has a variable other than $(generation)",
        ),
        (
            "http://pki.example/a b",
            "has a character that is not allowed in a URI; percent-encode it",
        ),
        (
            "http://pki.example/\u{e4}",
            "has a character that is not allowed in a URI; percent-encode it",
        ),
        (
            "http://pki.example/\0",
            "has a character that is not allowed in a URI; percent-encode it",
        ),
        (
            "http://pki.example:port/",
            "has a port that is not a number; correct it",
        ),
    ] {
        assert_eq!(CaUrl::parse(template, 1), Err(fault), "{template}");
    }
    let ldap = "ldap:///CN=CA?certificateRevocationList";
    assert!(CaUrl::parse(ldap, 1).is_ok());
    assert_eq!(
        CaUrl::parse_ocsp(ldap, 1),
        Err("does not start with http:// or https://")
    );
}

#[test]
fn the_variable_is_replaced_wherever_it_stands() {
    let parsed = CaUrl::parse("http://g$(generation).example/$(generation)", 4_294_967_295);
    let expected = CaUrl::parse("http://g4294967295.example/4294967295", 1);
    assert_eq!(parsed, expected);
    assert_ne!(
        CaUrl::parse("http://pki.example/$(generation)", 1),
        CaUrl::parse("http://pki.example/$(generation)", 2)
    );
}
