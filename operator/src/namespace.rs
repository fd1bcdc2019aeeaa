//! Reads what keys need from one namespace.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use signet_api::IssuerKind;
use signet_keys::{
    ErrorClass, KeyError, Namespace, PinSecrets, SecretData, ServiceAccountToken, chain,
};
use zeroize::Zeroizing;

use crate::api_error::describe;
use crate::issuer_name::IssuerName;
use crate::service_accounts::ApiServerToken;

/// The shortest lifetime of a token that the API server allows. A token is used for one login.
const TOKEN_SECONDS: i64 = 600;

/// The type of Secrets that hold ServiceAccount tokens without expiry.
const SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

#[derive(Clone)]
pub struct Secrets {
    client: Client,
    namespace: String,
}

impl Secrets {
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }
}

impl PinSecrets for Secrets {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        async move {
            let secret = get::<Secret>(&self.client, &self.namespace, name).await?;
            secret.map(|secret| data(name, secret)).transpose()
        }
        .boxed()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.namespace)
    }
}

/// The namespace of one issuer. No other namespace can be read through it.
#[derive(Clone, Debug)]
pub struct IssuerNamespace {
    secrets: Secrets,
    audience: String,
}

impl IssuerNamespace {
    /// Returns what the key of `issuer` may read in `namespace`.
    pub fn new(client: Client, namespace: &str, issuer: &IssuerName) -> Self {
        Self {
            secrets: Secrets::new(client, namespace),
            audience: audience(issuer),
        }
    }
}

/// Returns the audience of an issuer's tokens. Neither a namespace's name nor an issuer's has a slash,
/// so no two issuers share an audience. A MeshCA's key is in a Secret and needs no token.
fn audience(issuer: &IssuerName) -> String {
    match issuer.kind {
        IssuerKind::Issuer => format!("signet://{}/{}", issuer.namespace, issuer.name),
        IssuerKind::ClusterIssuer => format!("signet://{}", issuer.name),
        IssuerKind::MeshCA => format!("signet://meshca/{}/{}", issuer.namespace, issuer.name),
    }
}

impl Namespace for IssuerNamespace {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        self.secrets.secret(name)
    }

    fn config_map<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        async move {
            let Secrets { client, namespace } = &self.secrets;
            let map = get::<ConfigMap>(client, namespace, name).await?;
            Ok(map.map(|map| map.data.unwrap_or_default()))
        }
        .boxed()
    }

    fn token<'a>(
        &'a self,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        async move {
            let Secrets { client, namespace } = &self.secrets;
            let audiences = Some(vec![self.audience.clone()]);
            let token = token(client, namespace, service_account, audiences).await?;
            Ok(ServiceAccountToken(token.token))
        }
        .boxed()
    }
}

/// Requests a token of a ServiceAccount that only the API server accepts.
pub(crate) async fn api_server_token(
    client: &Client,
    namespace: &str,
    service_account: &str,
) -> Result<ApiServerToken, KeyError> {
    token(client, namespace, service_account, None).await
}

/// Requests a token. Without audiences it is for the API server.
async fn token(
    client: &Client,
    namespace: &str,
    service_account: &str,
    audiences: Option<Vec<String>>,
) -> Result<ApiServerToken, KeyError> {
    check_name("ServiceAccount", service_account)?;
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences,
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let response = api
        .create_token_request(service_account, &PostParams::default(), &request)
        .await
        .map_err(|error| no_token(service_account, namespace, &error))?;
    let token = response.status.and_then(|status| {
        Some(ApiServerToken {
            token: Zeroizing::new(status.token?),
            // Without an expiry, it is used once.
            until: status
                .expiration_timestamp
                .map_or(Timestamp::MIN, |at| at.0),
        })
    });
    token.ok_or_else(|| {
        let message = format!("the API server returned no token for {service_account}");
        KeyError::new(ErrorClass::InvalidResponse, message)
    })
}

fn no_token(service_account: &str, namespace: &str, error: &kube::Error) -> KeyError {
    let message = match error {
        kube::Error::Api(status) if status.is_forbidden() => format!(
            "Signet may not create tokens for the ServiceAccount {service_account}; allow it to \
             create serviceaccounts/token with a Role and a RoleBinding in the namespace {namespace}"
        ),
        kube::Error::Api(status) if status.is_not_found() => format!(
            "the ServiceAccount {service_account} does not exist; create it in the namespace \
             {namespace}"
        ),
        _ => return unread("token of the ServiceAccount", service_account, error),
    };
    KeyError::new(ErrorClass::CredentialsRefused, message).missing()
}

async fn get<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<K>, KeyError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    check_name(&kind, name)?;
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let object = api.get_opt(name).await;
    object.map_err(|error| unread(&kind, name, &error))
}

/// Returns the data of a Secret. A ServiceAccount's token is refused: the data is sent to servers that
/// an Issuer names, and users who may write Issuers may not be allowed to act as the ServiceAccount.
fn data(name: &str, secret: Secret) -> Result<SecretData, KeyError> {
    if secret.type_.as_deref() == Some(SERVICE_ACCOUNT_TOKEN) {
        let message = format!(
            "the Secret {name} holds a ServiceAccount's token, which Signet never sends to a server; \
             name another Secret, or the ServiceAccount in serviceAccountRef"
        );
        return Err(KeyError::new(ErrorClass::CredentialsRefused, message));
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

/// Whether this is the name of an object. The name becomes part of a path on the API server, and a
/// slash in it would reach beyond the namespace.
pub(crate) fn is_object_name(name: &str) -> bool {
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
    let message = format!(
        "{shown:?} is not a valid name of a {kind}; use lower-case letters, digits, hyphens and dots"
    );
    Err(KeyError::new(ErrorClass::KeyUnusable, message))
}

/// Reports a failed read. The message contains nothing of the response, which may hold a secret.
fn unread(kind: &str, name: &str, error: &kube::Error) -> KeyError {
    let failed = |class, why: String| {
        KeyError::new(class, format!("the {kind} {name} cannot be read: {why}"))
    };
    match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            failed(ErrorClass::CredentialsRefused, describe(error)).missing()
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            let why = format!("the response is not a {kind}");
            failed(ErrorClass::InvalidResponse, why)
        }
        kube::Error::Service(_) | kube::Error::HyperError(_) => {
            failed(ErrorClass::Unreachable, error.to_string()).caused_by(chain(error))
        }
        _ => failed(ErrorClass::Unreachable, describe(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_names_that_reach_beyond_the_namespace() {
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
    fn never_reads_a_service_accounts_token_from_a_secret() {
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
        let mesh = issuer(IssuerKind::MeshCA, "signet-system", "ca");
        assert_eq!(audience(&mesh), "signet://meshca/signet-system/ca");
    }

    #[test]
    fn never_shows_an_unreadable_response() {
        let broken = serde_json::from_str::<u8>("\"c2VjcmV0\"").unwrap_err();
        assert!(broken.to_string().contains("c2VjcmV0"), "{broken}");
        let error = unread("Secret", "ca", &kube::Error::SerdeError(broken));
        assert!(
            !format!("{error} {error:?}").contains("c2VjcmV0"),
            "{error:?}"
        );
        assert_eq!(error.class, ErrorClass::InvalidResponse);
    }

    /// Tenants read the message, and administrators the cause.
    #[test]
    fn the_cause_of_a_failed_connection_is_not_in_the_message() {
        #[derive(Debug, thiserror::Error)]
        #[error("not sent")]
        struct Transport(#[source] std::io::Error);
        let refused = Transport(std::io::Error::other("refused by 10.0.0.1"));
        let error = unread("Secret", "ca", &kube::Error::Service(Box::new(refused)));
        assert!(error.message.ends_with("not sent"), "{error:?}");
        assert!(error.cause.unwrap().ends_with("refused by 10.0.0.1"));
    }

    /// The ServiceAccount, or the Role for its token, may be applied after the issuer.
    #[test]
    fn a_missing_service_account_or_role_may_still_be_created() {
        for (code, reason, expected) in [
            (403, "Forbidden", (ErrorClass::CredentialsRefused, true)),
            (404, "NotFound", (ErrorClass::CredentialsRefused, true)),
            (503, "ServiceUnavailable", (ErrorClass::Unreachable, false)),
        ] {
            let status = serde_json::json!({
                "status": "Failure", "code": code, "reason": reason, "message": "no",
            });
            let error = kube::Error::Api(serde_json::from_value(status).unwrap());
            let error = no_token("robot", "shop", &error);
            assert_eq!((error.class, error.is_missing), expected, "{error}");
        }
    }

    #[test]
    fn distinguishes_a_missing_permission_from_an_unavailable_server() {
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
