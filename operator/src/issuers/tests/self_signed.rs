use serde_json::json;
use signet_keys::{ErrorClass, KeyBackend, KeyError, KeyType, Software};

use super::super::decide::{Step, decide};
use super::super::reason::IssuerReason;
use super::{adopt, not_ready, ready, self_signed, stalls, waits, without_key};
use crate::fixtures::{DAY, NOW, at, ca, key};

fn p256() -> std::sync::Arc<dyn signet_keys::Signer> {
    key::signer(KeyType::EcdsaP256)
}

#[test]
fn creates_a_key_for_a_new_ca() {
    let mut facts = self_signed(&p256());
    facts.key = without_key();
    if let KeyBackend::Software(software) = &mut facts.spec.key.backend {
        software.key_type = KeyType::EcdsaP384;
    }
    let step = decide(&facts).unwrap();
    let Step::CreateKey(Software {
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
fn creates_a_key_once_per_reconcile() {
    let mut facts = self_signed(&p256());
    facts.key = without_key();
    facts.may_create_key = false;
    stalls(&facts, IssuerReason::Key(ErrorClass::KeyNotFound));
}

#[test]
fn creates_a_root_for_a_key_without_a_ca() {
    let step = decide(&self_signed(&p256())).unwrap();
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
fn is_ready_with_a_ca_over_its_key() {
    let signer = p256();
    let chain = ca::valid(&*signer, "Root");
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &chain, 1);
    let ready = ready(&facts);
    assert_eq!(ready.generation, "clusterissuer-corp-1");
    assert_eq!(ready.chain, chain);
    assert_eq!(ready.guard.public_key(), signer.public_key());
}

/// A key that vanished is not created again: the CA over it would be another one.
#[test]
fn never_recreates_a_missing_key() {
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
            "the Secret ca does not exist; CAGeneration clusterissuer-corp-1 was issued over \
             it, and Signet does not replace it"
        );
    }
}

/// Nor is one for an earlier generation over the same key.
#[test]
fn never_recreates_the_key_of_an_earlier_ca() {
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
fn rejects_another_key_in_the_secret() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.key = Ok(key::found(&other));
    let message = stalls(&facts, IssuerReason::KeyMismatch);
    assert!(message.contains("restore that key"), "{message}");
}

/// A generation is checked against the key each time it is loaded.
#[test]
fn rejects_a_generation_of_another_key() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*other, "Root"), 1);
    facts.generations[0].key.fingerprint = signer.public_key().fingerprint();
    stalls(&facts, IssuerReason::KeyMismatch);
}

#[test]
fn never_replaces_an_unreadable_generation() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.generations[0].chain = signet_core::ca::CaChain::from_pem(b"", None, NOW);
    let message = stalls(&facts, IssuerReason::InvalidCa);
    assert!(
        message.contains("CAGeneration clusterissuer-corp-1"),
        "{message}"
    );
}

/// Issue, section 2: until keys rotate, a change on a valid CA is refused and a change back heals.
#[test]
fn rejects_another_key_while_the_ca_is_valid() {
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

/// The ARN in the place of an alias, or another way to log in, is not a rotation.
#[test]
fn keeps_the_ca_when_its_key_has_another_name() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.spec.key = key::software("other");
    assert_eq!(ready(&facts).generation, "clusterissuer-corp-1");
}

/// A Vault that moved has the same keys; another one has others, whatever they are called.
#[test]
fn keeps_the_ca_when_its_key_has_another_address() {
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
fn waits_for_an_unavailable_key_of_another_name() {
    let signer = p256();
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &ca::valid(&*signer, "Root"), 1);
    facts.spec.key = key::software("other");
    facts.key = Err(KeyError::new(ErrorClass::Unreachable, "no answer"));
    waits(&facts, IssuerReason::Key(ErrorClass::Unreachable));
}

#[test]
fn creates_a_new_ca_when_the_ca_has_expired() {
    let (signer, other) = (p256(), p256());
    let mut facts = self_signed(&signer);
    adopt(
        &mut facts,
        &ca::root(&*signer, "Expired", at(-2 * DAY), DAY),
        1,
    );
    facts.spec.key = key::software("other");
    facts.key = without_key();
    let step = decide(&facts).unwrap();
    assert!(
        matches!(&step, Step::CreateKey(key) if key.secret_name == "other"),
        "{step:?}"
    );
    facts.key = Ok(key::found(&other));
    let step = decide(&facts).unwrap();
    assert!(
        matches!(step, Step::CreateRoot { number: 2, .. }),
        "{step:?}"
    );
}

#[test]
fn expires_at_not_after() {
    let signer = p256();
    let chain = ca::root(&*signer, "Root", at(-DAY), 2 * DAY);
    let mut facts = self_signed(&signer);
    adopt(&mut facts, &chain, 1);
    facts.now = chain.not_after() - jiff::SignedDuration::from_secs(1);
    ready(&facts);
    facts.now = chain.not_after();
    let message = stalls(&facts, IssuerReason::CaExpired);
    assert!(message.contains("set spec.key to a new key"), "{message}");
    facts.now = chain.not_before();
    ready(&facts);
    facts.now = chain.not_before() - jiff::SignedDuration::from_secs(1);
    waits(&facts, IssuerReason::CaNotYetValid);
}

/// kstatus: a transient error does not stall.
#[test]
fn stalls_on_key_errors_that_are_not_transient() {
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
        let message = ["no; Signet tries again by itself", "no"][usize::from(stalled)];
        assert_eq!(
            (not_ready.stalled, not_ready.message.as_str()),
            (stalled, message)
        );
    }
}
