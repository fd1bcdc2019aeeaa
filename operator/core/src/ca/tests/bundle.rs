use super::read;
use crate::ca::{Bundle, CaChain};
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
    let pem = |chain: &CaChain| chain.roots()[0].pem();
    assert_eq!(
        Bundle::new(chains, before).pem(),
        pem(&first) + &pem(&second)
    );
    let last = first.not_after().max(second.not_after());
    assert_eq!(Bundle::new(chains, last).pem(), "");
}
