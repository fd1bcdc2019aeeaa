use std::collections::{BTreeMap, BTreeSet};

use signet_core::ca::{Bundle, CaChain};
use signet_keys::KeyType;

use super::super::demand::TrustBundleDemand::{self, Denied, Nothing, Object, WhatExists};
use super::super::object::Version;
use super::super::observe::Observation::{self, Failed, NotServed, Read, Unmanaged};
use super::super::plan;
use super::{foreign, read, written};
use crate::fixtures::{ca, corp, key};
use crate::publish::State;
use crate::publish::decide::Step;
use crate::publish::demand::{Demand, OwnDemand};
use crate::publish::object::Content;
use crate::publish::observe::{Observed, Own};
use crate::publish::problem::Problem;

const NAME: &str = "ClusterTrustBundle clusterissuers.signet.dev:corp:bundle";

fn observed(demand: TrustBundleDemand, trust_bundle: Observation) -> Observed {
    Observed {
        demand: Demand {
            own: OwnDemand::Nothing,
            trust_bundle: demand,
            selector: None,
            finds_old_copies: false,
            labels: BTreeMap::new(),
        },
        own: Ok(Own::default()),
        trust_bundle,
    }
}

fn content(pem: &str) -> State {
    State::Content(Content::new(&corp(), "uid-1", pem, &BTreeMap::new()))
}

/// Returns the steps, and what is reported without them.
fn decide(observed: &Observed, state: &State) -> (Vec<String>, String) {
    let plan = plan(&corp(), observed, state, None);
    let text = |step: &Step<'_>| match step {
        Step::Create(_) => "create".to_owned(),
        Step::Apply(_, version) => format!("apply {}", version.uid),
        Step::Delete(version) => format!("delete {}", version.uid),
    };
    let steps = plan.steps.iter();
    let steps = steps.map(|(at, step)| format!("{} the {at}", text(step)));
    let problems = plan.report.problems.iter().map(|it| it.message.clone());
    (steps.collect(), problems.collect())
}

#[test]
fn what_is_missing_is_created_and_what_was_edited_is_applied() {
    let none = || Read(Version::V1, None);
    for (demand, found, expected) in [
        (Object, none(), Some("create")),
        (Object, read(written("edited")), Some("apply ctb-1")),
        // Bytes change only when the bundle does.
        (Object, read(written("roots")), None),
        (WhatExists, none(), None),
        (WhatExists, read(written("old")), Some("apply ctb-1")),
        (Nothing, none(), None),
        (Nothing, read(written("roots")), Some("delete ctb-1")),
        (Object, Unmanaged, None),
        (Object, NotServed, None),
    ] {
        let (steps, problems) = decide(&observed(demand, found.clone()), &content("roots"));
        let expected: Vec<_> = expected
            .map(|step| format!("{step} the {NAME}"))
            .into_iter()
            .collect();
        assert_eq!(steps, expected, "{demand:?} {found:?}");
        assert_eq!(problems, "", "{demand:?} {found:?}");
    }
}

/// An object that another client has created, before Signet or instead of it.
#[test]
fn a_foreign_object_is_reported_and_neither_changed_nor_deleted() {
    for (demand, is_reported) in [(Object, true), (WhatExists, false), (Nothing, false)] {
        for state in [content("roots"), State::Nothing] {
            let observed = observed(demand, read(foreign("theirs")));
            let (steps, problems) = decide(&observed, &state);
            assert_eq!(steps, [""; 0], "{demand:?}");
            let is_about_it = problems.contains(NAME);
            let is_content = matches!(state, State::Content(_));
            assert_eq!(is_about_it, is_reported && is_content, "{problems}");
        }
    }
}

#[test]
fn nothing_is_left_if_nothing_is_trusted_and_what_is_unknown_stays() {
    for demand in [Object, WhatExists, Nothing] {
        let observed = observed(demand, read(written("roots")));
        let (steps, _) = decide(&observed, &State::Nothing);
        assert_eq!(steps, [format!("delete ctb-1 the {NAME}")], "{demand:?}");
        let (steps, _) = decide(&observed, &State::AsIs);
        assert_eq!(steps, [""; 0], "{demand:?}");
    }
}

#[test]
fn what_the_flags_do_not_allow_and_what_cannot_be_read_is_reported() {
    let value = "bundles.clusterTrustBundles.issuers";
    for (demand, problem, expected) in [
        (Denied(value), Problem::denied(value), value),
        (Object, Problem::discovery("timeout"), "timeout"),
    ] {
        let (steps, problems) = decide(&observed(demand, Failed(problem)), &content("roots"));
        assert_eq!(steps, [""; 0]);
        assert!(problems.contains(expected), "{problems}");
    }
}

/// The condition of an activation: where there is such an object, it had the root.
#[test]
fn a_root_is_published_once_it_is_in_the_object_that_has_to_be_there() {
    let root = |name| ca::valid(&*key::signer(KeyType::EcdsaP256), name);
    let (old, new) = (root("Old"), root("New"));
    let pem = |roots: &[&CaChain]| {
        Bundle::of(roots.iter().map(|root| root.issuing()))
            .pem()
            .to_owned()
    };
    let (both, one) = (pem(&[&new, &old]), pem(&[&old]));
    let fingerprint = |root: &CaChain| hex::encode(root.issuing().fingerprint());
    let all = BTreeSet::from([fingerprint(&old), fingerprint(&new)]);
    let only_old = BTreeSet::from([fingerprint(&old)]);
    let none = BTreeSet::new();
    let failed = || Failed(Problem::discovery("timeout"));
    for (demand, found, expected) in [
        (Object, read(written(&both)), &all),
        (Object, read(written(&one)), &only_old),
        (Object, read(written("edited")), &none),
        (Object, read(foreign(&both)), &none),
        (Object, Read(Version::V1, None), &none),
        (Object, failed(), &none),
        (Denied("value"), failed(), &none),
        (WhatExists, read(written(&one)), &only_old),
        (WhatExists, Read(Version::V1, None), &all),
        (WhatExists, read(foreign(&one)), &all),
        (Nothing, read(written(&one)), &all),
        // A cluster without the API does not hold a rotation.
        (Object, NotServed, &all),
        (WhatExists, Unmanaged, &all),
    ] {
        let observed = observed(demand, found);
        assert_eq!(observed.published(&both), *expected, "{observed:?}");
    }
}
