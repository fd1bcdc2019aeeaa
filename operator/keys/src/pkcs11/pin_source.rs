//! Where PINs come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use zeroize::Zeroizing;

use super::error::{Pkcs11Error, TokenName};
use super::pin::Pin;
use crate::access::{Modules, PinSecret, PinSource};
use crate::error::ErrorClass;

/// No PIN is longer. CloudHSM's are a user's name and a password.
const MAX_FILE_LEN: u64 = 4096;

/// Reads the PIN of a token. Errors do not say where it comes from: that is in the operator's log,
/// and not for tenants.
pub(super) async fn read(
    token: &TokenName,
    source: &PinSource,
    modules: &Modules,
) -> Result<Pin, Pkcs11Error> {
    match source {
        PinSource::Secret(secret) => from_secret(token, secret, modules).await,
        PinSource::File(path) => {
            let (name, path) = (token.clone(), path.clone());
            let reading = tokio::task::spawn_blocking(move || from_file(&name, &path));
            reading
                .await
                .unwrap_or_else(|_| Err(unreadable(token, ErrorClass::Unreachable)))
        }
        PinSource::Env(name) => from_env(token, name),
    }
}

fn unreadable(token: &TokenName, class: ErrorClass) -> Pkcs11Error {
    Pkcs11Error::PinUnreadable {
        token: token.clone(),
        class,
    }
}

async fn from_secret(
    token: &TokenName,
    PinSecret { name, key }: &PinSecret,
    modules: &Modules,
) -> Result<Pin, Pkcs11Error> {
    let missing = || {
        tracing::warn!(%token, secret = name, key, "the Secret has no PIN");
        Pkcs11Error::NoPin(token.clone())
    };
    let secrets = modules.secrets.as_ref().ok_or_else(missing)?;
    let secret = secrets.secret(name).await.map_err(|error| {
        tracing::warn!(%token, secret = name, %error, "the Secret with the PIN cannot be read");
        unreadable(token, error.class)
    })?;
    let secret = secret.ok_or_else(missing)?;
    let value = secret.text(key).ok_or_else(missing)?;
    let version = secret.version().to_owned();
    let source = format!("secret/{name}/{key}/{version}");
    Ok(Pin::new(token, value, version, &source))
}

fn from_file(token: &TokenName, path: &Path) -> Result<Pin, Pkcs11Error> {
    let (text, version) = contents(path).map_err(|error| {
        let path = path.display();
        tracing::warn!(%token, %path, %error, "the file with the PIN cannot be read");
        match error.kind() {
            io::ErrorKind::NotFound => Pkcs11Error::NoPin(token.clone()),
            _ => unreadable(token, ErrorClass::CredentialsRefused),
        }
    })?;
    let value = text.trim();
    if value.is_empty() {
        tracing::warn!(%token, path = %path.display(), "the file with the PIN is empty");
        return Err(Pkcs11Error::NoPin(token.clone()));
    }
    let source = format!("file/{}", path.display());
    Ok(Pin::new(token, value, version, &source))
}

/// The text of a file, and when it changed last.
fn contents(path: &Path) -> io::Result<(Zeroizing<String>, String)> {
    let file = File::open(path)?;
    let changed = file.metadata()?.modified()?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_LEN).read_to_string(&mut text)?;
    let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((text, since.as_nanos().to_string()))
}

fn from_env(token: &TokenName, name: &str) -> Result<Pin, Pkcs11Error> {
    let value = std::env::var(name).map(Zeroizing::new).unwrap_or_default();
    let value = value.trim();
    if value.is_empty() {
        tracing::warn!(%token, variable = name, "the environment variable has no PIN");
        return Err(Pkcs11Error::NoPin(token.clone()));
    }
    Ok(Pin::new(
        token,
        value,
        String::new(),
        &format!("env/{name}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::pin::fixtures::token;
    use super::*;

    async fn read_from(source: PinSource) -> Result<Pin, Pkcs11Error> {
        read(&token(), &source, &Modules::default()).await
    }

    #[tokio::test]
    async fn reads_a_file_again_after_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let source = PinSource::File(path.clone());
        let missing = read_from(source.clone()).await.unwrap_err();
        assert_eq!(missing, Pkcs11Error::NoPin(token()));
        std::fs::write(&path, " \n").unwrap();
        let empty = read_from(source.clone()).await.unwrap_err();
        assert_eq!(empty, Pkcs11Error::NoPin(token()));
        std::fs::write(&path, "1234\n").unwrap();
        let before = read_from(source.clone()).await.unwrap();
        let again = read_from(source.clone()).await.unwrap();
        assert!(before.is_same(&again));
        assert_eq!(before.value(), "1234");
        std::fs::write(&path, "5678\n").unwrap();
        let after = read_from(source).await.unwrap();
        assert!(!before.is_same(&after));
        assert_eq!(before.id(), after.id(), "the id is no trace of the PIN");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_not_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let error = read_from(PinSource::File(path.clone())).await.unwrap_err();
        assert!(matches!(error, Pkcs11Error::PinUnreadable { .. }));
        assert!(!error.to_string().contains(path.to_str().unwrap()));
    }

    #[tokio::test]
    async fn reads_an_environment_variable() {
        let found = read_from(PinSource::Env("PATH".to_owned())).await.unwrap();
        assert_eq!(found.value(), std::env::var("PATH").unwrap().trim());
        let missing = read_from(PinSource::Env("SIGNET_NO_SUCH_VARIABLE".to_owned())).await;
        assert_eq!(missing.unwrap_err(), Pkcs11Error::NoPin(token()));
    }
}
