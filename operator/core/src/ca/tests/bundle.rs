use super::read;
use crate::ca::Bundle;
use crate::fixtures::certificate::Parts;
use crate::fixtures::key::Key;

#[test]
fn holds_each_root_once_until_its_chain_expires() {
    let [first, second] =
        [("first", 1), ("second", 2)].map(|(name, seed)| Parts::root(name, &Key::p256(seed)));
    let [first, second] = [first, second].map(|root| read(&[&root], &[]).unwrap());
    let chains = [&first, &second, &first];
    let expiry = first.not_after().min(second.not_after());
    let before = expiry - jiff::SignedDuration::from_secs(1);
    let bundle = Bundle::new(chains, before);
    assert_eq!(bundle.roots(), [first.roots(), second.roots()].concat());
    let pem: String = bundle.roots().iter().map(|root| root.pem()).collect();
    assert_eq!(bundle.pem(), pem);
    let expired = Bundle::new(chains, first.not_after().max(second.not_after()));
    assert_eq!(expired, Bundle::default());
}
