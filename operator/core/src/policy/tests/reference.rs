//! What a requester who may not use an issuer is told.

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{denied, plain, request, requester};
use crate::reason::Reason;
use crate::request::{RawRequest, Reference};

fn message(namespace: &str, name: &str, username: &str) -> String {
    let request = RawRequest {
        requester: requester(username),
        reference: Reference::Denied {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
        ..request(&CsrParts::default())
    };
    let denial = denied(request, &plain());
    assert_eq!(denial.reason, Reason::DeniedReference);
    denial.message
}

#[test]
fn a_denial_shows_the_role_and_its_binding() {
    let username = "system:serviceaccount:team:web";
    let role = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"reference-ca","namespace":"shop"},"rules":[{"apiGroups":["signet.dev"],"resources":["signers"],"resourceNames":["ca"],"verbs":["reference"]}]}"#;
    assert_eq!(
        message("shop", "ca", username),
        format!(
            "\"{username}\" is not allowed to use the Issuer shop/ca; allow it with: echo '{role}' \
             | kubectl apply -f - && kubectl create rolebinding -n shop \
             reference-ca-system:serviceaccount:team:web --role=reference-ca --serviceaccount=team:web"
        )
    );
    let user = message("shop", "ca", "alice@example.org");
    assert!(user.ends_with(" --user=alice@example.org"), "{user}");
    let other = message("shop", "ca", "https://idp/bob");
    let binding = " reference-ca-https:--idp-bob --role=reference-ca --user=https://idp/bob";
    assert!(other.ends_with(binding), "each has a binding: {other}");
}

/// Usernames of other identity providers can hold anything, and administrators copy the command.
#[test]
fn keeps_shell_syntax_in_a_username_out_of_the_command() {
    for username in [
        "",
        "mallory'; rm -rf /;'",
        "$(reboot)",
        "a b",
        "a\nb",
        "a\"b",
        "a\\b",
        "süß",
        "system:serviceaccount:shop:web;reboot",
        &"m".repeat(10_000),
    ] {
        let message = message("shop", "ca", username);
        assert!(!message.contains("kubectl"), "{message}");
        assert!(message.contains("the verb \"reference\""), "{message}");
    }
    for (namespace, name) in [("shop", "ca'"), ("shop;reboot", "ca"), ("", "ca")] {
        let message = message(namespace, name, "alice");
        assert!(!message.contains("kubectl"), "{message}");
    }
}
