//! The end-to-end tests about keys that are kept elsewhere: Signet on a real control plane, with
//! real servers that keep the keys, and what goes wrong between.
//!
//! One binary, so that one control plane and one of each server serve them all;
//! [`signet_e2e::runner`] runs them. On the shared bed cert-manager's approver
//! approves, and the operator may load every module of [`signet_e2e::keys::modules`]. One test has
//! SPIRE below a key of a token.

#[macro_use]
extern crate signet_e2e;

mod ambient;

mod changed;
mod closing;
mod existing;
mod issuance;
mod limits;
mod logins;
mod manual;
mod modules;
mod outage;
mod parents;
mod proxied;
mod renamed;
mod restart;
mod sources;
mod tenants;
mod throttled;
mod tutorial;
mod unavailable;
mod vault_pki;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use signet_e2e::{Setup, keys, spire};

const SETUP: Setup = Setup {
    approves: true,
    prepare,
    // Of which sixteen may wait for the second control plane.
    threads: 22,
    flags: keys::modules::flags,
};

/// The key servers, and SPIRE, whose first build takes minutes.
fn prepare() -> Result<()> {
    spire::prepare_servers()?;
    keys::prepare()
}

fn main() -> ExitCode {
    let tests = [
        // First, since each waits for its turn.
        own![
            restart::killed_and_given_new_credentials_in_an_outage,
            restart::a_refused_pin_is_tried_once_by_each_process,
            modules::a_module_that_hangs_ends_with_an_operator_that_is_killed,
            renamed::a_renamed_key_keeps_its_version_after_a_rotation_and_a_restart,
            ambient::a_role_of_its_service_account,
            ambient::a_role_through_the_proxy,
            ambient::the_agent_of_pod_identity,
            ambient::the_role_of_its_node,
            limits::flags_bound_every_issuer_and_metrics_show_who_waits,
            proxied::cluster_issuers_use_the_proxy_and_issuers_do_not,
        ],
        // Then, since each takes its time.
        outage::tests(),
        throttled::tests(),
        tenants::tests(),
        unavailable::tests(),
        changed::tests(),
        existing::tests(),
        issuance::tests(),
        logins::tests(),
        manual::tests(),
        modules::tests(),
        parents::tests(),
        sources::tests(),
        tutorial::tests(),
        vault_pki::tests(),
        workload::tests(),
    ];
    signet_e2e::runner::run_on(SETUP, tests.into_iter().flatten().collect(), closing::tests)
}
