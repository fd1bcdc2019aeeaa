//! Usages: exactly those of the spec, and what a CSR may say beside it.

use x509_cert::ext::pkix::KeyUsages as Bit;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{CLIENT_AUTH, EXT_KEY_USAGE, KEY_USAGE, SERVER_AUTH, hex, purposes};
use crate::fixtures::key::{Key, Kind};
use crate::fixtures::request::{
    ca_request, denied, granted, plain, request, request_for_certificate, spiffe, with_ca,
    with_usages,
};
use crate::policy::{Grant, IssuerPolicy};
use crate::reason::Reason;
use crate::request::{Api, RawRequest};

const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";

fn asked_with(usages: &[&str]) -> RawRequest {
    with_usages(request_for_certificate(&CsrParts::default()), usages)
}

/// For a leaf over a key of this kind.
fn of_key(kind: Kind, usages: &[&str]) -> RawRequest {
    let csr = CsrParts {
        key: Key::new(kind, 100),
        ..CsrParts::default()
    };
    with_usages(request_for_certificate(&csr), usages)
}

fn extended(grant: &Grant) -> Vec<String> {
    let purposes = grant.usages.extended.iter();
    purposes.map(ToString::to_string).collect()
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
fn assert_granted(request: RawRequest, rules: &IssuerPolicy) {
    granted(request, rules);
}

#[track_caller]
fn assert_denied(request: RawRequest, rules: &IssuerPolicy, part: &str) {
    let denial = denied(request, rules);
    assert_eq!(denial.reason, Reason::InvalidUsages, "{}", denial.message);
    assert!(denial.message.contains(part), "{}", denial.message);
}

#[test]
fn x5_14_a_leaf_always_has_digital_signature() {
    let table: [(&[&str], _, &[&str]); 5] = [
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
        (
            &["any", "s/mime"],
            Bit::DigitalSignature.into(),
            &["2.5.29.37.0", EMAIL_PROTECTION],
        ),
    ];
    for (names, key, purposes) in table {
        let grant = granted(of_key(Kind::Rsa2048, names), &plain());
        assert_eq!(grant.usages.key, key, "{names:?}");
        assert_eq!(extended(&grant), purposes, "{names:?}");
    }
}

#[test]
fn a3_23_rejects_csr_usages_that_differ_from_the_spec() {
    // 03 02 05 a0 is digitalSignature and keyEncipherment.
    let both = [SERVER_AUTH, CLIENT_AUTH];
    let spec = [
        "digital signature",
        "key encipherment",
        "server auth",
        "client auth",
    ];
    let fits = |csr: &CsrParts| with_usages(request(csr), &spec);
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
        with_usages(request(&csr(Some("030205a0"), &[])), &spec[..2]),
        &plain(),
    );
    // And nothing in the spec is the default (CM-8).
    assert_granted(request(&csr(Some("030205a0"), &[])), &plain());
    assert_denied(request(&csr(Some("03020780"), &[])), &plain(), "differ");
}

#[test]
fn a3_23_digital_signature_is_added_after_the_comparison() {
    let spec = ["key encipherment"];
    assert_granted(
        with_usages(request(&csr(Some("03020520"), &[])), &spec),
        &plain(),
    );
    assert_denied(
        with_usages(request(&csr(Some("030205a0"), &[])), &spec),
        &plain(),
        "differ",
    );
}

#[test]
fn a3_23_one_purpose_by_two_names_is_one_purpose() {
    let spec = ["signing", "email protection", "s/mime"];
    let csr = csr(Some("03020780"), &[EMAIL_PROTECTION, EMAIL_PROTECTION]);
    let grant = granted(with_usages(request(&csr), &spec), &plain());
    assert_eq!(grant.usages.extended.len(), 1);
}

#[test]
fn a3_24_is_ca_adds_cert_sign_only_for_a_certificate_request() {
    // 03 02 02 a4 is digitalSignature, keyEncipherment and keyCertSign; 03 02 05 a0 lacks the last.
    let rules = with_ca(plain(), 0);
    let kubernetes = |csr: &CsrParts| RawRequest {
        api: Api::CertificateSigningRequest,
        namespace: None,
        ..ca_request(csr)
    };
    let (with, without) = (csr(Some("030202a4"), &[]), csr(Some("030205a0"), &[]));
    assert_granted(ca_request(&with), &rules);
    assert_denied(ca_request(&without), &rules, "differ");
    assert_granted(kubernetes(&without), &rules);
    assert_denied(kubernetes(&with), &rules, "differ");
    // Said in the spec, it is there for both.
    let spec = ["digital signature", "key encipherment", "cert sign"];
    assert_granted(with_usages(ca_request(&with), &spec), &rules);
    assert_granted(with_usages(kubernetes(&with), &spec), &rules);
}

#[test]
fn x5_13_a_ca_has_cert_sign_and_crl_sign_and_digital_signature_if_requested() {
    let rules = with_ca(plain(), 0);
    let ca = Bit::KeyCertSign | Bit::CRLSign;
    let table: [(&[&str], _, &[&str]); 5] = [
        (&[], ca | Bit::DigitalSignature, &[]),
        (&["cert sign", "crl sign"], ca, &[]),
        (&["signing", "cert sign"], ca | Bit::DigitalSignature, &[]),
        (
            &["key encipherment", "data encipherment"],
            ca,
            &["key encipherment", "data encipherment"],
        ),
        (
            &["digital signature", "key agreement", "encipher only"],
            ca | Bit::DigitalSignature,
            &["key agreement", "encipher only"],
        ),
    ];
    for key in [Kind::Rsa2048, Kind::P256] {
        for (spec, expected, dropped) in table {
            let request = RawRequest {
                ca: true,
                ..of_key(key, spec)
            };
            let grant = granted(request, &rules);
            assert_eq!(grant.usages.key, expected, "{spec:?}");
            assert!(grant.usages.extended.is_empty(), "{spec:?}");
            assert_eq!(grant.dropped_usages, dropped, "{spec:?}");
        }
    }
    // Extended usages only when they are requested (X5-16).
    let spec = ["cert sign", "server auth", "code signing"];
    let grant = granted(with_usages(ca_request(&CsrParts::default()), &spec), &rules);
    assert_eq!(extended(&grant), [SERVER_AUTH, CODE_SIGNING]);
}

/// What each kind of key can have of all usages, by RFC 3279 2.3.1, RFC 8813 3 and RFC 9295 3.
#[test]
fn drops_usages_that_do_not_fit_the_key() {
    let every = [
        "digital signature",
        "content commitment",
        "key encipherment",
        "data encipherment",
        "key agreement",
        "encipher only",
    ];
    let signing = Bit::DigitalSignature | Bit::NonRepudiation;
    for kind in Kind::ALL {
        let (expected, dropped) = match kind {
            Kind::Rsa2048 => (
                signing | Bit::KeyEncipherment | Bit::DataEncipherment,
                &every[4..],
            ),
            Kind::P256 | Kind::P384 | Kind::P521 => (
                signing | Bit::KeyAgreement | Bit::EncipherOnly,
                &every[2..4],
            ),
            Kind::Ed25519 => (signing, &every[2..]),
        };
        for rules in [plain(), spiffe()] {
            let grant = granted(of_key(kind, &every), &rules);
            assert_eq!(grant.usages.key, expected, "{kind:?}");
            assert_eq!(grant.dropped_usages, dropped, "{kind:?}");
        }
    }
}

#[test]
fn rfc_5280_4_2_1_3_encipher_and_decipher_only_need_key_agreement() {
    for usage in ["encipher only", "decipher only"] {
        let grant = granted(of_key(Kind::P256, &["signing", usage]), &plain());
        assert_eq!(grant.usages.key, Bit::DigitalSignature, "{usage}");
        assert_eq!(grant.dropped_usages, [usage]);
        let with = ["signing", "key agreement", usage];
        let grant = granted(of_key(Kind::P256, &with), &plain());
        assert_eq!(grant.dropped_usages.len(), 0, "{usage}");
        assert!(grant.usages.has(Bit::KeyAgreement), "{usage}");
    }
}

/// Nearly every Certificate has the API's default usages.
#[test]
fn the_key_encipherment_of_the_default_usages_is_dropped_silently() {
    for kind in [Kind::P256, Kind::Ed25519] {
        for default in [&[][..], &["key encipherment", "signing"]] {
            let grant = granted(of_key(kind, default), &plain());
            assert_eq!(grant.usages.key, Bit::DigitalSignature);
            assert_eq!(grant.dropped_usages.len(), 0, "{default:?}");
        }
        let more = ["key encipherment", "signing", "server auth"];
        let grant = granted(of_key(kind, &more), &plain());
        assert_eq!(grant.dropped_usages, ["key encipherment"]);
    }
}

/// The CSR is compared with what was requested and not with what fits.
#[test]
fn a3_23_a_csr_that_repeats_dropped_usages_agrees() {
    let csr = csr(Some("030205a0"), &[]);
    let grant = granted(request(&csr), &plain());
    assert_eq!(grant.usages.key, Bit::DigitalSignature);
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
fn x5_15_a_leaf_in_a_trust_domain_has_both_tls_purposes() {
    for (spec, expected) in [
        (&[][..], [SERVER_AUTH, CLIENT_AUTH]),
        (&["server auth"], [SERVER_AUTH, CLIENT_AUTH]),
        (&["client auth"], [CLIENT_AUTH, SERVER_AUTH]),
        (&["client auth", "server auth"], [CLIENT_AUTH, SERVER_AUTH]),
        (&["server auth", "client auth"], [SERVER_AUTH, CLIENT_AUTH]),
    ] {
        let grant = granted(asked_with(spec), &spiffe());
        assert_eq!(extended(&grant), expected, "{spec:?}");
        // A plain private CA adds none.
        let grant = granted(asked_with(spec), &plain());
        assert_eq!(grant.usages.extended.len(), spec.len(), "{spec:?}");
    }
}

#[test]
fn x5_16_a_ca_in_a_trust_domain_has_both_tls_purposes_or_none() {
    let rules = with_ca(spiffe(), 0);
    for (spec, expected) in [
        (&["cert sign"][..], &[][..]),
        (&["cert sign", "server auth"], &[SERVER_AUTH, CLIENT_AUTH]),
        (&["client auth"], &[CLIENT_AUTH, SERVER_AUTH]),
    ] {
        let grant = granted(with_usages(ca_request(&CsrParts::default()), spec), &rules);
        assert_eq!(extended(&grant), expected, "{spec:?}");
    }
}

#[test]
fn rejects_other_extended_usages_in_a_trust_domain() {
    let others = [
        "any",
        "code signing",
        "email protection",
        "s/mime",
        "timestamping",
        "ipsec user",
        "microsoft sgc",
    ];
    for other in others {
        for spec in [&[other][..], &["server auth", "client auth", other]] {
            let name = if other == "s/mime" {
                "email protection"
            } else {
                other
            };
            let part = format!("\"{name}\" is not allowed in a trust domain");
            assert_denied(asked_with(spec), &spiffe(), &part);
            let ca = with_usages(ca_request(&CsrParts::default()), spec);
            assert_denied(ca, &with_ca(spiffe(), 0), &part);
            // A plain private CA is free to.
            assert_granted(asked_with(spec), &plain());
        }
    }
}

/// The purposes that Signet adds are not compared, since the CSR has what the requester wrote.
#[test]
fn a3_23_a_csr_with_one_tls_purpose_agrees_with_a_spec_of_one() {
    let spec = ["digital signature", "server auth"];
    let both = [SERVER_AUTH, CLIENT_AUTH];
    let one = csr(Some("03020780"), &[SERVER_AUTH]);
    let grant = granted(with_usages(request_for_certificate(&one), &spec), &spiffe());
    assert_eq!(extended(&grant), both);
    let two = csr(Some("03020780"), &both);
    assert_denied(with_usages(request(&two), &spec), &spiffe(), "differ");
}
