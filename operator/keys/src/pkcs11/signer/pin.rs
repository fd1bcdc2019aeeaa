//! PINs, and where they come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use cryptoki::types::AuthPin;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::Pkcs11Fault;
use super::wire::secret;
use crate::access::{Modules, PinSecret, PinSource};
use crate::error::{ErrorClass, KeyError};

/// The longest PIN, in bytes. CloudHSM's are a user's name and a password.
pub(super) const MAX_PIN: usize = 4096;

/// A token's PIN. Two are equal if their source has not changed. `Debug` does not show it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pin {
    #[serde(with = "secret")]
    value: Zeroizing<String>,
    /// Differs after each change of the source that this process can see.
    version: String,
    /// What the process of the module calls it; 0 before it is sent.
    pub(super) number: u64,
}

impl Pin {
    pub(super) fn new(text: &str, version: String) -> Self {
        let value = Zeroizing::new(text.trim().to_owned());
        Self {
            value,
            version,
            number: 0,
        }
    }

    /// Whether it is the same PIN.
    pub(super) fn has_value_of(&self, other: &Self) -> bool {
        self.value == other.value
    }

    /// The PIN as it is in text that has no control characters.
    pub(super) fn printed(&self) -> Zeroizing<String> {
        let mut printed = Zeroizing::new(String::with_capacity(self.value.len()));
        printed.extend(self.value.chars().filter(|letter| !letter.is_control()));
        printed
    }

    /// The PIN as C_Login takes it.
    pub(super) fn for_login(&self) -> AuthPin {
        AuthPin::new(self.value.as_str().into())
    }
}

impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        self.has_value_of(other) && self.version == other.version
    }
}

impl Eq for Pin {}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Reads a PIN. Errors do not say where it comes from: that is in the operator's log, and not for
/// tenants.
pub(super) async fn read(source: &PinSource, modules: &Modules) -> Result<Pin, Pkcs11Fault> {
    let read = match source {
        PinSource::Secret(secret) => from_secret(secret, modules)
            .await
            .map_err(|error| (error.class, error.message)),
        PinSource::File(path) => {
            let path = path.clone();
            let reading = tokio::task::spawn_blocking(move || from_file(&path));
            let read = reading.await.unwrap_or_else(|error| Err(error.into()));
            read.map_err(|error| (ErrorClass::CredentialsRefused, error.to_string()))
        }
        PinSource::Env(name) => Ok(std::env::var(name)
            .ok()
            .map(|value| Pin::new(&Zeroizing::new(value), String::new()))),
    };
    let (fault, error) = match read {
        Ok(Some(pin)) if pin.value.len() > MAX_PIN => (
            Pkcs11Fault::PinUnreadable(ErrorClass::CredentialsRefused),
            format!("it is longer than {MAX_PIN} bytes"),
        ),
        Ok(Some(pin)) if !pin.value.is_empty() => return Ok(pin),
        Ok(_) => (Pkcs11Fault::NoPin, "it is missing or empty".to_owned()),
        Err((class, error)) => (Pkcs11Fault::PinUnreadable(class), error),
    };
    tracing::warn!(%source, error, "cannot read the PIN of a PKCS#11 token");
    Err(fault)
}

async fn from_secret(
    PinSecret { name, key }: &PinSecret,
    modules: &Modules,
) -> Result<Option<Pin>, KeyError> {
    let Some(secrets) = &modules.secrets else {
        return Ok(None);
    };
    let secret = secrets.secret(name).await?;
    Ok(secret.and_then(|secret| Some(Pin::new(secret.text(key)?, secret.version().to_owned()))))
}

/// Reads a file. The time of its last change is the version.
fn from_file(path: &Path) -> io::Result<Option<Pin>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let changed = file.metadata()?.modified()?;
    let mut text = Zeroizing::new(String::new());
    // One byte more shows that it is too long.
    let max = u64::try_from(MAX_PIN + 1).unwrap_or(u64::MAX);
    file.take(max).read_to_string(&mut text)?;
    let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Pin::new(&text, since.as_nanos().to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::error::Pkcs11Error;
    use super::*;

    async fn read_from(source: PinSource) -> Result<Pin, Pkcs11Fault> {
        read(&source, &Modules::default()).await
    }

    #[test]
    fn debug_does_not_show_the_pin() {
        let pin = Pin::new("s3cr3t-pin", "1".to_owned());
        assert!(!format!("{pin:?}").contains("s3cr3t"));
    }

    #[tokio::test]
    async fn reads_a_file_again_after_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let source = PinSource::File(path.clone());
        assert_eq!(read_from(source.clone()).await, Err(Pkcs11Fault::NoPin));
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(read_from(source.clone()).await, Err(Pkcs11Fault::NoPin));
        std::fs::write(&path, "1234\n").unwrap();
        let before = read_from(source.clone()).await.unwrap();
        let again = read_from(source.clone()).await.unwrap();
        assert_eq!(before, again);
        assert_eq!(*before.value, "1234");
        std::fs::write(&path, "5678\n").unwrap();
        let after = read_from(source).await.unwrap();
        assert_ne!(before, after);
    }

    #[tokio::test]
    async fn a_pin_that_is_too_long_is_not_used_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "x".repeat(MAX_PIN)).unwrap();
        assert!(read_from(PinSource::File(path.clone())).await.is_ok());
        std::fs::write(&path, "x".repeat(MAX_PIN + 1)).unwrap();
        let error = read_from(PinSource::File(path)).await;
        let class = ErrorClass::CredentialsRefused;
        assert_eq!(error, Err(Pkcs11Fault::PinUnreadable(class)));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_not_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let fault = read_from(PinSource::File(path.clone())).await.unwrap_err();
        assert!(matches!(fault, Pkcs11Fault::PinUnreadable(_)));
        let key = json!({ "module": "hsm", "token": "ca", "keyLabel": "k" });
        let key = serde_json::from_value(key).unwrap();
        let error = KeyError::from(Pkcs11Error { key, fault });
        assert_eq!(error.class, ErrorClass::CredentialsRefused);
        let start = "the token ca of the PKCS#11 module hsm ";
        assert!(error.message.starts_with(start), "{error}");
        let folder = path.to_str().unwrap();
        assert!(!format!("{error:?}").contains(folder), "{error:?}");
    }

    #[tokio::test]
    async fn reads_an_environment_variable() {
        let found = read_from(PinSource::Env("PATH".to_owned())).await.unwrap();
        assert_eq!(*found.value, std::env::var("PATH").unwrap().trim());
        let missing = read_from(PinSource::Env("SIGNET_NO_SUCH_VARIABLE".to_owned())).await;
        assert_eq!(missing, Err(Pkcs11Fault::NoPin));
    }
}
