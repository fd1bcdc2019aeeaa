//! PINs.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::error::TokenName;

/// A token's PIN. `Debug` does not show it.
pub(super) struct Pin {
    value: Zeroizing<String>,
    /// Differs after each change of the source that this process can see.
    version: String,
    /// Identifies the PIN in an issuer's status, where it outlives the process.
    id: String,
}

impl Pin {
    /// A PIN of this token, read from `source`, of which only a hash is shown.
    pub(super) fn new(token: &TokenName, value: &str, version: String, source: &str) -> Self {
        let hash = digest(&SHA256, source.as_bytes());
        let TokenName { module, token } = token;
        Self {
            value: Zeroizing::new(value.to_owned()),
            version,
            id: format!(
                "{} at the token {token} of {module}",
                hex::encode(&hash.as_ref()[..8])
            ),
        }
    }

    /// The PIN itself.
    #[cfg(test)]
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// What identifies the PIN after a restart: its source, and of a Secret the version. It says
    /// nothing about the PIN, so a file or variable that changed while the operator did not run
    /// counts as the same.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is the same PIN, from an unchanged source.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.has_value_of(other) && self.version == other.version
    }

    /// Whether it is the same PIN.
    pub(super) fn has_value_of(&self, other: &Self) -> bool {
        self.value == other.value
    }

    /// The PIN as C_Login takes it.
    pub(super) fn for_login(&self) -> AuthPin {
        AuthPin::new(self.value.as_str().into())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;

    /// A PIN of the token `t`, from this version of a Secret.
    pub(crate) fn pin(value: &str, version: &str) -> Pin {
        Pin::new(&token(), value, version.to_owned(), version)
    }

    impl Pin {
        pub(crate) fn set_id(&mut self, id: &str) {
            id.clone_into(&mut self.id);
        }
    }

    pub(crate) fn token() -> TokenName {
        TokenName {
            module: "m".to_owned(),
            token: "t".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::pin;

    #[test]
    fn debug_and_id_do_not_show_the_pin() {
        let pin = pin("s3cr3t-pin", "1");
        assert!(!format!("{pin:?} {}", pin.id()).contains("s3cr3t"));
    }
}
