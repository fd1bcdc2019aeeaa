//! The operator's rights, judged by all that it did in the whole run on every control plane, as
//! the API server's audit log has it. These run after all other tests.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use signet::permissions::{PERMISSIONS, Permission, Scope};
use signet_e2e::audit::{Event, calls_of_signet};
use signet_e2e::{Bed, runner};

/// That each permission is used can be said of a whole run alone, and that each call is permitted
/// of any.
pub(crate) fn tests(complete: bool) -> Vec<Trial> {
    vec![
        runner::trial(
            module_path!(),
            "every_call_is_in_the_list",
            every_call_is_in_the_list,
        ),
        runner::trial(module_path!(), "no_call_was_refused", no_call_was_refused),
        runner::trial(
            module_path!(),
            "every_permission_was_used",
            every_permission_was_used,
        )
        .with_ignored_flag(!complete),
    ]
}

fn calls() -> Result<Vec<Event>> {
    let calls = Bed::started().into_iter().map(calls_of_signet);
    Ok(calls.collect::<Result<Vec<_>>>()?.concat())
}

async fn every_call_is_in_the_list() -> Result<()> {
    let unknown: BTreeSet<_> = calls()?
        .iter()
        .filter(|call| !PERMISSIONS.iter().any(|permission| call.is_by(permission)))
        .map(|call| format!("{} {}", call.verb, call.request_uri))
        .collect();
    ensure!(
        unknown.is_empty(),
        "not in operator/src/permissions.rs: {unknown:#?}"
    );
    Ok(())
}

async fn no_call_was_refused() -> Result<()> {
    let calls = calls()?;
    let refused = calls.iter().filter(|call| call.is_refused());
    let refused: BTreeSet<_> = refused
        .map(|call| {
            format!(
                "{} {}: {}",
                call.verb, call.request_uri, call.response_status.message
            )
        })
        .collect();
    ensure!(refused.is_empty(), "{refused:#?}");
    Ok(())
}

async fn every_permission_was_used() -> Result<()> {
    let calls = calls()?;
    let used = |permission: &Permission| match permission.resource {
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
