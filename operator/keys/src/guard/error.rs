//! What goes wrong with any key.

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong with any key.
    pub enum GuardError {
        /// A call did not end.
        Timeout { seconds: u64 } => ErrorClass::Unreachable,
            "the key did not respond within {seconds} s";
        /// The client of the backend panicked.
        Panicked => ErrorClass::InvalidResponse,
            "the key's backend returned something that its client cannot read";
        /// The signature of the self-test does not verify.
        SelfTestFailed => ErrorClass::InvalidResponse,
            "the key returned a signature that does not verify under its public key";
        /// The message is too long for the key.
        TooLong { bytes: usize, max_bytes: usize } => ErrorClass::KeyUnusable,
            "the to-be-signed certificate has {bytes} bytes, and the CA's key signs at most \
             {max_bytes}; request fewer names, or use an issuer with an ECDSA or RSA key";
        /// The RSA key is too long.
        TooSlow { bits: u32, max_bits: u32 } => ErrorClass::KeyUnusable,
            "the CA's key is an RSA key of {bits} bits, which takes too long to sign; use one of at \
             most {max_bits} bits, or an ECDSA key";
        /// The program does not have the backend.
        NotBuilt { feature: &'static str } => ErrorClass::KeyUnusable,
            "this Signet was built without the feature {feature}; use an image that has it";
    }
}
