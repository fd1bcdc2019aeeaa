//! The CertificateRequests in an issuer's namespace.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::ListParams;
use kube::core::ObjectMeta;
use kube::{Api, Client};
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::quote;
use signet_keys::FairSemaphore;

use crate::api_error::describe;
use crate::context::Context;
use crate::deadline::queued;
use crate::issuer_name::IssuerName;
use crate::issuers::reason::{IssuerReason, NotReady};
use crate::pages;
use crate::service_accounts::ServiceAccounts;
use crate::writer::{ObjectVersion, Writer};

/// More requests of one issuer are not read.
const MAX_REQUESTS: usize = 500;
/// The number of requests in one response: users may write metadata of more than 1 MiB.
const PAGE: u32 = 10;
/// Signet gives a request one owner.
const MAX_OWNERS: usize = 4;

/// In whose name a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::issuers) enum Account<'a> {
    /// Signet's own.
    Signet,
    /// A ServiceAccount of the issuer's namespace.
    ServiceAccount(&'a str),
}

/// The CertificateRequests in one namespace.
pub(in crate::issuers) trait CertificateRequests: Send + Sync {
    /// Returns the metadata of those with a label, as Signet's own account sees them.
    fn list<'a>(&'a self, label: &'a str) -> BoxFuture<'a, Result<Vec<ObjectMeta>, NotReady>>;

    fn get<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<CertificateRequest>, NotReady>>;

    /// Creates a request, unless there is one of its name.
    fn create<'a>(
        &'a self,
        account: Account<'a>,
        request: &'a CertificateRequest,
    ) -> BoxFuture<'a, Result<(), NotReady>>;

    /// Deletes a request in the state that was read.
    fn delete<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
        version: &'a ObjectVersion,
    ) -> BoxFuture<'a, Result<(), NotReady>>;
}

/// Those of the API server.
pub(in crate::issuers) struct NamespaceRequests<'a> {
    signet: Client,
    /// Limits the responses that are in memory.
    reads: &'a FairSemaphore,
    /// The namespace whose turn it is.
    tenant: &'a str,
    writer: Writer,
    accounts: Arc<ServiceAccounts>,
    namespace: String,
    now: Timestamp,
}

impl<'a> NamespaceRequests<'a> {
    pub(in crate::issuers) fn new(
        issuer: &'a IssuerName,
        namespace: &str,
        context: &'a Context,
    ) -> Self {
        Self {
            signet: context.client.clone(),
            reads: &context.reads,
            tenant: &issuer.namespace,
            writer: context.writer.clone(),
            accounts: context.service_accounts.clone(),
            namespace: namespace.to_owned(),
            now: (context.now)(),
        }
    }

    async fn client(&self, account: Account<'_>) -> Result<Client, NotReady> {
        let Account::ServiceAccount(name) = account else {
            return Ok(self.signet.clone());
        };
        let client = self.accounts.client(&self.namespace, name, self.now).await;
        client.map_err(|error| NotReady {
            cause: error.cause.as_deref().map(str::to_owned),
            is_missing: error.is_missing,
            ..IssuerReason::WaitingForParent.waits(error.message)
        })
    }

    fn failed(&self, verb: &str, account: Account<'_>, error: &kube::Error) -> NotReady {
        if let (Account::ServiceAccount(name), Some(401)) = (account, code(error)) {
            self.accounts.forget(&self.namespace, name);
        }
        let message = problem(verb, account, &self.namespace, error);
        NotReady {
            is_missing: lacks_role(verb, error),
            ..IssuerReason::WaitingForParent.waits(message)
        }
    }
}

impl CertificateRequests for NamespaceRequests<'_> {
    fn list<'a>(&'a self, label: &'a str) -> BoxFuture<'a, Result<Vec<ObjectMeta>, NotReady>> {
        async move {
            let api: Api<CertificateRequest> =
                Api::namespaced(self.signet.clone(), &self.namespace);
            let mut page = Some(ListParams::default().labels(label).limit(PAGE));
            let mut found = Vec::new();
            let _permit = queued(self.reads.acquire(self.tenant)).await;
            while let Some(params) = page.filter(|_| found.len() < MAX_REQUESTS) {
                let listed = api.list_metadata(&params).await;
                let listed =
                    listed.map_err(|error| self.failed("list", Account::Signet, &error))?;
                let listed_here = listed.items.into_iter();
                found.extend(listed_here.map(|object| identity(object.metadata)));
                page = pages::next(params, &listed.metadata);
            }
            Ok(found)
        }
        .boxed()
    }

    fn get<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<CertificateRequest>, NotReady>> {
        async move {
            let client = self.client(account).await?;
            let api: Api<CertificateRequest> = Api::namespaced(client, &self.namespace);
            let found = api.get_opt(name).await;
            found.map_err(|error| self.failed("get", account, &error))
        }
        .boxed()
    }

    fn create<'a>(
        &'a self,
        account: Account<'a>,
        request: &'a CertificateRequest,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        async move {
            let writer = self.writer.acting_as(self.client(account).await?);
            let created = writer.create(&self.namespace, request).await;
            let created = created.map_err(|error| self.failed("create", account, &error))?;
            if created {
                let (namespace, name) = (&self.namespace, request.metadata.name.as_deref());
                tracing::info!(namespace, name, "created a CertificateRequest for a CA");
            }
            Ok(())
        }
        .boxed()
    }

    fn delete<'a>(
        &'a self,
        account: Account<'a>,
        name: &'a str,
        version: &'a ObjectVersion,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        async move {
            let writer = self.writer.acting_as(self.client(account).await?);
            let requests = writer.namespaced::<CertificateRequest>(&self.namespace);
            let deleted = requests.delete(name, version).await;
            deleted.map_err(|error| self.failed("delete", account, &error))?;
            let namespace = &self.namespace;
            tracing::info!(
                namespace,
                name,
                "deleted a CertificateRequest of an earlier CA"
            );
            Ok(())
        }
        .boxed()
    }
}

impl fmt::Debug for NamespaceRequests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamespaceRequests({})", self.namespace)
    }
}

/// Returns what is read of a request's metadata. A name has few owners, and may be given thousands.
fn identity(meta: ObjectMeta) -> ObjectMeta {
    let mut owners = meta.owner_references.unwrap_or_default();
    owners.truncate(MAX_OWNERS);
    ObjectMeta {
        name: meta.name,
        uid: meta.uid,
        resource_version: meta.resource_version,
        owner_references: Some(owners),
        ..ObjectMeta::default()
    }
}

const fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Whether a Role is missing, by the words of the API server's RBAC authorizer.
fn lacks_role(verb: &str, error: &kube::Error) -> bool {
    let denial = format!("cannot {verb} resource");
    code(error) == Some(403) && describe(error).contains(&denial)
}

/// Returns why a call failed, and what to change.
fn problem(verb: &str, account: Account<'_>, namespace: &str, error: &kube::Error) -> String {
    let described = describe(error);
    match (code(error), account) {
        (Some(403), Account::ServiceAccount(name)) if lacks_role(verb, error) => format!(
            "the ServiceAccount {name} may not {verb} CertificateRequests; allow it to create, get \
             and delete certificaterequests.cert-manager.io with a Role and a RoleBinding in the \
             namespace {namespace}"
        ),
        (Some(403), Account::Signet) if lacks_role(verb, error) => format!(
            "Signet may not {verb} CertificateRequests in the namespace {namespace}; install the \
             roles of this version's chart"
        ),
        (Some(401), Account::ServiceAccount(name)) => format!(
            "the API server did not accept the token of the ServiceAccount {name}; Signet requests \
             another one"
        ),
        (Some(404), _) => format!(
            "there are no CertificateRequests in the namespace {namespace}; install cert-manager"
        ),
        (Some(_), _) => format!(
            "the API server refused to {verb} a CertificateRequest: {}",
            quote::message(&described)
        ),
        (None, _) => format!(
            "the API server did not respond: {}",
            quote::message(&described)
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Users may create requests with the label of an issuer.
    #[test]
    fn giant_metadata_of_a_forged_request_is_not_kept() {
        let owner = json!({ "apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u" });
        let meta = json!({
            "name": "issuer-ca-1-1-0123456789", "uid": "u", "resourceVersion": "7",
            "annotations": { "a": "x".repeat(200_000) }, "labels": { "b": "x" },
            "finalizers": vec!["example.com/x"; 10_000], "ownerReferences": vec![owner; 10_000],
        });
        let kept = json!(identity(serde_json::from_value(meta).unwrap())).to_string();
        assert!(kept.len() < 1000, "{}", kept.len());
        for part in ["issuer-ca-1-1-0123456789", "\"u\"", "\"7\""] {
            assert!(kept.contains(part), "{kept}");
        }
    }

    fn refused(code: u16, message: &str, account: Account<'_>) -> String {
        let status = json!({ "status": "Failure", "code": code, "message": message });
        let error = kube::Error::Api(serde_json::from_value(status).unwrap());
        problem("create", account, "shop", &error)
    }

    #[test]
    fn names_the_role_that_the_account_lacks() {
        let denied = "certificaterequests.cert-manager.io is forbidden: User \
                      \"system:serviceaccount:shop:robot\" cannot create resource \
                      \"certificaterequests\" in API group \"cert-manager.io\"";
        let message = refused(403, denied, Account::ServiceAccount("robot"));
        for part in ["robot", "create, get and delete", "Role", "shop"] {
            assert!(message.contains(part), "{message}");
        }
        let message = refused(403, denied, Account::Signet);
        assert!(message.contains("chart"), "{message}");
    }

    /// A webhook's refusal is no lack of a Role, and its text is hostile.
    #[test]
    fn quotes_what_a_webhook_says() {
        let denied = format!(
            "admission webhook \"x\" denied it\u{1b}[31m{}",
            "a".repeat(9000)
        );
        let message = refused(403, &denied, Account::ServiceAccount("robot"));
        assert!(message.contains("admission webhook"), "{message}");
        assert!(!message.contains('\u{1b}'), "{message}");
        assert!(message.len() < 1000, "{message}");
    }
}
