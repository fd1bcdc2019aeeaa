//! What verifiers refuse below a CA, whatever is issued.

use super::{changed, example, expectations, offered};
use crate::ca::Forbidden;
use crate::ca::offer::{Expectations, Refusal};
use crate::ca::tests::Three;
use crate::fixtures::der::{
    CLIENT_AUTH, EXT_KEY_USAGE, NAME_CONSTRAINTS, SAN, SERVER_AUTH, SUBJECT_KEY_IDENTIFIER,
    critical, dns, extension, hex, purposes, seq, tlv, uri,
};

const POLICY_CONSTRAINTS: &str = "2.5.29.36";

#[test]
fn pki_11_refuses_what_verifiers_do_not_process() {
    let value = seq(&[tlv(0x80, &[0])]);
    let explicit = critical(POLICY_CONSTRAINTS, &value);
    let unknown = critical("1.3.6.1.4.1.99999.1", &hex("0500"));
    let identifier = critical(SUBJECT_KEY_IDENTIFIER, &tlv(0x04, b"abc"));
    for place in 0..3 {
        let with = |extension: &Vec<u8>| {
            changed(|three| {
                let all = [&mut three.issuing, &mut three.middle, &mut three.root];
                all.into_iter()
                    .nth(place)
                    .unwrap()
                    .extensions
                    .push(extension.clone());
            })
        };
        assert!(matches!(with(&explicit), Err(Refusal::ExplicitPolicy(_))));
        let outcome = with(&unknown);
        assert!(
            matches!(outcome, Err(Refusal::CriticalExtension { .. })),
            "{outcome:?}"
        );
        assert!(with(&extension("1.3.6.1.4.1.99999.1", &hex("0500"))).is_ok());
    }
    let outcome = changed(|three| {
        let replaced = three.issuing.clone();
        three.issuing = replaced.with(SUBJECT_KEY_IDENTIFIER, Some(identifier.clone()));
    });
    assert!(
        matches!(outcome, Err(Refusal::CriticalExtension { .. })),
        "{outcome:?}"
    );
}

fn permit(base: Vec<u8>) -> Vec<u8> {
    critical(NAME_CONSTRAINTS, &seq(&[tlv(0xa0, &seq(&[base]))]))
}

#[test]
fn refuses_a_ca_that_one_above_it_does_not_allow() {
    let own = extension(SAN, &seq(&[uri("spiffe://example.org")]));
    let with = |host: &str| {
        changed(|three| {
            three.issuing.extensions.push(own.clone());
            three.root.extensions.push(permit(uri(host)));
        })
    };
    let outcome = with("example.net");
    let Err(Refusal::OutsideLimits { subject, forbidden }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(subject, "CN=issuing");
    assert!(matches!(forbidden, Forbidden::Name { ca, .. } if ca == "CN=root"));
    // It is allowed, and is not what was requested.
    let outcome = with("example.org");
    assert!(
        matches!(outcome, Err(Refusal::SpiffeId { .. })),
        "{outcome:?}"
    );
}

#[test]
fn refuses_a_ca_under_which_no_svid_verifies() {
    let trust_domain = example();
    let server = extension(EXT_KEY_USAGE, &purposes(&[SERVER_AUTH]));
    let both = extension(EXT_KEY_USAGE, &purposes(&[CLIENT_AUTH, SERVER_AUTH]));
    for (extension, accepted) in [
        (permit(uri("example.net")), false),
        (permit(uri("example.org")), true),
        (permit(dns("example.net")), true),
        (server, false),
        (both, true),
    ] {
        let mut three = Three::new();
        three.middle.extensions.push(extension);
        let expected = Expectations {
            trust_domain: Some(&trust_domain),
            ..expectations(&three.issuing.key)
        };
        let outcome = offered(&[&three.issuing, &three.middle], &[&three.root], &expected);
        match accepted {
            true => assert!(outcome.is_ok(), "{outcome:?}"),
            false => assert!(
                matches!(outcome, Err(Refusal::NoSvid { .. })),
                "{outcome:?}"
            ),
        }
    }
}
