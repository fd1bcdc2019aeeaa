//! The end-to-end tests: Signet on a real control plane.
//!
//! One binary, so that one control plane serves them all; [`signet_e2e::runner`] runs them.
//! The number of the rule that a test shows is in its comment.

#[macro_use]
extern crate signet_e2e;

mod bundles;
mod ca_requests;
mod certificates;
mod existing;
mod intake;
mod kubectl;
mod least_privilege;
mod manual;
mod names_and_keys;
mod observation;
mod operator;
mod profile;
mod refusals;
mod rotation;
mod schema;
mod self_signed;
mod shared_ca;
mod signing_requests;
mod spiffe;
mod spiffe_certificates;
mod usages_and_durations;
mod verifier;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [
        // First, since each waits for its turn.
        own![
            operator::killed_in_the_middle_of_200_requests,
            operator::a_graceful_stop_finishes_what_is_in_flight,
            operator::two_replicas_one_stands_by_and_takes_over,
            operator::a_lost_lease_stops_the_work_until_it_is_free,
            certificates::the_chart_lets_cert_managers_approver_approve,
            bundles::copies_follow_the_labels_of_namespaces,
        ],
        bundles::tests(),
        bundles::rotations(),
        ca_requests::tests(),
        certificates::tests(),
        existing::tests(),
        intake::tests(),
        kubectl::tests(),
        manual::tests(),
        names_and_keys::tests(),
        observation::tests(),
        profile::tests(),
        refusals::tests(),
        rotation::tests(),
        schema::tests(),
        self_signed::tests(),
        shared_ca::tests(),
        signing_requests::tests(),
        spiffe::tests(),
        spiffe_certificates::tests(),
        usages_and_durations::tests(),
        verifier::tests(),
    ];
    signet_e2e::runner::run(
        tests.into_iter().flatten().collect(),
        least_privilege::tests,
    )
}
