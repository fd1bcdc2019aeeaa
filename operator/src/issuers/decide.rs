//! Decides on an issuer's next step. Pure.

use signet_core::ca::CaCertificate;
use signet_core::ca::creation::Verdict;
use signet_core::ca::lifecycle::table::Event;
use signet_core::ca::lifecycle::{self, Plan};
use signet_keys::Software;

use super::bundle;
use super::creation;
use super::facts::Facts;
use super::generation::Stored;
use super::memory::Remembered;
use super::mesh_keys;
use super::messages;
use super::outcome::{Outcome, outcome};
use super::parents::{self, OwnRequest};
use super::reason::{IssuerReason, NotReady};
use crate::mesh::NewKey;
use crate::publish::Trust;

/// The next step. After each, the issuer is observed again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    CreateKey(Software),
    /// Add the key of a mesh's CA that is taken over to those of its MeshCA.
    AddKey(NewKey),
    /// Remove keys of a MeshCA under which no certificate can be valid.
    RemoveKeys(Vec<String>),
    /// Create a generation over the CA certificate in a trace.
    Adopt,
    /// Record the roots of a lost CA in its successor, in PEM.
    Inherit {
        number: u32,
        roots: String,
    },
    /// One write about a generation.
    Lifecycle(lifecycle::Step),
    /// Send the CSR of the next generation to its parent.
    Submit(Submit),
    /// Delete a request to a parent.
    Withdraw(OwnRequest),
}

/// A submission of the CSR of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Submit {
    pub(super) generation: u32,
    pub(super) attempt: u32,
}

/// What follows from the facts.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) step: Option<Step>,
    pub(super) outcome: Outcome,
    /// None if the lifecycle cannot go on: then nothing about the CA changes.
    pub(super) plan: Option<Plan>,
    /// Whether something may be created; none if the lifecycle cannot go on.
    pub(super) verdict: Option<Verdict>,
    /// What is published.
    pub(super) trust: Trust,
    /// What the next round is to know.
    pub(super) remembered: Remembered,
}

pub(super) fn decide(facts: &Facts) -> Decision {
    let remembered = Remembered::of(facts);
    match check(facts) {
        Ok(()) => {
            let plan = lifecycle::plan(&facts.situation());
            let verdict = creation::verdict(facts);
            let trust = bundle::trust(facts, Some(&plan));
            let step = inherit(facts)
                .or_else(|| add_key(facts))
                .or_else(|| remove_keys(facts))
                .or_else(|| create_key(facts, &verdict))
                .or_else(|| step(facts, &plan, &verdict))
                .or_else(|| submit(facts))
                .or_else(|| parents::superseded(facts).cloned().map(Step::Withdraw));
            let outcome = match facts.spec.suspend {
                true => Err(messages::suspended(None)),
                false => outcome(facts, &plan, (&verdict, &trust)),
            };
            Decision {
                outcome: match creates_secret(step.as_ref(), facts) {
                    true => outcome.map_err(|found| messages::creating_key(found, facts)),
                    false => outcome,
                },
                step,
                plan: Some(plan),
                verdict: Some(verdict),
                trust,
                remembered,
            }
        }
        Err(not_ready) => Decision {
            step: None,
            outcome: Err(match facts.spec.suspend {
                true => messages::suspended(Some(&not_ready)),
                false => not_ready,
            }),
            plan: None,
            verdict: None,
            trust: bundle::trust(facts, None),
            remembered,
        },
    }
}

/// Checks what no step can change.
fn check(facts: &Facts) -> Result<(), NotReady> {
    facts.trust_domain()?;
    if facts.spec.certificate.source().is_none() {
        return Err(IssuerReason::InvalidSpec.stalls(
            "spec.certificate must set exactly one of selfSigned, existing, issuerRef, vaultPki and manual",
        ));
    }
    if let Some((reason, message)) = facts.mesh_obstacle() {
        return Err(IssuerReason::Mesh(reason).stalls(message));
    }
    let mut unreadable = facts.generations.unreadable.iter();
    if let Some(one) = unreadable.find(|one| one.may_sign()) {
        return Err(IssuerReason::InvalidCa.stalls(format!(
            "CAGeneration {} is not valid: {}; restore it from a backup",
            one.name, one.message
        )));
    }
    let own = facts
        .spec
        .spiffe
        .as_ref()
        .map(|spiffe| &spiffe.trust_domain);
    let mut stored = facts.generations.stored.iter();
    match stored.find(|one| one.trust_domain.as_ref() != own) {
        Some(other) => Err(IssuerReason::TrustDomainChanged.stalls(of_trust_domain(other, own))),
        None => Ok(()),
    }
}

fn of_trust_domain(other: &Stored, own: Option<&String>) -> String {
    let describe = |trust_domain: Option<&String>| match trust_domain {
        Some(trust_domain) => format!("trust domain {trust_domain}"),
        None => "no trust domain".to_owned(),
    };
    format!(
        "CAGeneration {} is of an issuer with {}, and the spec has {}; create an issuer of another \
         name, with its own key, for the other trust domain",
        other.name(),
        describe(other.trust_domain.as_ref()),
        describe(own)
    )
}

fn inherit(facts: &Facts) -> Option<Step> {
    let (number, roots) = facts.traces.to_inherit.as_ref()?;
    Some(Step::Inherit {
        number: *number,
        roots: roots.iter().map(CaCertificate::pem).collect(),
    })
}

/// Returns the step that saves the key of a CA before it is taken over.
fn add_key(facts: &Facts) -> Option<Step> {
    let adoptable = facts.adoptable().filter(|_| !facts.spec.suspend)?;
    let is_missing = !facts.mesh.as_ref()?.keys.has(&adoptable.key.entry);
    is_missing.then(|| Step::AddKey(adoptable.key.clone()))
}

fn remove_keys(facts: &Facts) -> Option<Step> {
    let ended = mesh_keys::ended(facts);
    (!ended.is_empty()).then_some(Step::RemoveKeys(ended))
}

/// Returns the creation of the key where it is missing. A key that vanished after a CA was issued
/// over it is not recreated, unless its loss is acknowledged.
fn create_key(facts: &Facts, verdict: &Verdict) -> Option<Step> {
    facts.missing_spec_key()?;
    let may = facts.refused().is_none() && *verdict == Verdict::Proceed;
    let to_make = facts.provided_key().filter(|_| may)?;
    Some(Step::CreateKey(to_make))
}

/// Whether the step creates the Secret that the key misses. One that exists without the key stays as
/// it is.
fn creates_secret(step: Option<&Step>, facts: &Facts) -> bool {
    matches!(step, Some(Step::CreateKey(_)))
        && facts
            .missing_spec_key()
            .is_some_and(|error| error.code == "NoSecret")
}

/// Returns the lifecycle's step, unless nothing may be created, or its key is not there: nothing is
/// activated that cannot sign, or whose root is not the expected one.
fn step(facts: &Facts, plan: &Plan, verdict: &Verdict) -> Option<Step> {
    match plan.step.clone()? {
        lifecycle::Step::Create(_) if *verdict == Verdict::Adopt => Some(Step::Adopt),
        lifecycle::Step::Create(_) if *verdict != Verdict::Proceed => None,
        lifecycle::Step::Record {
            number,
            event: Event::Activated,
            ..
        } if !may_activate(facts, number) => None,
        step => Some(Step::Lifecycle(step)),
    }
}

fn may_activate(facts: &Facts, number: u32) -> bool {
    let stored = facts.generations.get(number);
    stored.is_some_and(|one| {
        let certified = one.facts.certified.as_ref();
        facts.key_of(one).is_some()
            && certified.is_some_and(|own| creation::is_expected_root(facts, &own.root))
    })
}

/// Returns the submission that is due. A suspended issuer requests nothing.
fn submit(facts: &Facts) -> Option<Step> {
    let attempt = facts.attempt.filter(|attempt| attempt.at <= facts.now)?;
    let next = facts.requested()?;
    let may = next.csr.is_some() && !facts.spec.suspend;
    may.then(|| {
        Step::Submit(Submit {
            generation: next.number(),
            attempt: attempt.number,
        })
    })
}
