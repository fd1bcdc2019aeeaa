//! What is judged by the whole run, on every control plane: the operator's rights, by the API
//! server's audit log; and that no secret was shown. These run after all other tests.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use libtest_mimic::Trial;
use signet::permissions::{PERMISSIONS, Scope};
use signet_e2e::audit::{Event, calls_of_run, every_call_is_permitted};
use signet_e2e::keys::secrets;
use signet_e2e::{Bed, runner};

/// Shorter ones may be part of something else.
const SHORTEST: usize = 8;
/// The fields in which servers and Signet send credentials, by the logins of these tests.
const LOGIN_FIELDS: [&str; 4] = ["<SessionToken>", "WebIdentityToken=", "client_token", "jwt"];
/// How a token begins that was made for a ServiceAccount: a JSON Web Token. And private keys.
const SHAPES: [&str; 2] = ["eyJhbGciOi", "PRIVATE KEY-----"];

/// That something was used holds only for a whole run.
pub(crate) fn tests(complete: bool) -> Vec<Trial> {
    vec![
        runner::trial(
            module_path!(),
            "every_call_is_permitted",
            every_call_is_permitted,
        ),
        runner::trial(
            module_path!(),
            "only_what_others_grant_was_refused",
            refused,
        ),
        runner::trial(
            module_path!(),
            "what_others_grant_was_used",
            what_others_grant_was_used,
        )
        .with_ignored_flag(!complete),
        runner::trial(
            module_path!(),
            "what_servers_return_is_recorded",
            what_servers_return_is_recorded,
        )
        .with_ignored_flag(!complete),
        runner::trial(module_path!(), "no_secret_was_shown", no_secret_was_shown),
    ]
}

/// A namespace's owner may not have granted it yet, and a namespace that ends takes nothing new.
async fn refused() -> Result<()> {
    let granted: Vec<_> = PERMISSIONS
        .iter()
        .filter(|permission| permission.scope == Scope::Granted)
        .collect();
    let calls = calls_of_run()?;
    let refused = calls.iter().filter(|call| {
        let expected = granted.iter().any(|permission| call.is_by(permission));
        call.is_refused() && !expected
    });
    let refused: BTreeSet<_> = refused.map(Event::to_string).collect();
    ensure!(refused.is_empty(), "{refused:#?}");
    Ok(())
}

async fn what_others_grant_was_used() -> Result<()> {
    let calls = calls_of_run()?;
    let used = |permission| {
        let mut calls = calls.iter();
        calls.any(|call| call.is_by(permission) && !call.is_refused())
    };
    let granted = PERMISSIONS
        .iter()
        .filter(|permission| permission.scope == Scope::Granted);
    let unused: Vec<_> = granted.filter(|permission| !used(permission)).collect();
    ensure!(unused.is_empty(), "never used: {unused:#?}");
    Ok(())
}

/// Of each kind of login a credential passed through a proxy, and is searched for below.
async fn what_servers_return_is_recorded() -> Result<()> {
    let places = signet_testbed::proxy::places();
    let unseen: Vec<_> = LOGIN_FIELDS
        .iter()
        .filter(|place| !places.contains(**place))
        .collect();
    ensure!(unseen.is_empty(), "no credential was seen in {unseen:?}");
    Ok(())
}

/// Whatever the run knew, what servers and Signet sent each other, and whatever is in a Secret now,
/// in no log, event, status or CA generation; also not in base64.
async fn no_secret_was_shown() -> Result<()> {
    let mut shown = Vec::new();
    let mut searched = secrets::known();
    searched.extend(signet_testbed::proxy::secrets());
    for bed in Bed::started() {
        let log = std::fs::read_to_string(bed.operator_log())?;
        shown.push(("the operator's log".to_owned(), log));
        let objects = bed
            .written()
            .context("what is written is recorded")?
            .texts();
        let seen = objects
            .iter()
            .any(|(place, _)| place.starts_with("CAGeneration"));
        ensure!(seen, "no CA generation was seen");
        shown.extend(objects);
        searched.extend(in_secrets(bed).await?);
    }
    searched.retain(|secret| secret.len() >= SHORTEST);
    ensure!(!searched.is_empty(), "the run knew no secret");
    let encoded: Vec<_> = searched
        .iter()
        .map(|secret| STANDARD.encode(secret))
        .collect();
    searched.extend(encoded);
    searched.extend(SHAPES.map(str::to_owned));
    for (place, text) in &shown {
        // Which one it is, is not shown once more.
        let found = searched.iter().any(|secret| text.contains(secret.as_str()));
        ensure!(!found, "{place} shows a secret");
    }
    Ok(())
}

/// All but certificates, which are not secret.
async fn in_secrets(bed: &Bed) -> Result<Vec<String>> {
    let all = Api::<Secret>::all(bed.client())
        .list(&ListParams::default())
        .await?;
    let entries = all
        .into_iter()
        .flat_map(|secret| secret.data.unwrap_or_default());
    let secret = entries.filter_map(|(_, value)| String::from_utf8(value.0).ok());
    Ok(secret
        .filter(|text| !text.contains("CERTIFICATE-----"))
        .collect())
}
