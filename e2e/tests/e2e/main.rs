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
mod check;
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
mod mesh_ca;
mod meshes;
mod names_and_keys;
mod nothing_issued;
mod observation;
mod operator;
mod optional_apis;
mod parents;
mod pod_certificates;
mod profile;
mod refusals;
mod reviews;
mod rotation;
mod rules;
mod schema;
mod self_signed;
mod shared_ca;
mod signing_requests;
mod spiffe;
mod spiffe_certificates;
mod status;
mod storm;
mod trail;
mod trusted_roots;
mod unwell;
mod usages_and_durations;
mod verifier;

use std::process::ExitCode;

/// Servers are killed at random. The long form of these runs by itself.
fn storms() -> Vec<libtest_mimic::Trial> {
    own![
        storm::the_operator_is_killed,
        storm::one_of_two_replicas_is_killed,
        storm::etcd_is_restarted,
        storm::the_api_server_is_restarted,
    ]
}

/// Tests that each wait for their turn on a control plane.
fn in_turn() -> Vec<Vec<libtest_mimic::Trial>> {
    vec![
        own![
            operator::killed_in_the_middle_of_200_requests,
            operator::a_graceful_stop_finishes_what_is_in_flight,
            operator::two_replicas_one_stands_by_and_takes_over,
            operator::a_lost_lease_stops_the_work_until_it_is_free,
            certificates::the_chart_lets_cert_managers_approver_approve,
            deletion::an_issuer_that_was_deleted_meanwhile_signs_nothing,
            deletion::an_issuer_that_cannot_be_read_is_stalled_and_signs_nothing,
            deletion::a_time_that_cannot_be_read_stops_no_other_issuer,
            bundles::copies_follow_the_labels_of_namespaces,
            bundles::trust_bundles_of_issuers_have_to_be_allowed,
            killed::killed_in_every_state_of_a_generation,
            mesh_ca::objects_from_git_are_enough_without_the_permission_to_create,
            meshes::istio_csr_as_its_page_has_it,
            parents::killed_while_a_request_to_a_parent_is_open,
            parents::another_root_reaches_the_issuer_below_without_a_resync,
            reviews::a_burst_of_a_requester_is_reviewed_once,
            unwell::a_watch_that_fails_is_reported_while_it_does,
            unwell::a_rejected_token_is_reported_while_it_is,
            unwell::only_requests_of_a_kind_wait_for_its_listing,
            unwell::a_crd_without_selectable_fields_is_watched_in_full,
            unwell::no_fault_loses_fails_or_repeats_a_request,
            unwell::watches_that_stall_are_opened_again,
            unwell::the_lease_does_not_depend_on_clocks,
            self_signed::keys_of_issuers_are_created_only_if_allowed,
        ],
        storms(),
        own![
            V1_36;
            bundles::trust_bundles_of_kubernetes_1_36_are_v1beta1,
            check::what_is_missing_is_named,
        ],
    ]
}

/// Tests on the shared control plane, with few exceptions.
fn at_once() -> Vec<Vec<libtest_mimic::Trial>> {
    vec![
        admission::tests(),
        approvals::tests(),
        bundles::tests(),
        bundles::rotations(),
        bundles::trust_bundles(),
        ca_requests::tests(),
        certificates::tests(),
        check::tests(),
        dashboard::tests(),
        deletion::tests(),
        existing::tests(),
        gitops::tests(),
        intake::tests(),
        kubectl::tests(),
        losses::tests(),
        losses::refusals(),
        manual::tests(),
        mesh_ca::tests(),
        meshes::tests(),
        trusted_roots::tests(),
        names_and_keys::tests(),
        nothing_issued::tests(),
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
        schema::mesh_ca(),
        self_signed::tests(),
        shared_ca::tests(),
        signing_requests::tests(),
        spiffe::tests(),
        spiffe_certificates::tests(),
        status::tests(),
        trail::tests(),
        usages_and_durations::tests(),
        verifier::tests(),
    ]
}

fn main() -> ExitCode {
    if storm::is_long() {
        return signet_e2e::runner::run(storms(), |_| least_privilege::tests(false));
    }
    // Those that wait start first.
    let tests = in_turn().into_iter().chain(at_once()).flatten();
    signet_e2e::runner::run(tests.collect(), least_privilege::tests)
}
