//! RSA keys in Secrets: one tenant's, and those of others that sign in the same process.

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use signet_core::issue::ToBeSigned;
use signet_keys::{BlockingQueue, Signer};

use super::*;

/// The attacker's signatures in flight, with each key.
const FLOOD: usize = 1024;
/// The attacker's signatures that may finish before one of the victim's. It is a few, and more while
/// the system does not let the victim's thread report what it signed. In one queue it is all of them.
const MAX_BEFORE: usize = FLOOD / 4;

/// A new key of an Issuer in this namespace or, without one, of a ClusterIssuer.
fn rsa_key(tenant: Option<&str>, signing: &Arc<BlockingQueue>) -> Arc<dyn Signer> {
    let generated = GeneratedKey::new(KeyType::Rsa2048).unwrap();
    key::signer_with(generated.pem(), |access| Access {
        tenant: tenant.map(str::to_owned),
        loading: Arc::default(),
        signing: signing.clone(),
        ..access
    })
}

fn message(key: &dyn Signer) -> ToBeSigned {
    ToBeSigned::self_test(key.public_key(), key.algorithm())
}

/// With `keyLimits.maxInFlight: 1024`, two issuers have more signatures in flight than the
/// processors make before those of others time out.
#[tokio::test]
async fn a_flood_of_rsa_signatures_does_not_stop_the_issuers_of_others() {
    for (attacker, victim) in [
        (Some("attacker"), Some("victim")),
        (Some("attacker"), None),
        (None, Some("victim")),
        (None, None),
    ] {
        // One at a time: which of two threads finishes first is up to the system.
        let signing = Arc::new(BlockingQueue::new(1));
        let keys = [rsa_key(attacker, &signing), rsa_key(attacker, &signing)];
        // Each key of a ClusterIssuer has its own share of the queue.
        let keys = &keys[..attacker.map_or(1, |_| 2)];
        let keys: Vec<_> = keys.iter().map(|key| (key, message(&**key))).collect();
        let flood = keys
            .iter()
            .flat_map(|(key, message)| (0..FLOOD).map(|_| key.sign(message)));
        let mut flood: FuturesUnordered<_> = flood.collect();
        // They join the queue, and one may finish.
        let _ = flood.next().now_or_never();
        let key = rsa_key(victim, &signing);
        let message = message(&*key);
        for _ in 0..6 {
            let mut signature = key.sign(&message);
            let mut before = 0;
            loop {
                tokio::select! {
                    biased;
                    signature = &mut signature => break drop(signature.unwrap()),
                    Some(of_flood) = flood.next() => drop(of_flood.unwrap()),
                }
                before += 1;
                assert!(before <= MAX_BEFORE, "{attacker:?} stops {victim:?}");
            }
        }
    }
}
