use serde_json::json;
use signet_keys::{ErrorClass, KeyBackend, KeyError, KeyToMake, KeyType};

use super::super::decide::{Step, decide};
use super::super::reason::IssuerReason;
use super::{adopt, not_ready, ready, self_signed, stalls, waits, without_key};
use crate::fixtures::{DAY, at, ca, key};

fn p256() -> std::sync::Arc<dyn signet_keys::Signer> {
    key::signer(KeyType::EcdsaP256)
}

#[test]
fn a_key_is_made_for_a_ca_that_never_was() {
    let mut facts = self_signed(&p256());
    facts.key = without_key();
    if let KeyBackend::Software(software) = &mut facts.spec.key.backend {
        software.key_type = KeyType::EcdsaP384;
    }
    let step = decide(&facts);
    let Step::CreateKey(KeyToMake {
        key_type,
        secret_name,
    }) = step
    else {
        panic!("{step:?}");
    };
    assert_eq!((key_type, secret_name.as_str()), (KeyType::EcdsaP384, "ca"));
}

/// A Secret that is there without a key is not written over: the
/// second round finds it still without one.
#[test]
fn a_key_is_made_once_a_round() {
    let mut facts = self_signed(&p256());
    facts.key = without_key();
    facts.may_create_key = false;
    stalls(&facts, IssuerReason::Key(ErrorClass::KeyNotFound));
}

#[test]
fn a_key_without_a_ca_gets_a_root() {
    let step = decide(&self_signed(&p256()));
    let Step::CreateRoot { root, number, .. } = step else {
        panic!("{step:?}");
    };
    assert_eq!(number, 1);
    assert_eq!(root.subject.to_string(), "CN=corp");
    assert_eq!(root.uid, "uid-1");
    assert_eq!(root.duration.as_secs(), 3650 * 24 * 3600);
    assert_eq!((root.path_length, root.trust_domain), (None, None));
}

#[test]
fn a_ca_over_its_key_is_ready() {
    let signer = p256();
    let chain = ca::valid(&*signer, "Root");
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &chain, 1);
    let ready = ready(&facts);
    assert_eq!(ready.generation, "clusterissuer-corp-1");
    assert_eq!(ready.chain, chain);
    assert_eq!(ready.signer.public_key(), signer.public_key());
}

/// A key that vanished is not created again: the CA over it would be another one.
#[test]
fn a_key_that_vanished_is_not_made_anew() {
    let signer = p256();
    for chain in [
        ca::valid(&*signer, "Root"),
        ca::root(&*signer, "Expired", at(-2 * DAY), DAY),
    ] {
        let mut facts = self_signed(&signer);
        adopt(&mut facts, &chain, 1);
        facts.key = without_key();
        let message = stalls(&facts, IssuerReason::Key(ErrorClass::KeyNotFound));
        assert_eq!(
            message,
            "the Secret ca does not exist; CAGeneration clusterissuer-corp-1 was made over it, \
             and Signet puts no other in its place"
        );
    }
}

/// Nor is one for an earlier generation over the same key.
#[test]
fn a_key_of_an_earlier_ca_is_not_made_anew() {
    let (first, second) = (p256(), p256());
    let mut facts = self_signed(&first);
    adopt(
        &mut facts,
        &ca::root(&*first, "First", at(-3 * DAY), DAY),
        1,
    );
    facts.spec.key = key::software("second");
    adopt(
        &mut facts,
        &ca::root(&*second, "Second", at(-2 * DAY), DAY),
        2,
    );
    facts.spec.key = key::software("ca");
    facts.key = without_key();
    stalls(&facts, IssuerReason::Key(ErrorClass::KeyNotFound));
}

#[test]
fn another_key_in_the_secret_is_a_mismatch_and_no_new_ca() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.key = Ok(key::found(&other));
    let message = stalls(&facts, IssuerReason::KeyMismatch);
    assert!(message.contains("put that key back"), "{message}");
}

/// What a generation says is checked against the key each time it is loaded.
#[test]
fn a_generation_whose_certificate_is_of_another_key_is_not_used() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*other, "Root"), 1);
    facts.generations[0].key_fingerprint = signer.public_key().fingerprint();
    stalls(&facts, IssuerReason::KeyMismatch);
}

#[test]
fn a_generation_that_cannot_be_read_is_no_reason_for_a_new_ca() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.generations[0].chain = signet_core::ca::CaChain::from_pem(b"", None);
    let message = stalls(&facts, IssuerReason::InvalidCa);
    assert!(
        message.contains("CAGeneration clusterissuer-corp-1"),
        "{message}"
    );
}

/// Issue, section 2: until keys rotate, a change on a valid CA is refused and a change back heals.
#[test]
fn another_spec_key_under_a_valid_ca_is_refused_whether_it_is_there_or_not() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    for found in [Ok(key::found(&p256())), without_key()] {
        facts.spec.key = key::software("other");
        facts.key = found;
        let message = stalls(&facts, IssuerReason::KeyChanged);
        let back = "change spec.key back to software.secretName: ca, software.keyType: ECDSAP256";
        assert!(message.contains(back), "{message}");
    }
    facts.spec.key = key::software("ca");
    facts.key = Ok(key::found(&signer));
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-1");
}

/// The ARN in the place of an alias, or another way to log in, is no rotation.
#[test]
fn the_same_key_under_another_name_goes_on_with_its_ca() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.spec.key = key::software("other");
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-1");
}

/// A Vault that moved has the same keys; another one has others, whatever they are called.
#[test]
fn another_address_is_no_other_key_unless_the_key_is() {
    let vault = |address: &str| {
        let key = json!({ "vaultTransit": {
            "address": address, "name": "ca", "auth": { "tokenRef": { "name": "t", "key": "t" } },
        }});
        serde_json::from_value(key).unwrap()
    };
    let signer = p256();
    let mut facts = self_signed(&signer);
    facts.spec.key = vault("https://old.example");
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.spec.key = vault("https://new.example");
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-1");
    facts.key = Ok(key::found(&p256()));
    let message = stalls(&facts, IssuerReason::KeyChanged);
    let back = "change spec.key back to vaultTransit.address: https://old.example";
    assert!(message.contains(back), "{message}");
    facts.spec.key = vault("https://old.example");
    stalls(&facts, IssuerReason::KeyMismatch);
}

/// What cannot be reached may be the same key or not.
#[test]
fn another_name_of_a_key_that_does_not_answer_is_waited_for() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.spec.key = key::software("other");
    facts.key = Err(KeyError::new(ErrorClass::Unreachable, "no answer"));
    waits(&facts, IssuerReason::Key(ErrorClass::Unreachable));
}

#[test]
fn another_spec_key_after_the_ca_has_ended_begins_a_new_ca() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(
        &mut facts,
        &ca::root(&*signer, "Expired", at(-2 * DAY), DAY),
        1,
    );
    facts.spec.key = key::software("other");
    facts.key = without_key();
    let step = decide(&facts);
    assert!(
        matches!(&step, Step::CreateKey(key) if key.secret_name == "other"),
        "{step:?}"
    );
    facts.key = Ok(key::found(&other));
    let step = decide(&facts);
    assert!(
        matches!(step, Step::CreateRoot { number: 2, .. }),
        "{step:?}"
    );
}

#[test]
fn a_ca_ends_at_the_second_that_it_names() {
    let signer = p256();
    let chain = ca::root(&*signer, "Root", at(-DAY), 2 * DAY);
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &chain, 1);
    facts.now = chain.not_after() - jiff::SignedDuration::from_secs(1);
    ready(&facts);
    facts.now = chain.not_after();
    let message = stalls(&facts, IssuerReason::CaExpired);
    assert!(message.contains("name a new key in spec.key"), "{message}");
    facts.now = chain.not_before();
    ready(&facts);
    facts.now = chain.not_before() - jiff::SignedDuration::from_secs(1);
    waits(&facts, IssuerReason::CaNotYetValid);
}

/// kstatus: what may pass by itself is no stall.
#[test]
fn an_error_of_the_key_stalls_unless_it_may_pass() {
    for (class, stalled) in [
        (ErrorClass::Throttled(None), false),
        (ErrorClass::Unreachable, false),
        (ErrorClass::InvalidResponse, false),
        (ErrorClass::CredentialsRefused, true),
        (ErrorClass::KeyUnusable, true),
    ] {
        let mut facts = self_signed(&p256());
        facts.key = Err(KeyError::new(class, "no"));
        assert_eq!(facts.transient_key_error().is_some(), !stalled);
        let not_ready = not_ready(&facts);
        assert_eq!(not_ready.reason, IssuerReason::Key(class));
        let said = ["no; Signet tries again by itself", "no"][usize::from(stalled)];
        assert_eq!(
            (not_ready.stalled, not_ready.message.as_str()),
            (stalled, said)
        );
    }
}
