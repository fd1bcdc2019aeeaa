//! The end-to-end tests: Signet on a real control plane.
//!
//! One binary, so that one control plane serves them all; [`signet_e2e::runner`] runs them.
//! The number of the rule that a test shows is in its comment.

#[macro_use]
extern crate signet_e2e;

mod admission;
mod approvals;
mod bundles;
mod ca_requests;
mod certificates;
mod dashboard;
mod deletion;
mod existing;
mod gitops;
mod intake;
mod killed;
mod kubectl;
mod least_privilege;
mod losses;
mod manual;
mod meshes;
mod names_and_keys;
mod observation;
mod operator;
mod optional_apis;
mod parents;
mod pod_certificates;
mod profile;
mod refusals;
mod rotation;
mod rules;
mod schema;
mod self_signed;
mod shared_ca;
mod signing_requests;
mod spiffe;
mod spiffe_certificates;
mod trail;
mod trusted_roots;
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
            deletion::an_issuer_that_was_deleted_meanwhile_signs_nothing,
            deletion::an_issuer_that_cannot_be_read_is_stalled_and_signs_nothing,
            bundles::copies_follow_the_labels_of_namespaces,
            bundles::trust_bundles_of_issuers_have_to_be_allowed,
            killed::killed_in_every_state_of_a_generation,
            meshes::istio_csr_as_its_page_has_it,
            parents::killed_while_a_request_to_a_parent_is_open,
            parents::another_root_reaches_the_issuer_below_without_a_resync,
            self_signed::keys_of_issuers_are_created_only_if_allowed,
        ],
        own![V1_36; bundles::trust_bundles_of_kubernetes_1_36_are_v1beta1],
        admission::tests(),
        approvals::tests(),
        bundles::tests(),
        bundles::rotations(),
        bundles::trust_bundles(),
        ca_requests::tests(),
        certificates::tests(),
        dashboard::tests(),
        deletion::tests(),
        existing::tests(),
        gitops::tests(),
        intake::tests(),
        kubectl::tests(),
        losses::tests(),
        losses::refusals(),
        manual::tests(),
        meshes::tests(),
        trusted_roots::tests(),
        names_and_keys::tests(),
        observation::tests(),
        parents::tests(),
        pod_certificates::tests(),
        pod_certificates::attacks(),
        pod_certificates::pressure(),
        own![V1_36; pod_certificates::on_kubernetes_1_36],
        own![V1_35; optional_apis::on_kubernetes_1_35],
        profile::tests(),
        refusals::tests(),
        rotation::tests(),
        rules::tests(),
        schema::tests(),
        self_signed::tests(),
        shared_ca::tests(),
        signing_requests::tests(),
        spiffe::tests(),
        spiffe_certificates::tests(),
        trail::tests(),
        usages_and_durations::tests(),
        verifier::tests(),
    ];
    signet_e2e::runner::run(
        tests.into_iter().flatten().collect(),
        least_privilege::tests,
    )
}
