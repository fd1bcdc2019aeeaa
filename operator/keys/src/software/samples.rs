//! A sample of each error of a key in a Secret.

use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::SoftwareError;

samples!(SoftwareError {
    NoSecret { secret: secret() },
    NoKey { secret: secret() },
    Encrypted { secret: secret() },
    NotPem { secret: secret() },
    UnsupportedKey { secret: secret() },
    UnsupportedPublicKey {
        secret: secret(),
        why: PublicKeyError::WeakRsa(1024).to_string()
    },
    NoPublicKey { secret: secret() },
    NotSigned,
    NotGenerated,
});

fn secret() -> String {
    "ca".to_owned()
}
