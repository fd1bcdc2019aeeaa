//! The requester: the user that the API server recorded, and whether it is a ServiceAccount.

use std::collections::BTreeMap;

use crate::quote;

/// How the username of a ServiceAccount begins.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// The group of all ServiceAccounts; with `:<namespace>`, of those of a namespace.
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// The key in a user's extra under which the API server records the credential of a login.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
/// How the identifier of a client certificate begins. A ServiceAccount token's is `JTI=`.
const CLIENT_CERTIFICATE: &str = "X509SHA256=";

/// A ServiceAccount, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceAccount {
    /// The account's namespace.
    pub namespace: String,
    /// The account's name.
    pub name: String,
}

impl ServiceAccount {
    /// Reads the username of a ServiceAccount, `system:serviceaccount:<namespace>:<name>`.
    ///
    /// A username does not prove who logged in; [`Requester::service_account`] does.
    pub fn from_username(username: &str) -> Option<Self> {
        let (namespace, name) = username.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
        let complete = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
        complete.then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Returns the username that the API server has for the account.
    pub fn username(&self) -> String {
        format!("{SERVICE_ACCOUNT}{}:{}", self.namespace, self.name)
    }

    /// Returns the groups of ServiceAccounts that the API server puts the account in.
    pub fn groups(&self) -> [String; 2] {
        let of_namespace = format!("{SERVICE_ACCOUNTS}:{}", self.namespace);
        [SERVICE_ACCOUNTS.to_owned(), of_namespace]
    }
}

/// Who made the request, as the API server or cert-manager's webhook stamped it (CM-2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requester {
    /// `spec.username`.
    pub username: String,
    /// `spec.uid`; empty when there is none.
    pub uid: String,
    /// `spec.groups`.
    pub groups: Vec<String>,
    /// `spec.extra`: what the authenticator added.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Why a requester is not recognized as a ServiceAccount. Each message follows the username.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotServiceAccount {
    /// The username is not that of a ServiceAccount.
    #[error("is not a ServiceAccount")]
    Username,
    /// The UID is missing.
    #[error("has a ServiceAccount's username but no UID; use a token of that ServiceAccount")]
    NoUid,
    /// A group that every ServiceAccount is in is missing.
    #[error(
        "has a ServiceAccount's username but is not in the group {}; use a token of that ServiceAccount",
        quote::text(.0)
    )]
    NoGroup(String),
    /// It logged in with a client certificate, whose names its issuer chose.
    #[error(
        "logged in with a client certificate, which can carry any username; use a token of that ServiceAccount"
    )]
    ClientCertificate,
}

impl Requester {
    /// Recognizes the ServiceAccount whose token the requester logged in with.
    ///
    /// The username is not enough: client certificates and mappings of other identity providers
    /// can carry it. The API server sets the UID of a token's ServiceAccount and two groups,
    /// and records what kind of credential it was.
    ///
    /// # Errors
    /// The requester is not a ServiceAccount, or did not log in as one.
    pub fn service_account(&self) -> Result<ServiceAccount, NotServiceAccount> {
        let account = ServiceAccount::from_username(&self.username);
        let account = account.ok_or(NotServiceAccount::Username)?;
        if self.has_client_certificate() {
            return Err(NotServiceAccount::ClientCertificate);
        }
        if self.uid.is_empty() {
            return Err(NotServiceAccount::NoUid);
        }
        let mut groups = account.groups().into_iter();
        match groups.find(|group| !self.groups.contains(group)) {
            Some(group) => Err(NotServiceAccount::NoGroup(group)),
            None => Ok(account),
        }
    }

    fn has_client_certificate(&self) -> bool {
        self.extra
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(CREDENTIAL_ID))
            .flat_map(|(_, values)| values)
            .any(|value| value.starts_with(CLIENT_CERTIFICATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::request::requester;

    const WEB: &str = "system:serviceaccount:shop:web";

    fn with_credential(key: &str, values: &[&str]) -> Requester {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Requester {
            extra: [(key.to_owned(), values)].into(),
            ..(*requester(WEB)).clone()
        }
    }

    fn with_groups(groups: &[&str]) -> Requester {
        Requester {
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..(*requester(WEB)).clone()
        }
    }

    #[test]
    fn rejects_incomplete_service_account_usernames() {
        let account = ServiceAccount::from_username(WEB).unwrap();
        assert_eq!(
            (account.namespace.as_str(), account.name.as_str()),
            ("shop", "web")
        );
        assert_eq!(account.username(), WEB);
        for other in [
            "alice",
            "system:serviceaccount:shop",
            "system:serviceaccount::web",
            "system:serviceaccount:shop:",
            "system:serviceaccount:shop:web:extra",
            "x-system:serviceaccount:shop:web",
        ] {
            assert_eq!(ServiceAccount::from_username(other), None, "{other}");
            let error = requester(other).service_account().unwrap_err();
            assert_eq!(error, NotServiceAccount::Username);
        }
    }

    #[test]
    fn recognizes_tokens_of_every_kind() {
        for extra in [
            // A token of a TokenRequest, one bound to a Pod, and one of a Secret.
            with_credential(CREDENTIAL_ID, &["JTI=7a1b0e6e-8a4b-4f0a-9d07-52a3c7f8a3f1"]),
            with_credential("authentication.kubernetes.io/pod-name", &["web-0"]),
            (*requester(WEB)).clone(),
        ] {
            let account = extra.service_account().unwrap();
            assert_eq!((&*account.namespace, &*account.name), ("shop", "web"));
        }
    }

    #[test]
    fn a_client_certificate_with_the_username_of_a_service_account_is_refused() {
        let forged = NotServiceAccount::ClientCertificate;
        for (key, values) in [
            (CREDENTIAL_ID, &["X509SHA256=00ff"][..]),
            (CREDENTIAL_ID, &["JTI=7a1b0e6e", "X509SHA256=00ff"]),
            (
                "Authentication.Kubernetes.io/Credential-Id",
                &["X509SHA256="],
            ),
        ] {
            let requester = with_credential(key, values);
            assert_eq!(
                requester.service_account(),
                Err(forged.clone()),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_username_without_the_uid_or_groups_of_a_service_account_is_refused() {
        let uid = Requester {
            uid: String::new(),
            ..(*requester(WEB)).clone()
        };
        assert_eq!(uid.service_account(), Err(NotServiceAccount::NoUid));
        for (groups, missing) in [
            (&[][..], "system:serviceaccounts"),
            (&["system:authenticated"], "system:serviceaccounts"),
            (&["system:serviceaccounts:shop"], "system:serviceaccounts"),
            (&["system:serviceaccounts"], "system:serviceaccounts:shop"),
            (
                &["system:serviceaccounts", "system:serviceaccounts:till"],
                "system:serviceaccounts:shop",
            ),
            (
                &["system:serviceaccounts", "system:serviceaccounts:shop:web"],
                "system:serviceaccounts:shop",
            ),
        ] {
            let error = with_groups(groups).service_account().unwrap_err();
            assert_eq!(error, NotServiceAccount::NoGroup(missing.to_owned()));
        }
    }
}
