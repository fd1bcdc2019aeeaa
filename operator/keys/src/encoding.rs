//! Encodings of X.509, for backends that return keys and signatures in another form.
#![cfg_attr(
    not(feature = "pkcs11"),
    allow(
        dead_code,
        reason = "the backends in this build do not need all of them"
    )
)]

pub(crate) mod ecdsa;
pub(crate) mod spki;
