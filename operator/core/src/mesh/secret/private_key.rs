//! The private key of a mesh's CA, which core passes on and never uses.

use std::fmt;

use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
/// What istiod (security/pkg/pki/util/crypto.go), Linkerd (pkg/tls/codec.go) and SPIRE read.
const LABELS: [&str; 3] = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];
/// OpenSSL's older form of an encrypted key has a header (RFC 1421).
const ENCRYPTED: &str = "Proc-Type: 4,ENCRYPTED";

/// An unencrypted private key in PEM, byte for byte as it was given. It is wiped when it is
/// dropped, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyPem(Zeroizing<Vec<u8>>);

impl PrivateKeyPem {
    /// Takes a private key; none if the first PEM block is not one, or is encrypted. The meshes
    /// read only that block.
    pub fn read(pem: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(pem).ok()?;
        let (_, block) = text.split_once(BEGIN)?;
        let (label, body) = block.split_once("-----")?;
        let is_whole = body.contains(&format!("-----END {label}-----"));
        (is_whole && LABELS.contains(&label) && !body.contains(ENCRYPTED))
            .then(|| Self(Zeroizing::new(pem.to_vec())))
    }

    /// Returns the PEM, for the Secret that it is written to.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem(..)")
    }
}
