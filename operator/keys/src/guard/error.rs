//! What goes wrong with any key.

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong with any key.
    pub enum GuardError {
        Timeout { seconds: u64 } => ErrorClass::Unreachable,
            "the key did not respond within {seconds} s";
        Panicked => ErrorClass::InvalidResponse,
            "the key's backend returned something that its client cannot read";
        SelfTestFailed => ErrorClass::InvalidResponse,
            "the key returned a signature that does not verify under its public key";
        TooLong { bytes: usize, max_bytes: usize } => ErrorClass::KeyUnusable,
            "the to-be-signed certificate has {bytes} bytes, and the CA's key signs at most \
             {max_bytes}; request fewer names, or use an issuer with an ECDSA or RSA key";
        TooSlow { bits: u32, max_bits: u32 } => ErrorClass::KeyUnusable,
            "the CA's key is an RSA key of {bits} bits, which takes too long to sign; use one of at \
             most {max_bits} bits, or an ECDSA key";
        NotBuilt { feature: &'static str } => ErrorClass::KeyUnusable,
            "this Signet was built without the feature {feature}; use an image that has it";
    }
}
