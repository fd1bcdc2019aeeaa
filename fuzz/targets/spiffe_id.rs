//! SPIFFE IDs and trust domains.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use signet_core::spiffe::{MAX_ID_LENGTH, SpiffeId, TrustDomain};
use signet_core::x509::names::SubjectAltNames;
use signet_fuzz::message;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else {
        return Corpus::Reject;
    };
    match SpiffeId::parse(text) {
        Ok(id) => check(text, &id),
        Err(error) => message::check(&error.to_string()),
    }
    match TrustDomain::parse(text) {
        Ok(domain) => check(&domain.id().to_string(), &domain.id()),
        Err(error) => message::check(&error.to_string()),
    }
    Corpus::Keep
});

fn check(text: &str, id: &SpiffeId) {
    let canonical = id.to_string();
    assert!(canonical.eq_ignore_ascii_case(text) && canonical.len() <= MAX_ID_LENGTH);
    assert_eq!(
        SpiffeId::parse(&canonical).as_ref(),
        Ok(id),
        "it is read again"
    );
    let rest = canonical.strip_prefix("spiffe://");
    assert!(rest.is_some_and(|it| it.starts_with(id.trust_domain().as_str())));
    assert!(canonical.ends_with(id.path()));
    let domain = id.trust_domain();
    assert_eq!(TrustDomain::parse(domain.as_str()).as_ref(), Ok(domain));
    let built = SpiffeId::from_segments(domain, id.segments());
    assert_eq!(built.as_ref(), Ok(id), "it is the sum of its parts");
    assert_eq!(!id.path().is_empty(), id.segments().next().is_some());
    // The reader of names takes what a certificate would carry.
    let names = SubjectAltNames::with_uri(None, id);
    let read = SubjectAltNames::from_der(names.der()).expect("our own reader reads it");
    assert_eq!(read.uris(), [canonical]);
}
