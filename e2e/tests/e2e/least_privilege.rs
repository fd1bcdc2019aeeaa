//! The operator's rights, judged by all that it did in the whole run on every control plane, as
//! the API server's audit log has it. These run after all other tests.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use signet::permissions::{PERMISSIONS, Permission, Scope};
use signet_e2e::audit::{Event, calls_of_ca_requesters, calls_of_run, every_call_is_permitted};
use signet_e2e::runner;

/// That each permission is used holds only for a whole run, and that each call is permitted
/// of any.
pub(crate) fn tests(complete: bool) -> Vec<Trial> {
    vec![
        runner::trial(
            module_path!(),
            "every_call_is_permitted",
            every_call_is_permitted,
        ),
        runner::trial(module_path!(), "no_call_was_refused", no_call_was_refused),
        runner::trial(
            module_path!(),
            "the_token_of_a_tenant_is_used_for_requests_only",
            the_token_of_a_tenant_is_used_for_requests_only,
        ),
        runner::trial(
            module_path!(),
            "every_permission_was_used",
            every_permission_was_used,
        )
        .with_ignored_flag(!complete),
    ]
}

async fn no_call_was_refused() -> Result<()> {
    let calls = calls_of_run()?;
    let refused = calls
        .iter()
        .filter(|call| call.is_refused() && !is_of_bundle(call) && !is_granted(call));
    let refused: BTreeSet<_> = refused.map(Event::to_string).collect();
    ensure!(refused.is_empty(), "{refused:#?}");
    Ok(())
}

/// A bundle that an issuer asks for is written wherever someone allows it, and refused elsewhere.
fn is_of_bundle(call: &Event) -> bool {
    let is_by = |scope| {
        let of_scope = PERMISSIONS.iter().filter(|one| one.scope == scope);
        of_scope.into_iter().any(|one| call.is_by(one))
    };
    is_by(Scope::BundleSecrets)
        || is_by(Scope::ClusterTrustBundles)
        || (is_by(Scope::AllNamespaces) && !is_by(Scope::ClusterResources))
}

/// What the owner of a namespace has not granted yet.
fn is_granted(call: &Event) -> bool {
    let mut granted = PERMISSIONS.iter().filter(|one| one.scope == Scope::Granted);
    granted.any(|one| call.is_by(one))
}

/// Besides, the tests review its rights.
async fn the_token_of_a_tenant_is_used_for_requests_only() -> Result<()> {
    let calls = calls_of_ca_requesters()?;
    let is_for_requests = |call: &Event| match call.resource().as_deref() {
        Some("certificaterequests") => ["create", "get", "delete"].contains(&&*call.verb),
        resource => resource == Some("selfsubjectaccessreviews"),
    };
    let others = calls.iter().filter(|call| !is_for_requests(call));
    let others: BTreeSet<_> = others.map(Event::to_string).collect();
    ensure!(others.is_empty(), "{others:#?}");
    Ok(())
}

async fn every_permission_was_used() -> Result<()> {
    let calls = calls_of_run()?;
    let used = |permission: &Permission| match permission.resource {
        // Admission asks for it when a ClusterTrustBundle is written (CTB-3).
        "signers" if permission.verb == "attest" => calls.iter().any(|call| {
            let prefix = permission.names[0].trim_end_matches("/*");
            call.resource().as_deref() == Some("clustertrustbundles")
                && call.verb == "patch"
                && call.response_status.code == 200
                && call
                    .object_ref
                    .as_ref()
                    .is_some_and(|it| it.name.starts_with(prefix))
        }),
        // Admission asks for it when the status of a CertificateSigningRequest is written (CSR-4).
        "signers" => calls.iter().any(|call| {
            call.resource().as_deref() == Some("certificatesigningrequests/status")
                && call.response_status.code == 200
        }),
        _ => calls.iter().any(|call| call.is_by(permission)),
    };
    let unused: Vec<_> = PERMISSIONS
        .iter()
        // What others grant is for keys that are kept elsewhere, which have a program of their own.
        .filter(|permission| permission.scope != Scope::Granted && !used(permission))
        .collect();
    ensure!(unused.is_empty(), "never used: {unused:#?}");
    Ok(())
}
