//! Secrets, read one by one from the one namespace that an issuer may read.

use std::collections::HashMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use signet_keys::{ErrorClass, KeyError, SecretData, Secrets};
use tokio::sync::Mutex;

/// The Secrets of one namespace. It is bound when made: there is no way to ask for another.
#[derive(Clone)]
pub struct NamespaceSecrets(Api<Secret>);

impl NamespaceSecrets {
    /// The Secrets of `namespace`.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self(Api::namespaced(client, namespace))
    }
}

impl Secrets for NamespaceSecrets {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async move {
            if !is_object_name(name) {
                return Err(no_name(name));
            }
            let secret = self
                .0
                .get_opt(name)
                .await
                .map_err(|error| unread(name, &error))?;
            let data = secret.map(|secret| secret.data.unwrap_or_default());
            Ok(data.map(|data| {
                data.into_iter()
                    .map(|(key, value)| (key, value.0))
                    .collect()
            }))
        }
        .boxed()
    }
}

/// Whether it is the name of an object. The name becomes part of a path on the API server, and
/// one with slashes would reach beyond the namespace.
fn is_object_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let ends = name.starts_with(['-', '.']) || name.ends_with(['-', '.']);
    !name.is_empty() && name.len() <= 253 && !ends && name.bytes().all(allowed)
}

fn no_name(name: &str) -> KeyError {
    let shown: String = name.chars().take(64).collect();
    let sentence = format!(
        "{shown:?} is no name of a Secret; write lower-case letters, digits, hyphens and dots"
    );
    KeyError::new(ErrorClass::KeyUnusable, sentence)
}

/// Secrets of which each is read once, so that what belongs together, such as a key and the
/// certificate beside it, comes out of one version of the Secret.
pub struct Snapshot<S> {
    secrets: S,
    read: Mutex<HashMap<String, Option<SecretData>>>,
}

impl<S: Secrets> Snapshot<S> {
    /// A snapshot that is taken as it is read.
    pub fn of(secrets: S) -> Self {
        Self {
            secrets,
            read: Mutex::default(),
        }
    }
}

impl<S: Secrets> Secrets for Snapshot<S> {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async move {
            let mut read = self.read.lock().await;
            if let Some(data) = read.get(name) {
                return Ok(data.clone());
            }
            let data = self.secrets.read(name).await?;
            read.insert(name.to_owned(), data.clone());
            Ok(data)
        }
        .boxed()
    }
}

impl<S> std::fmt::Debug for Snapshot<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

/// The sentence holds nothing of what was read: an answer that is no Secret may still hold one.
fn unread(name: &str, error: &kube::Error) -> KeyError {
    let (class, why) = match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            (ErrorClass::CredentialsRefused, error.to_string())
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => (
            ErrorClass::WrongAnswer,
            "the answer is no Secret".to_owned(),
        ),
        _ => (ErrorClass::Unreachable, error.to_string()),
    };
    KeyError::new(class, format!("the Secret {name} cannot be read: {why}"))
}

impl std::fmt::Debug for NamespaceSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamespaceSecrets(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// A Secret that changes between any two reads.
    #[derive(Default)]
    struct Changing(AtomicU8);

    impl Secrets for Changing {
        fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
            let version = self.0.fetch_add(1, Ordering::Relaxed);
            let data = [("version", vec![version])].into_iter().collect();
            async { Ok(Some(data)) }.boxed()
        }
    }

    #[test]
    fn a_name_that_would_reach_beyond_the_namespace_is_none() {
        for name in ["ca", "ca-key.v2", "0", &"a".repeat(253)] {
            assert!(is_object_name(name), "{name}");
        }
        for name in [
            "",
            "../x",
            "a/b",
            "..",
            ".a",
            "a-",
            "A",
            "a b",
            "a%2fb",
            "a?b",
            &"a".repeat(254),
        ] {
            assert!(!is_object_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_snapshot_shows_one_version_of_each_secret() {
        let snapshot = Snapshot::of(Changing::default());
        let version = async |name| {
            let data = snapshot.read(name).await.unwrap().unwrap();
            data.get("version").unwrap()[0]
        };
        assert_eq!(version("a").await, 0);
        assert_eq!(version("a").await, 0);
        assert_eq!(version("b").await, 1);
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_shown() {
        let broken = serde_json::from_str::<u8>("\"c2VjcmV0\"").unwrap_err();
        assert!(broken.to_string().contains("c2VjcmV0"), "{broken}");
        let error = unread("ca", &kube::Error::SerdeError(broken));
        assert!(
            !format!("{error} {error:?}").contains("c2VjcmV0"),
            "{error:?}"
        );
        assert_eq!(error.class, ErrorClass::WrongAnswer);
    }

    #[test]
    fn a_missing_permission_is_told_apart_from_a_server_that_is_away() {
        let status = |code, reason: &str| {
            let status = serde_json::json!({
                "status": "Failure", "code": code, "reason": reason, "message": "no",
            });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        let class = |error| unread("ca", &error).class;
        assert_eq!(
            class(status(403, "Forbidden")),
            ErrorClass::CredentialsRefused
        );
        assert_eq!(
            class(status(503, "ServiceUnavailable")),
            ErrorClass::Unreachable
        );
    }
}
