//! The tenant rule (SECURITY.md): a user who may create an Issuer in one namespace gains nothing
//! beyond it. One module per way out, one test per rule.
//!
//! Each test acts as a tenant: a ServiceAccount that may create, change, delete and read Issuers
//! of its own namespace, and nothing else. What must stand in that namespace beside it (a Secret,
//! a Role) its administrator puts there. The operator runs under the chart's rights.
//! On the shared bed it may call the tests' servers, which are on loopback; where a test is about
//! the default flags or about others, it has an operator of its own on the second control plane.

mod addresses;
mod ambient;
mod fairness;
mod modules;
mod off;
mod references;
mod responses;
mod schema;
mod share;
mod tenant;
mod tokens;

use libtest_mimic::Trial;

pub(crate) fn tests() -> Vec<Trial> {
    let own = own![
        references::a_reference_stays_in_its_namespace,
        references::a_name_is_not_a_path,
        addresses::what_only_the_operator_can_reach_is_refused_and_not_called,
        ambient::a_tenant_cannot_use_the_operators_own_credentials,
        ambient::a_flag_takes_them_from_cluster_issuers,
        ambient::a_flag_lends_them_but_not_to_an_address_of_a_tenants_choice,
        modules::an_unlisted_token_is_reported_like_a_missing_one,
        modules::a_tenants_secret_is_not_used_as_pin,
        off::without_namespaced_issuers_tenants_are_ignored,
    ];
    let shared = [
        schema::tests(),
        responses::tests(),
        tokens::tests(),
        fairness::tests(),
        share::tests(),
    ];
    own.into_iter()
        .chain(shared.into_iter().flatten())
        .collect()
}
