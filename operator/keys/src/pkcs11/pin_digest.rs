//! PINs as they are remembered and compared.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

/// Made anew by each process, so that a digest says nothing outside of it.
static KEY: LazyLock<Option<hmac::Key>> =
    LazyLock::new(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());

/// A PIN that can be compared and not read.
#[derive(Clone)]
pub(super) struct PinDigest(hmac::Tag);

impl PinDigest {
    /// None if this computer has no randomness to give.
    pub(super) fn of(pin: &str) -> Option<Self> {
        let key = KEY.as_ref()?;
        Some(Self(hmac::sign(key, pin.as_bytes())))
    }
}

impl PartialEq for PinDigest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_ref(), other.0.as_ref()).is_ok()
    }
}

impl Eq for PinDigest {}

impl fmt::Debug for PinDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinDigest(…)")
    }
}
