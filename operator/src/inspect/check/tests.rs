//! Facts in, findings out.

mod issuers;
mod report;
mod requests;

use clap::Parser;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, SelectableField,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use serde_json::{Value, json};
use signet_api::{IssuerKind, IssuerStatus};

use super::facts::{Crd, Facts, Issuer, Issuers, Requests, Review, State};
use super::judge;
use super::permissions::wanted;
use super::report::{Finding, Level};
use crate::args::{Check, Cli, Command};
use crate::fixtures::{DAY, NOW, at, corp};
use crate::requests::backlog::Backlog;

fn settings(flags: &[&str]) -> Check {
    let arguments = [&["signet", "check"], flags].concat();
    match Cli::try_parse_from(arguments).unwrap().command {
        Command::Check(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

fn own_crds() -> Vec<Crd> {
    let names = [
        "cagenerations.signet.dev",
        "clusterissuers.signet.dev",
        "issuers.signet.dev",
        "meshcas.signet.dev",
    ];
    let definitions = signet_api::crds::all().into_iter();
    let crds = definitions.zip(names).map(|(definition, name)| {
        assert_eq!(definition.metadata.name.as_deref(), Some(name));
        Crd {
            name,
            version: "v1alpha1",
            is_served: Ok(true),
            definition: Ok(Some(Box::new(definition))),
        }
    });
    crds.collect()
}

fn certificate_requests(fields: &[&str]) -> Crd {
    let mut definition = signet_api::crds::all().remove(0);
    let version = &mut definition.spec.versions[0];
    version.name = "v1".to_owned();
    let field = |path: &&str| SelectableField {
        json_path: (*path).to_owned(),
    };
    version.selectable_fields = Some(fields.iter().map(field).collect());
    Crd {
        name: "certificaterequests.cert-manager.io",
        version: "v1",
        is_served: Ok(true),
        definition: Ok(Some(Box::new(definition))),
    }
}

fn lease(holder: &str, age: i64) -> Lease {
    Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(at(-age))),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    }
}

/// A status as the operator writes it.
fn status(ready: (&str, &str, &str)) -> Value {
    let (status, reason, message) = ready;
    json!({
        "observedGeneration": 1,
        "conditions": [{
            "type": "Ready", "status": status, "reason": reason, "message": message,
            "observedGeneration": 1, "lastTransitionTime": Time(NOW),
        }],
        "ca": [{
            "name": "clusterissuer-corp-1", "generation": 1, "role": "Current", "state": "Active",
            "key": "software/corp", "keyFingerprint": "00", "subject": "CN=corp",
            "fingerprint": "01", "notBefore": Time(at(-100 * DAY)), "notAfter": Time(at(100 * DAY)),
        }],
    })
}

const READY: (&str, &str, &str) = ("True", "Ready", "it signs");

fn issuer(status: Value) -> Issuer {
    Issuer {
        name: corp(),
        state: Ok(State {
            generation: Some(1),
            key: "software/corp".to_owned(),
            status: serde_json::from_value::<Option<IssuerStatus>>(status).unwrap(),
        }),
    }
}

fn of_kind(kind: IssuerKind, found: Vec<Issuer>) -> Issuers {
    Issuers {
        kind,
        found: Ok(found),
    }
}

fn healthy(settings: &Check) -> Facts {
    let granted = |wanted| Review {
        wanted,
        is_allowed: true,
    };
    let signers = ["clusterissuers.signet.dev/*", "issuers.signet.dev/*"];
    Facts {
        now: NOW,
        kubernetes: "v1.37.2".to_owned(),
        user: "alice".to_owned(),
        crds: own_crds(),
        reviews: Ok(wanted(settings).into_iter().map(granted).collect()),
        certificate_requests: certificate_requests(&[".spec.issuerRef.group"]),
        cert_manager: Ok(Some("v1.21.2".to_owned())),
        approvals: Ok(signers.map(|name| (name, true)).into()),
        lease: Ok(Some(lease("signet-1", 5))),
        issuers: vec![
            of_kind(IssuerKind::ClusterIssuer, vec![issuer(status(READY))]),
            of_kind(IssuerKind::Issuer, Vec::new()),
        ],
        requests: vec![Requests {
            kind: "CertificateRequests",
            found: Ok(Backlog::default()),
        }],
    }
}

/// The findings that are not Ok, and the exit code.
#[track_caller]
fn bad(flags: &[&str], change: impl FnOnce(&mut Facts)) -> (Vec<(Level, String)>, u8) {
    let settings = settings(flags);
    let mut facts = healthy(&settings);
    change(&mut facts);
    let report = judge(&settings, &facts);
    let bad = report.findings().iter().map(Finding::parts);
    let bad = bad.filter(|(level, ..)| *level != Level::Ok);
    let bad = bad.map(|(level, subject, message)| (level, format!("{subject}: {message}")));
    (bad.collect(), report.code())
}

/// Asserts that one finding is not Ok.
#[track_caller]
fn one(change: impl FnOnce(&mut Facts), level: Level, text: &str) {
    let (bad, code) = bad(&[], change);
    assert_eq!(bad.len(), 1, "{bad:#?}");
    assert_eq!(bad[0].0, level, "{bad:#?}");
    assert!(
        bad[0].1.contains(text),
        "{bad:#?} does not contain {text:?}"
    );
    let expected = match level {
        Level::Ok | Level::Warning => 0,
        Level::Problem => 1,
        Level::Unknown => 2,
    };
    assert_eq!(code, expected);
}

fn with_status(status: Value) -> impl FnOnce(&mut Facts) {
    move |facts| facts.issuers[0].found = Ok(vec![issuer(status)])
}

#[test]
fn nothing_is_missing_in_a_healthy_cluster() {
    assert_eq!(bad(&[], |_| {}), (vec![], 0));
}

#[test]
fn a_missing_or_old_crd_is_named() {
    let missing = |facts: &mut Facts| {
        facts.crds[2].is_served = Ok(false);
        facts.crds[2].definition = Ok(None);
    };
    one(
        missing,
        Level::Problem,
        "issuers.signet.dev: not installed; apply crds/",
    );
    // Without the right to read definitions.
    let missing = |facts: &mut Facts| {
        facts.crds[0].is_served = Ok(false);
        facts.crds[0].definition = Err("forbidden".to_owned());
    };
    let text = "cagenerations.signet.dev: does not serve v1alpha1;";
    one(missing, Level::Problem, text);
    let older = |facts: &mut Facts| {
        facts.crds[0].is_served = Ok(false);
        version(&mut facts.crds[0]).name = "v1alpha0".to_owned();
    };
    one(
        older,
        Level::Problem,
        "does not serve v1alpha1, only v1alpha0;",
    );
    let changed = |facts: &mut Facts| version(&mut facts.crds[1]).schema = None;
    one(
        changed,
        Level::Warning,
        "clusterissuers.signet.dev: v1alpha1, with another schema",
    );
    let silent = |facts: &mut Facts| facts.crds[1].is_served = Err("timeout".to_owned());
    one(silent, Level::Unknown, "clusterissuers.signet.dev: timeout");
    let unread = |facts: &mut Facts| facts.crds[1].definition = Err("forbidden".to_owned());
    assert_eq!(bad(&[], unread), (vec![], 0));
}

type Version =
    k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion;

fn version(crd: &mut Crd) -> &mut Version {
    let definition: &mut CustomResourceDefinition =
        crd.definition.as_mut().unwrap().as_mut().unwrap();
    &mut definition.spec.versions[0]
}

fn refuse(facts: &mut Facts, is_refused: impl Fn(&Review) -> bool) {
    for review in facts.reviews.as_mut().unwrap() {
        review.is_allowed = !is_refused(review);
    }
}

#[test]
fn missing_permissions_are_grouped_by_resource() {
    let refused = |facts: &mut Facts| {
        refuse(facts, |review| {
            review.wanted.permission.resource == "leases"
        });
    };
    let text = "system:serviceaccount:signet-system:signet: may not get, create, patch \
                leases.coordination.k8s.io in namespace signet-system";
    one(refused, Level::Problem, text);
    let refused =
        |facts: &mut Facts| refuse(facts, |review| review.wanted.permission.verb == "attest");
    let text =
        "may not attest signers.certificates.k8s.io clusterissuers.signet.dev/* in the whole";
    one(refused, Level::Problem, text);
    let refused = |facts: &mut Facts| {
        refuse(facts, |review| {
            review.wanted.permission.resource == "leases"
        });
    };
    let text = "may not get, create, patch leases.coordination.k8s.io in namespace signet-system";
    one(refused, Level::Problem, text);
    // Kubernetes lets every ServiceAccount read these.
    let other = |facts: &mut Facts| {
        refuse(facts, |review| {
            review.wanted.permission.resource != "clustertrustbundles"
        });
    };
    one(other, Level::Problem, "has no permission on signet.dev;");
    let unknown = |facts: &mut Facts| facts.reviews = Err("cannot impersonate".to_owned());
    one(
        unknown,
        Level::Unknown,
        "signet-system:signet: cannot impersonate",
    );
}

#[test]
fn the_page_shows_how_many_permissions_are_needed() {
    let page = include_str!("../../../../docs/check.md");
    let message = format!(": has all {} permissions\n", wanted(&settings(&[])).len());
    assert!(page.contains(&message), "{message}");
}

/// What is not used needs no permission.
#[test]
fn flags_decide_which_permissions_are_needed() {
    let has = |flags: &[&str], resource: &str, namespace: Option<&str>| {
        let wanted = wanted(&settings(flags));
        wanted
            .iter()
            .any(|one| one.permission.resource == resource && one.namespace.as_deref() == namespace)
    };
    for (flag, resource) in [
        (
            "--certificate-signing-requests=false",
            "certificatesigningrequests",
        ),
        ("--pod-certificate-requests=false", "pods"),
        ("--cluster-trust-bundles=false", "clustertrustbundles"),
        ("--certificate-requests=false", "certificaterequests"),
        ("--namespaced-issuers=false", "issuers"),
    ] {
        assert!(has(&[], resource, None), "{resource}");
        assert!(!has(&[flag], resource, None), "{flag}");
    }
    let namespaced = [
        "--namespaced-issuers=false",
        "--cluster-resource-namespace=keys",
    ];
    assert!(has(&namespaced, "secrets", Some("keys")));
    assert!(!has(&namespaced, "secrets", None));
    assert!(has(
        &["--leader-election-namespace=ops"],
        "leases",
        Some("ops")
    ));
    // In a namespace whose owner grants it.
    assert!(!has(&[], "serviceaccounts/token", None));
}

#[test]
fn cert_manager_is_required_for_its_requests_only() {
    let absent = |facts: &mut Facts| {
        facts.certificate_requests.is_served = Ok(false);
        facts.certificate_requests.definition = Ok(None);
        facts.approvals = Err("not asked".to_owned());
    };
    one(
        absent,
        Level::Problem,
        "not installed; install cert-manager, or set",
    );
    assert_eq!(bad(&["--certificate-requests=false"], absent), (vec![], 0));
    let old = |facts: &mut Facts| facts.certificate_requests = certificate_requests(&[]);
    one(old, Level::Warning, "upgrade cert-manager to 1.20 or newer");
    let refused = |facts: &mut Facts| facts.approvals.as_mut().unwrap()[1].1 = false;
    let text = "cert-manager:cert-manager: may not approve requests for issuers.signet.dev/*; set";
    one(refused, Level::Problem, text);
    let unknown = |facts: &mut Facts| facts.approvals = Err("forbidden".to_owned());
    one(
        unknown,
        Level::Unknown,
        "cert-manager:cert-manager: forbidden",
    );
}

#[test]
fn a_replica_has_to_lead() {
    let absent = |facts: &mut Facts| facts.lease = Ok(None);
    one(
        absent,
        Level::Problem,
        "Lease signet-system/signet: does not exist",
    );
    assert_eq!(bad(&["--leader-elect=false"], absent), (vec![], 0));
    let released = |facts: &mut Facts| facts.lease = Ok(Some(lease("", 5)));
    one(released, Level::Problem, "no replica leads");
    let expired = |facts: &mut Facts| facts.lease = Ok(Some(lease("signet-1", 76)));
    one(
        expired,
        Level::Problem,
        "signet-1 renewed it last at 2026-09-01T11:58:44Z",
    );
    for age in [16, 75, -61, -3_000_000] {
        let doubtful = |facts: &mut Facts| facts.lease = Ok(Some(lease("signet-1", age)));
        one(
            doubtful,
            Level::Warning,
            "unless the clocks differ, no replica leads",
        );
    }
    for age in [15, -60] {
        let recent = |facts: &mut Facts| facts.lease = Ok(Some(lease("signet-1", age)));
        assert_eq!(bad(&[], recent), (vec![], 0), "{age}");
    }
}
