//! What goes wrong with a key in a Secret.

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong with a key in a Secret. Nothing of its content is in a message.
    pub enum SoftwareError {
        NoSecret { secret: String } => ErrorClass::KeyNotFound, missing,
            "the Secret {secret} does not exist; put the private key there";
        NoKey { entry: String, secret: String } => ErrorClass::KeyNotFound, missing,
            "the Secret {secret} has no {entry}; put the private key there";
        Encrypted { entry: String, secret: String } => ErrorClass::KeyUnusable,
            "{entry} of the Secret {secret} is encrypted; put it there unencrypted, as `openssl \
             pkey` does";
        NotPem { entry: String, secret: String } => ErrorClass::KeyUnusable,
            "{entry} of the Secret {secret} is not a private key in PEM (PKCS#8, PKCS#1 or SEC1)";
        UnsupportedKey { entry: String, secret: String } => ErrorClass::KeyUnusable,
            "{entry} of the Secret {secret} is not a key that Signet uses: ECDSA P-256, P-384 or \
             P-521, RSA of 2048 to 4096 bits, or Ed25519";
        UnsupportedPublicKey { entry: String, secret: String, why: String } => ErrorClass::KeyUnusable,
            "{entry} of the Secret {secret} is a key that Signet does not use: {why}";
        NoPublicKey { entry: String, secret: String } => ErrorClass::KeyUnusable,
            "{entry} of the Secret {secret} has no public key";
        NotSigned => ErrorClass::KeyUnusable,
            "the key does not sign";
        NotGenerated => ErrorClass::KeyUnusable,
            "no key could be generated; check the randomness of the operator's node";
    }
}
