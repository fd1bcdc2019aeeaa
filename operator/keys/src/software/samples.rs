//! A sample of each error of a key in a Secret.

use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::SoftwareError;

samples!(SoftwareError {
    NoSecret { secret: secret() },
    NoKey {
        entry: entry(),
        secret: secret()
    },
    Encrypted {
        entry: entry(),
        secret: secret()
    },
    NotPem {
        entry: entry(),
        secret: secret()
    },
    UnsupportedKey {
        entry: entry(),
        secret: secret()
    },
    UnsupportedPublicKey {
        entry: entry(),
        secret: secret(),
        why: PublicKeyError::WeakRsa(1024).to_string()
    },
    NoPublicKey {
        entry: entry(),
        secret: secret()
    },
    NotSigned,
    NotGenerated,
});

fn entry() -> String {
    super::TLS_KEY.to_owned()
}

fn secret() -> String {
    "ca".to_owned()
}
