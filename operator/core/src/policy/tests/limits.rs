//! What the CA certificates above allow: what is granted verifies, and what is refused would not.

mod names;

use signet_readers::Reader;

use crate::fixtures::NOW;
use crate::fixtures::ca::Ca;
use crate::fixtures::certificate::Parts;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{
    CLIENT_AUTH, EXT_KEY_USAGE, NAME_CONSTRAINTS, SERVER_AUTH, critical, dns, extension, hex,
    purposes, seq, subject, tlv, uri,
};
use crate::fixtures::key::Key;
use crate::fixtures::readers;
use crate::fixtures::request::{
    ca_request, decision, denied, granted, plain, request, spiffe, with_ca, with_usages,
};
use crate::policy::{Decision, IssuerPolicy};
use crate::reason::Reason;
use crate::request::RawRequest;

const ANY_PURPOSE: &str = "2.5.29.37.0";
const ORGANIZATION: &str = "2.5.4.10";

/// Which readers judge a certificate under constraints; the others refuse each one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Judges {
    /// OpenSSL, Go and rustls-webpki.
    All,
    /// rustls-webpki refuses all names of the form (PKI-10).
    NotWebpki,
    /// Go refuses every certificate below constraints on a form that it does not know.
    NotGo,
    /// As both of them do below constraints on directory names.
    OpenSsl,
}
use Judges::{All, NotGo, NotWebpki, OpenSsl};

fn subtrees(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let lists = [(0xa0, permitted), (0xa1, excluded)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let encoded = lists.map(|(tag, list)| {
        let subtrees = list.iter().map(|base| seq(std::slice::from_ref(base)));
        tlv(tag, &subtrees.collect::<Vec<_>>().concat())
    });
    critical(NAME_CONSTRAINTS, &seq(&encoded.collect::<Vec<_>>()))
}

fn permit(base: Vec<u8>) -> Vec<u8> {
    subtrees(&[base], &[])
}

fn exclude(base: Vec<u8>) -> Vec<u8> {
    subtrees(&[], &[base])
}

fn email(text: &str) -> Vec<u8> {
    tlv(0x81, text.as_bytes())
}

fn ip(bytes: &str) -> Vec<u8> {
    tlv(0x87, &hex(bytes))
}

fn directory(name: Vec<u8>) -> Vec<u8> {
    tlv(0xa4, &name)
}

fn of_organization(name: &str) -> Vec<u8> {
    subject(&[(ORGANIZATION, name), ("2.5.4.3", "web")])
}

/// An issuing CA below a root, of which one has the extension.
fn ca(extension: &[u8], on_root: bool) -> Ca {
    let mut root = Parts::root("root", &Key::p256(1));
    let mut issuing = Parts::intermediate("issuing", &Key::p256(2), &root);
    // Constraints on directory names hold for the issuing CA too.
    issuing.subject = subject(&[(ORGANIZATION, "Example"), ("2.5.4.3", "issuing")]);
    let limited = if on_root { &mut root } else { &mut issuing };
    limited.extensions.push(extension.to_vec());
    Ca::of(&[issuing, root])
}

fn rules(ca: &Ca, rules: IssuerPolicy) -> IssuerPolicy {
    IssuerPolicy {
        limits: ca.chain.limits(),
        ..rules
    }
}

/// Decides, and lets the readers judge what was decided; whether it was granted.
#[track_caller]
fn judged(
    what: &str,
    extension: &[u8],
    request: &RawRequest,
    base: &IssuerPolicy,
    judges: Judges,
) -> bool {
    let mut outcomes = [true, false].map(|on_root| {
        let ca = ca(extension, on_root);
        let own = rules(&ca, base.clone());
        let decided = match decision(request.clone(), &own) {
            Decision::Grant(_) => true,
            Decision::Deny(denial) => {
                let name = if on_root { "CN=root" } else { "CN=issuing" };
                let message = &denial.message;
                let by_count = message.contains("so many names");
                assert!(by_count || message.contains(name), "{what}: {message}");
                false
            }
            other => panic!("{other:?}"),
        };
        // What would be issued if nothing limited it.
        let grant = granted(request.clone(), base);
        let issued = ca.assemble(&ca.tbs(&grant)).unwrap();
        let accepts = |reader| readers::is_accepted_by(reader, &issued, &ca.chain, NOW);
        let verdicts = [Reader::OpenSsl, Reader::Webpki, Reader::Go].map(accepts);
        let [openssl, webpki, go] = verdicts;
        let (expected, refused) = match judges {
            All => (openssl && webpki && go, false),
            NotWebpki => (openssl && go, webpki),
            NotGo => (openssl && webpki, go),
            OpenSsl => (openssl, webpki || go),
        };
        assert_eq!(
            (decided, false),
            (expected, refused),
            "{what}: {verdicts:?}"
        );
        decided
    });
    outcomes.sort_unstable();
    assert_eq!(outcomes[0], outcomes[1], "{what}");
    outcomes[0]
}

/// A request for a certificate with one name.
fn named(name: &[u8]) -> RawRequest {
    request(&CsrParts::names(&[name.to_vec()]))
}

/// Of each row, whether a name is allowed where this base is permitted.
#[track_caller]
fn permitted(make: fn(&str) -> Vec<u8>, judges: Judges, rows: &[(&str, &str, bool)]) {
    for (base, name, expected) in rows {
        let (what, extension) = (format!("{name:?} in {base:?}"), permit(make(base)));
        let outcome = judged(&what, &extension, &named(&make(name)), &plain(), judges);
        assert_eq!(outcome, *expected, "{what}");
    }
}

/// Of each row, whether a name is allowed where this base is excluded.
#[track_caller]
fn excluded(make: fn(&str) -> Vec<u8>, judges: Judges, rows: &[(&str, &str, bool)]) {
    for (base, name, expected) in rows {
        let (what, extension) = (format!("{name:?} not in {base:?}"), exclude(make(base)));
        let outcome = judged(&what, &extension, &named(&make(name)), &plain(), judges);
        assert_eq!(outcome, *expected, "{what}");
    }
}

/// Go and rustls-webpki stop at 250,000 comparisons.
#[test]
fn more_names_than_verifiers_compare_are_refused() {
    let bases: Vec<_> = (0..300).map(|n| dns(&format!("a{n}.example"))).collect();
    let many: Vec<_> = (0..900).map(|_| dns("a0.example")).collect();
    let csr = CsrParts::names(&many);
    let extension = subtrees(&bases, &[]);
    assert!(!judged("many", &extension, &request(&csr), &plain(), All));
}

#[test]
fn extended_key_usages_of_the_cas_are_enforced() {
    let server = extension(EXT_KEY_USAGE, &purposes(&[SERVER_AUTH]));
    let any = extension(EXT_KEY_USAGE, &purposes(&[ANY_PURPOSE]));
    let both = extension(EXT_KEY_USAGE, &purposes(&[SERVER_AUTH, CLIENT_AUTH]));
    for (extension, usages, expected) in [
        (&server, &["server auth"][..], true),
        (&server, &["client auth"], false),
        (&server, &["server auth", "client auth"], false),
        (&both, &["server auth", "client auth"], true),
        (&any, &["server auth"], false),
    ] {
        let ca = ca(extension, false);
        let request = with_usages(request(&CsrParts::default()), usages);
        let own = rules(&ca, plain());
        if expected {
            ca.issue(&granted(request, &own));
            continue;
        }
        let denial = denied(request.clone(), &own);
        assert_eq!(denial.reason, Reason::InvalidUsages);
        let message = denial.message;
        assert!(message.contains("does not allow the usage"), "{message}");
        let issued = ca.assemble(&ca.tbs(&granted(request, &plain()))).unwrap();
        for reader in [Reader::OpenSsl, Reader::Webpki] {
            assert!(!readers::is_accepted_by(reader, &issued, &ca.chain, NOW));
        }
    }
}

/// In a trust domain the name that Signet writes is compared too, and on a CA its subject.
#[test]
fn what_signet_adds_is_compared_as_well() {
    let other = permit(uri("example.net"));
    let nameless = request(&CsrParts::nameless());
    let denial = denied(nameless.clone(), &rules(&ca(&other, true), spiffe()));
    assert_eq!(denial.reason, Reason::InvalidName);
    assert!(
        denial
            .message
            .contains("spiffe://example.org/ns/shop/sa/web")
    );
    granted(
        nameless,
        &rules(&ca(&permit(uri("example.org")), true), spiffe()),
    );

    let own = permit(directory(subject(&[(ORGANIZATION, "Example")])));
    let rules = rules(&ca(&own, false), with_ca(plain(), 0));
    let csr = |name: &str| CsrParts::default().and_subject(of_organization(name));
    granted(ca_request(&csr("Example")), &rules);
    let denial = denied(ca_request(&csr("Other")), &rules);
    assert_eq!(denial.reason, Reason::InvalidName);
}
