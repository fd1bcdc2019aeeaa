//! The CA generations, from their objects and the issuer's status. Pure.

use jiff::Timestamp;
use kube::ResourceExt;
use signet_api::{CAGeneration, CaSummary, GenerationRole, GenerationState};
use signet_core::ca::CaChain;

use super::facts::Facts;

/// A generation as it is drawn.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) name: String,
    pub(super) number: u32,
    /// None until the operator has observed it.
    pub(super) state: Option<GenerationState>,
    pub(super) role: Option<GenerationRole>,
    pub(super) key: String,
    pub(super) certificate: Certificate,
}

#[derive(Debug)]
pub(super) enum Certificate {
    Chain(Box<CaChain>),
    /// Without those above it, which only the CAGeneration has.
    Summary {
        subject: String,
        fingerprint: String,
        not_before: Timestamp,
        not_after: Timestamp,
    },
    Unreadable(String),
    Missing,
}

/// Returns the generations in the order of the status, then those that are not in it. Of those that
/// cannot be read, what the status says.
pub(super) fn generations(facts: &Facts) -> Vec<Generation> {
    let summaries = &facts.status.ca;
    let listed = facts.generations.as_ref().ok();
    let objects = listed.map_or(&[][..], |listed| &listed.objects);
    let place = |number: u32| {
        let mut numbers = summaries.iter().map(|summary| summary.generation);
        numbers.position(|one| one == number).unwrap_or(usize::MAX)
    };
    let mut generations: Vec<_> = objects
        .iter()
        .map(|object| of_object(object, summaries, facts.now))
        .collect();
    let others = summaries.iter();
    let others = others.filter(|summary| objects.iter().all(|it| it.name_any() != summary.name));
    generations.extend(others.map(of_summary));
    generations.sort_by_key(|one| (place(one.number), std::cmp::Reverse(one.number)));
    generations
}

fn of_object(object: &CAGeneration, summaries: &[CaSummary], now: Timestamp) -> Generation {
    let spec = &object.spec;
    let name = object.name_any();
    let mut summaries = summaries.iter();
    let summary = summaries.find(|summary| summary.name == name);
    let chain = spec.certificate.as_ref();
    let chain = chain.map(|own| CaChain::from_pem(own.chain.as_bytes(), None, now));
    Generation {
        name,
        number: spec.generation,
        state: summary.map(|summary| summary.state),
        role: summary.and_then(|summary| summary.role),
        key: spec.key.config.backend().reference(),
        certificate: match chain {
            Some(Ok(chain)) => Certificate::Chain(Box::new(chain)),
            Some(Err(error)) => Certificate::Unreadable(error.to_string()),
            None => Certificate::Missing,
        },
    }
}

fn of_summary(summary: &CaSummary) -> Generation {
    let certificate = || {
        Some(Certificate::Summary {
            subject: summary.subject.clone()?,
            fingerprint: summary.fingerprint.clone()?,
            not_before: summary.not_before.as_ref()?.0,
            not_after: summary.not_after.as_ref()?.0,
        })
    };
    Generation {
        name: summary.name.clone(),
        number: summary.generation,
        state: Some(summary.state),
        role: summary.role,
        key: summary.key.clone(),
        certificate: certificate().unwrap_or(Certificate::Missing),
    }
}
