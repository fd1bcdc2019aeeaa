//! Encodings of X.509, for backends that return keys and signatures in another form.
#![cfg_attr(
    not(feature = "pkcs11"),
    allow(
        dead_code,
        unused_imports,
        reason = "the backends in this build need none of them"
    )
)]

mod ecdsa;
pub(crate) mod spki;

pub(crate) use ecdsa::ecdsa_signature;
