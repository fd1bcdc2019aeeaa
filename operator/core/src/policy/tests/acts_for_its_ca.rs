//! No certificate can act for the CA that issued it. OpenSSL shows that the attacks work with
//! certificates that are made by hand, and that they do not with those that Signet issues.

use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::{Parts, key_identifier};
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{
    EXT_KEY_USAGE, KEY_USAGE, SUBJECT_KEY_IDENTIFIER, cn, critical, extension, hex, purposes, tlv,
};
use crate::fixtures::key::Key;
use crate::fixtures::request::{
    ca_request, denied, granted, plain, request, request_for_certificate, spiffe, with_ca,
    with_usages,
};
use crate::fixtures::revocation::{Impostor, Scene};
use crate::issue::Issued;
use crate::policy::IssuerPolicy;
use crate::reason::Reason;

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const ROOT: &str = "Example Root";

fn ca_parts() -> Parts {
    Parts::root(ROOT, &Key::p256(1))
}

/// A leaf by hand with these usages, as an issuer without the rules would sign it.
fn leaf(name: &str, key: &Key, key_usage: &str, extended: &[&str]) -> Parts {
    let mut parts = Parts::intermediate(name, key, &ca_parts())
        .with("2.5.29.19", Some(critical("2.5.29.19", &hex("3000"))))
        .with(KEY_USAGE, Some(critical(KEY_USAGE, &hex(key_usage))))
        .with(
            SUBJECT_KEY_IDENTIFIER,
            Some(extension(
                SUBJECT_KEY_IDENTIFIER,
                &tlv(0x04, &key_identifier(key)),
            )),
        );
    if !extended.is_empty() {
        parts = parts.and(extension(EXT_KEY_USAGE, &purposes(extended)));
    }
    parts
}

fn victim() -> String {
    leaf("victim", &Key::p256(7), "03020780", &[]).pem()
}

fn issued(usages: &[&str], rules: &IssuerPolicy) -> Issued {
    let ca = Ca::of(&[ca_parts()]);
    ca.issue(&granted(
        with_usages(request_for_certificate(&CsrParts::default()), usages),
        rules,
    ))
}

fn all_rules() -> [IssuerPolicy; 4] {
    [plain(), spiffe(), with_ca(plain(), 1), with_ca(spiffe(), 1)]
}

/// RFC 6960 4.2.2.2: a certificate with id-kp-OCSPSigning is its issuer's responder.
#[test]
fn a_leaf_or_ca_that_answers_ocsp_for_its_ca_is_denied() {
    let (root, victim, key) = (ca_parts().pem(), victim(), Key::p256(8));
    let name = cn(ROOT);
    let scene = Scene {
        root: &root,
        name: &name,
        victim: &victim,
    };
    let accepts = |certificate: &str, key: &Key| {
        scene.accepts_ocsp_response(&Impostor {
            certificate,
            key,
            key_identifier: &key_identifier(key),
        })
    };
    let by_hand = leaf("web", &key, "03020780", &[OCSP_SIGNING]).pem();
    assert!(accepts(&by_hand, &key), "the attack");

    for rules in all_rules() {
        for spec in [
            &["ocsp signing"][..],
            &["server auth", "client auth", "ocsp signing"],
            &["any", "ocsp signing"],
        ] {
            let csr = CsrParts::default();
            let mut requests = vec![with_usages(request_for_certificate(&csr), spec)];
            if rules.ca.is_some() {
                requests.push(with_usages(ca_request(&csr), spec));
            }
            for request in requests {
                let denial = denied(request, &rules);
                assert_eq!(denial.reason, Reason::InvalidUsages);
                let message = denial.message;
                assert!(
                    message.contains("\"ocsp signing\" is not allowed"),
                    "{message}"
                );
            }
        }
    }
    for (spec, rules) in [(&["any"][..], plain()), (&[], plain()), (&[], spiffe())] {
        let issued = issued(spec, &rules);
        assert!(
            !accepts(issued.chain_pem(), &CsrParts::default().key),
            "{spec:?}"
        );
    }
}

/// RFC 5280 6.3.3: a certificate with the name of the CA and cRLSign can sign its CRLs.
#[test]
fn a_leaf_that_signs_crls_for_its_ca_is_denied() {
    let (root, victim, key) = (ca_parts().pem(), victim(), Key::p256(8));
    let name = cn(ROOT);
    let scene = Scene {
        root: &root,
        name: &name,
        victim: &victim,
    };
    let accepts = |certificate: &str, key: &Key, key_identifier: &[u8]| {
        scene.accepts_crl(&Impostor {
            certificate,
            key,
            key_identifier,
        })
    };
    // digitalSignature and cRLSign, under the name of the root in another spelling.
    let by_hand = leaf("EXAMPLE  root", &key, "03020182", &[]);
    assert!(
        accepts(&by_hand.pem(), &key, &key_identifier(&key)),
        "the attack"
    );

    for rules in all_rules() {
        for spec in [&["crl sign"][..], &["digital signature", "crl sign"]] {
            let denial = denied(with_usages(request(&CsrParts::default()), spec), &rules);
            assert_eq!(denial.reason, Reason::InvalidUsages);
            assert!(
                denial.message.contains("\"crl sign\""),
                "{}",
                denial.message
            );
        }
    }
    // Neither the usage nor the name is enough.
    let (csr, own) = (CsrParts::default(), Key::p256(100));
    let issued = issued(&[], &plain());
    let identifier = csr.key.public().key_identifier();
    assert!(!accepts(issued.chain_pem(), &own, &identifier));
}
