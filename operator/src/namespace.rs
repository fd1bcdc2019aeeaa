//! The one namespace from which an issuer's key reads what it needs.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use signet_api::IssuerKind;
use signet_keys::{ErrorClass, KeyError, Namespace, PinSecrets, SecretData, ServiceAccountToken};
use zeroize::Zeroizing;

use crate::api_error::describe;
use crate::issuer_name::IssuerName;

/// The shortest life of a token that the API server gives. A token is made for one login.
const TOKEN_SECONDS: i64 = 600;

/// The type of the Secrets that Kubernetes fills with tokens which do not end.
const SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

/// The namespace of one issuer. It is bound when made: there is no way to ask for another.
#[derive(Clone)]
pub struct IssuerNamespace {
    client: Client,
    namespace: String,
    audience: String,
}

impl IssuerNamespace {
    /// What the key of `issuer` may read, out of `namespace`.
    pub fn new(client: Client, namespace: &str, issuer: &IssuerName) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            audience: audience(issuer),
        }
    }
}

/// The audience of the tokens of an issuer. A namespace's name has no slash and an issuer's
/// neither, so no two issuers share one.
fn audience(issuer: &IssuerName) -> String {
    match issuer.kind {
        IssuerKind::Issuer => format!("signet://{}/{}", issuer.namespace, issuer.name),
        IssuerKind::ClusterIssuer => format!("signet://{}", issuer.name),
    }
}

impl Namespace for IssuerNamespace {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        read_secret(&self.client, &self.namespace, name).boxed()
    }

    fn config_map<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        async move {
            check_name("ConfigMap", name)?;
            let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
            let map = api.get_opt(name).await;
            let map = map.map_err(|error| unread("ConfigMap", name, &error))?;
            Ok(map.map(|map| map.data.unwrap_or_default()))
        }
        .boxed()
    }

    fn token<'a>(
        &'a self,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        async move {
            check_name("ServiceAccount", service_account)?;
            let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
            let wanted = TokenRequest {
                spec: Some(TokenRequestSpec {
                    audiences: Some(vec![self.audience.clone()]),
                    expiration_seconds: Some(TOKEN_SECONDS),
                    ..TokenRequestSpec::default()
                }),
                ..TokenRequest::default()
            };
            let answer = api
                .create_token_request(service_account, &PostParams::default(), &wanted)
                .await
                .map_err(|error| self.no_token(service_account, &error))?;
            let made = answer.status.and_then(|made| made.token);
            let made = made.map(|token| ServiceAccountToken(Zeroizing::new(token)));
            made.ok_or_else(|| {
                let sentence = format!("the API server made no token for {service_account}");
                KeyError::new(ErrorClass::InvalidResponse, sentence)
            })
        }
        .boxed()
    }
}

impl IssuerNamespace {
    fn no_token(&self, service_account: &str, error: &kube::Error) -> KeyError {
        let namespace = &self.namespace;
        match error {
            kube::Error::Api(status) if status.is_forbidden() => KeyError::new(
                ErrorClass::CredentialsRefused,
                format!(
                    "Signet may not make tokens for the ServiceAccount {service_account}; let it \
                     create serviceaccounts/token by a Role and a RoleBinding in the namespace \
                     {namespace}"
                ),
            ),
            kube::Error::Api(status) if status.is_not_found() => KeyError::new(
                ErrorClass::CredentialsRefused,
                format!(
                    "the ServiceAccount {service_account} does not exist; make it in the \
                     namespace {namespace}"
                ),
            ),
            _ => unread("token of the ServiceAccount", service_account, error),
        }
    }
}

/// The namespace of the operator's own Secrets, as its configuration names them.
#[derive(Clone)]
pub struct ClusterResources {
    client: Client,
    namespace: String,
}

impl ClusterResources {
    /// Reads from `namespace`.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }
}

impl PinSecrets for ClusterResources {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        read_secret(&self.client, &self.namespace, name).boxed()
    }
}

impl std::fmt::Debug for ClusterResources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterResources")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

async fn read_secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<SecretData>, KeyError> {
    check_name("Secret", name)?;
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = api.get_opt(name).await;
    let secret = secret.map_err(|error| unread("Secret", name, &error))?;
    secret.map(|secret| data(name, secret)).transpose()
}

/// A ServiceAccount's token is not given to a key: what is read is sent to servers that an Issuer
/// names, and whoever may write Issuers need not be who may act as the ServiceAccount.
fn data(name: &str, secret: Secret) -> Result<SecretData, KeyError> {
    if secret.type_.as_deref() == Some(SERVICE_ACCOUNT_TOKEN) {
        let sentence = format!(
            "the Secret {name} holds a ServiceAccount's token, which Signet gives to nobody; name \
             another Secret, or the ServiceAccount in serviceAccountRef"
        );
        return Err(KeyError::new(ErrorClass::CredentialsRefused, sentence));
    }
    let meta = secret.metadata;
    let version = format!(
        "{}/{}/{}",
        meta.name.unwrap_or_default(),
        meta.uid.unwrap_or_default(),
        meta.resource_version.unwrap_or_default()
    );
    let entries = secret.data.unwrap_or_default().into_iter();
    let data: SecretData = entries.map(|(key, value)| (key, value.0)).collect();
    Ok(data.at(version))
}

/// Whether it is the name of an object. The name becomes part of a path on the API server, and
/// one with slashes would reach beyond the namespace.
fn is_object_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let ends = name.starts_with(['-', '.']) || name.ends_with(['-', '.']);
    !name.is_empty() && name.len() <= 253 && !ends && name.bytes().all(allowed)
}

fn check_name(kind: &str, name: &str) -> Result<(), KeyError> {
    if is_object_name(name) {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    let sentence = format!(
        "{shown:?} is no name of a {kind}; write lower-case letters, digits, hyphens and dots"
    );
    Err(KeyError::new(ErrorClass::KeyUnusable, sentence))
}

/// The sentence holds nothing of what was read: an answer that is no Secret may still hold one.
fn unread(kind: &str, name: &str, error: &kube::Error) -> KeyError {
    let (class, why) = match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            (ErrorClass::CredentialsRefused, describe(error))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => (
            ErrorClass::InvalidResponse,
            format!("the answer is no {kind}"),
        ),
        _ => (ErrorClass::Unreachable, describe(error)),
    };
    KeyError::new(class, format!("the {kind} {name} cannot be read: {why}"))
}

impl std::fmt::Debug for IssuerNamespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerNamespace")
            .field("namespace", &self.namespace)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_service_accounts_token_is_given_to_no_key() {
        let secret = |type_: &str| {
            let secret = serde_json::json!({ "type": type_, "data": { "token": "c2VjcmV0" } });
            data("robot", serde_json::from_value(secret).unwrap())
        };
        assert_eq!(secret("Opaque").unwrap().text("token"), Some("secret"));
        let error = secret(SERVICE_ACCOUNT_TOKEN).unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused);
        assert!(!error.message.contains("secret"), "{error}");
    }

    #[test]
    fn no_two_issuers_share_an_audience() {
        let issuer = |kind, namespace: &str, name: &str| IssuerName {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let cluster = issuer(IssuerKind::ClusterIssuer, "", "ca");
        assert_eq!(audience(&cluster), "signet://ca");
        let own = issuer(IssuerKind::Issuer, "signet-system", "ca");
        assert_eq!(audience(&own), "signet://signet-system/ca");
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_shown() {
        let broken = serde_json::from_str::<u8>("\"c2VjcmV0\"").unwrap_err();
        assert!(broken.to_string().contains("c2VjcmV0"), "{broken}");
        let error = unread("Secret", "ca", &kube::Error::SerdeError(broken));
        assert!(
            !format!("{error} {error:?}").contains("c2VjcmV0"),
            "{error:?}"
        );
        assert_eq!(error.class, ErrorClass::InvalidResponse);
    }

    #[test]
    fn a_missing_permission_is_told_apart_from_a_server_that_is_away() {
        let status = |code, reason: &str| {
            let status = serde_json::json!({
                "status": "Failure", "code": code, "reason": reason, "message": "no",
            });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        let class = |error| unread("Secret", "ca", &error).class;
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
