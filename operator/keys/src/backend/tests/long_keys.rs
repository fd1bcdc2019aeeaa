//! RSA keys of remote backends, which can have any length.

use signet_core::issue::{Signature, ToBeSigned};
use signet_core::x509::algorithm::SignatureAlgorithm;
use signet_core::x509::public_key::PublicKey;

use super::super::*;
use crate::encoding::spki;

/// The public half of a key that does not sign.
#[derive(Debug)]
struct PublicHalf(PublicKey);

impl PublicHalf {
    /// An RSA key of this length, with the first modulus that no check of public keys refuses.
    fn rsa(bits: usize) -> Self {
        let mut odd = (1..=u16::MAX).step_by(2);
        let key = odd.find_map(|end| {
            let mut modulus = vec![0xff; bits / 8];
            modulus.splice(bits / 8 - 2.., end.to_be_bytes());
            PublicKey::from_spki_der(&spki::rsa(&modulus, &[1, 0, 1])?).ok()
        });
        Self(key.unwrap())
    }
}

impl Signer for PublicHalf {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::for_key(self.0.algorithm())
    }

    fn sign<'a>(&'a self, _: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        unreachable!("it does not sign")
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        unreachable!("it is not checked")
    }
}

#[test]
fn an_rsa_key_of_8192_bits_in_a_token_or_vault_is_not_connected() {
    for (bits, code) in [
        (4096, None),
        (4104, Some("TooSlow")),
        (8192, Some("TooSlow")),
    ] {
        let connected = Connected::to(Arc::new(PublicHalf::rsa(bits)));
        assert_eq!(connected.err().map(|error| error.code), code, "{bits}");
    }
}
