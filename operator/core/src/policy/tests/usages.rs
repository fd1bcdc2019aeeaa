//! Usages: exactly those of the spec, and what a CSR may say beside it.

use x509_cert::ext::pkix::KeyUsages as Bit;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{CLIENT_AUTH, EXT_KEY_USAGE, KEY_USAGE, SERVER_AUTH, hex, purposes};
use crate::fixtures::request::{
    asked, asked_ca, asked_for_certificate, denied, granted, plain, spiffe, with_ca, with_usages,
};
use crate::policy::Rules;
use crate::reason::Reason;
use crate::request::{Api, Asked};

const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";

fn asked_with(usages: &[&str]) -> Asked {
    with_usages(asked(&CsrParts::default()), usages)
}

/// A CSR with this keyUsage (in hex) and these extended usages.
fn csr(key_usage: Option<&str>, extended: &[&str]) -> CsrParts {
    let mut csr = CsrParts::default();
    if let Some(bits) = key_usage {
        csr = csr.and(KEY_USAGE, &hex(bits));
    }
    if !extended.is_empty() {
        csr = csr.and(EXT_KEY_USAGE, &purposes(extended));
    }
    csr
}

#[track_caller]
fn assert_granted(asked: Asked, rules: &Rules) {
    granted(asked, rules);
}

#[track_caller]
fn assert_denied(asked: Asked, rules: &Rules, sentence: &str) {
    let denial = denied(asked, rules);
    assert_eq!(denial.reason, Reason::InvalidUsages, "{}", denial.message);
    assert!(denial.message.contains(sentence), "{}", denial.message);
}

#[test]
fn x5_14_a_leaf_gets_what_was_asked_and_always_digital_signature() {
    let table: [(&[&str], _, &[&str]); 6] = [
        (&[], Bit::DigitalSignature | Bit::KeyEncipherment, &[]),
        (
            &["key encipherment"],
            Bit::DigitalSignature | Bit::KeyEncipherment,
            &[],
        ),
        (&["signing"], Bit::DigitalSignature.into(), &[]),
        // istio-csr names extended usages alone.
        (
            &["client auth", "server auth"],
            Bit::DigitalSignature.into(),
            &[CLIENT_AUTH, SERVER_AUTH],
        ),
        (&["crl sign"], Bit::DigitalSignature | Bit::CRLSign, &[]),
        (
            &["any", "s/mime"],
            Bit::DigitalSignature.into(),
            &["2.5.29.37.0", EMAIL_PROTECTION],
        ),
    ];
    for (names, key, extended) in table {
        let grant = granted(asked_with(names), &plain());
        assert_eq!(grant.usages().key, key, "{names:?}");
        let named: Vec<_> = grant
            .usages()
            .extended
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(named, extended, "{names:?}");
    }
}

#[test]
fn a3_23_the_usages_of_a_csr_equal_those_of_the_spec_as_a_pair() {
    // 03 02 05 a0 is digitalSignature and keyEncipherment.
    let both = [SERVER_AUTH, CLIENT_AUTH];
    let spec = [
        "digital signature",
        "key encipherment",
        "server auth",
        "client auth",
    ];
    let fits = |csr: &CsrParts| with_usages(asked(csr), &spec);
    assert_granted(fits(&csr(None, &[])), &plain());
    assert_granted(fits(&csr(Some("030205a0"), &both)), &plain());

    let reversed = [CLIENT_AUTH, SERVER_AUTH];
    let others = [
        (
            "extended usages in another order",
            csr(Some("030205a0"), &reversed),
        ),
        ("only the key usage", csr(Some("030205a0"), &[])),
        ("only the extended usages", csr(None, &both)),
        ("a bit too few", csr(Some("03020780"), &both)),
        ("a bit too many", csr(Some("030204f0"), &both)),
        (
            "an extended usage too few",
            csr(Some("030205a0"), &[SERVER_AUTH]),
        ),
        (
            "an extended usage too many",
            csr(
                Some("030205a0"),
                &[SERVER_AUTH, CLIENT_AUTH, EMAIL_PROTECTION],
            ),
        ),
    ];
    for (what, csr) in others {
        let denial = denied(fits(&csr), &plain());
        assert_eq!(denial.reason, Reason::InvalidUsages, "{what}");
        assert!(denial.message.contains("differ from spec.usages"), "{what}");
    }
    // Without extended usages in the spec, the key usage alone is the pair.
    assert_granted(
        with_usages(asked(&csr(Some("030205a0"), &[])), &spec[..2]),
        &plain(),
    );
    // And nothing in the spec is the default (CM-8).
    assert_granted(asked(&csr(Some("030205a0"), &[])), &plain());
    assert_denied(asked(&csr(Some("03020780"), &[])), &plain(), "differ");
}

#[test]
fn a3_23_digital_signature_is_added_after_the_comparison() {
    let spec = ["key encipherment"];
    assert_granted(
        with_usages(asked(&csr(Some("03020520"), &[])), &spec),
        &plain(),
    );
    assert_denied(
        with_usages(asked(&csr(Some("030205a0"), &[])), &spec),
        &plain(),
        "differ",
    );
}

#[test]
fn a3_23_one_purpose_by_two_names_is_one_purpose() {
    let spec = ["signing", "email protection", "s/mime"];
    let csr = csr(Some("03020780"), &[EMAIL_PROTECTION, EMAIL_PROTECTION]);
    let grant = granted(with_usages(asked(&csr), &spec), &plain());
    assert_eq!(grant.usages().extended.len(), 1);
}

#[test]
fn a3_24_is_ca_adds_cert_sign_for_a_certificate_request_alone() {
    // 03 02 02 a4 is digitalSignature, keyEncipherment and keyCertSign; 03 02 05 a0 lacks the last.
    let rules = with_ca(plain(), 0);
    let kubernetes = |csr: &CsrParts| Asked {
        api: Api::CertificateSigningRequest,
        namespace: None,
        ..asked_ca(csr)
    };
    let (with, without) = (csr(Some("030202a4"), &[]), csr(Some("030205a0"), &[]));
    assert_granted(asked_ca(&with), &rules);
    assert_denied(asked_ca(&without), &rules, "differ");
    assert_granted(kubernetes(&without), &rules);
    assert_denied(kubernetes(&with), &rules, "differ");
    // Said in the spec, it is there for both.
    let spec = ["digital signature", "key encipherment", "cert sign"];
    assert_granted(with_usages(asked_ca(&with), &spec), &rules);
    assert_granted(with_usages(kubernetes(&with), &spec), &rules);
}

#[test]
fn x5_13_a_ca_has_cert_sign_and_crl_sign_alone_whatever_was_asked() {
    let rules = with_ca(plain(), 0);
    for spec in [
        &[][..],
        &["cert sign", "crl sign"],
        &["key encipherment", "data encipherment"],
    ] {
        let grant = granted(with_usages(asked_ca(&CsrParts::default()), spec), &rules);
        assert_eq!(
            grant.usages().key,
            Bit::KeyCertSign | Bit::CRLSign,
            "{spec:?}"
        );
        assert!(grant.usages().extended.is_empty(), "{spec:?}");
    }
    // Extended usages only when they are asked for (X5-16).
    let spec = ["cert sign", "server auth"];
    let grant = granted(with_usages(asked_ca(&CsrParts::default()), &spec), &rules);
    assert_eq!(grant.usages().extended.len(), 1);
}

#[test]
fn rfc_5280_4_2_1_9_cert_sign_on_a_leaf_is_denied() {
    for rules in [plain(), spiffe(), with_ca(plain(), 0)] {
        assert_denied(
            asked_with(&["digital signature", "cert sign"]),
            &rules,
            "cert sign",
        );
    }
}

#[test]
fn x5_14_crl_sign_on_an_svid_is_denied() {
    assert_denied(asked_with(&["crl sign"]), &spiffe(), "crl sign");
}

#[test]
fn x5_15_an_svid_names_both_tls_purposes_or_none() {
    for spec in [
        &["server auth"][..],
        &["client auth"],
        &["any"],
        &["code signing", "client auth"],
    ] {
        assert_denied(asked_with(spec), &spiffe(), "must name both");
        // A plain private CA is free to.
        assert_granted(asked_with(spec), &plain());
    }
    for spec in [
        &[][..],
        &["client auth", "server auth"],
        &["server auth", "client auth", "any"],
    ] {
        let asked = asked_for_certificate(&CsrParts::default());
        assert_granted(with_usages(asked, spec), &spiffe());
    }
}
