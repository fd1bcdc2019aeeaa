//! Whether the requester may use the issuer.

use super::Denial;
use crate::quote;
use crate::reason::Reason;
use crate::request::{Reference, Request, ServiceAccount};

/// Refuses a requester without access to a namespaced issuer; the message shows how to allow it.
pub(super) fn check(request: &Request) -> Result<(), Denial> {
    let Reference::Denied { namespace, name } = &request.raw.reference else {
        return Ok(());
    };
    if let Some(pod) = &request.raw.pod {
        return Err(Reason::DeniedReference.denial(format!(
            "the Issuer {namespace}/{name} issues certificates for pods of its own namespace only, \
             and the Pod is in {}; use an Issuer there, or a ClusterIssuer",
            pod.namespace
        )));
    }
    let username = &request.raw.requester.username;
    let refused = format!(
        "{} is not allowed to use the Issuer {namespace}/{name}",
        quote::text(username)
    );
    let advice = match command(namespace, name, username) {
        Some(command) => format!("allow it with: {command}"),
        None => "allow it the verb \"reference\" on \"signers\" of group signet.dev, in the \
                 issuer's namespace and by the issuer's name"
            .to_owned(),
    };
    Err(Reason::DeniedReference.denial(format!("{refused}; {advice}")))
}

/// Returns the command for an administrator to copy; none where a name is not safe in a shell.
///
/// `kubectl create role` refuses signers, which are not a resource of the API server.
fn command(namespace: &str, name: &str, username: &str) -> Option<String> {
    let subject = match ServiceAccount::from_username(username) {
        Some(account) => format!("--serviceaccount={}:{}", account.namespace, account.name),
        None => format!("--user={username}"),
    };
    if ![namespace, name, username].into_iter().all(is_plain) {
        return None;
    }
    let role = format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{{"name":"reference-{name}","namespace":"{namespace}"}},"rules":[{{"apiGroups":["signet.dev"],"resources":["signers"],"resourceNames":["{name}"],"verbs":["reference"]}}]}}"#
    );
    // Each requester has a RoleBinding of its own; a name has no slash.
    let binding = format!("reference-{name}-{}", username.replace('/', "-"));
    Some(format!(
        "echo '{role}' | kubectl apply -f - && kubectl create rolebinding -n {namespace} \
         {binding} --role=reference-{name} {subject}"
    ))
}

/// Returns whether a shell and JSON read the text as it is.
fn is_plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:@/".contains(&byte);
    !text.is_empty() && text.len() <= 512 && text.bytes().all(allowed)
}
