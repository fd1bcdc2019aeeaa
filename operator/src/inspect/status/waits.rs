//! What waits for whom. Pure.

use serde::Serialize;
use signet_api::conditions::{BUNDLE_PUBLISHED, ROTATING, find, is_true};

use super::facts::Facts;
use crate::inspect::readiness::Readiness;
use crate::requests::census::{Count, Requests};

/// Something that waits.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wait {
    pub(super) subject: String,
    pub(super) message: String,
}

impl Wait {
    fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            message: message.into(),
        }
    }
}

pub(super) fn waits(facts: &Facts) -> Vec<Wait> {
    let status = &facts.status;
    let conditions = &status.conditions;
    let mut waits = Vec::new();
    let problem = Readiness::of(facts.generation, Some(status)).problem();
    waits.extend(problem.map(|problem| Wait::new("the issuer", problem)));
    if is_true(conditions, ROTATING)
        && let Some(rotating) = find(conditions, ROTATING)
    {
        let message = format!("{}: {}", rotating.reason, rotating.message);
        waits.push(Wait::new("the rotation", message));
    }
    if let Some(csr) = &status.csr {
        let message = format!(
            "a person has to get the CSR in status.csr signed (SHA-256 {}, subject key identifier \
             {})",
            csr.sha256, csr.subject_key_id
        );
        waits.push(Wait::new(format!("generation {}", csr.generation), message));
    }
    let published = find(conditions, BUNDLE_PUBLISHED);
    if let Some(published) = published.filter(|published| published.status == "False") {
        let message = format!("{}: {}", published.reason, published.message);
        waits.push(Wait::new("the trust bundle", message));
    }
    waits.extend(facts.requests.iter().flat_map(of_requests));
    waits
}

fn of_requests(requests: &Requests) -> Vec<Wait> {
    let kind = requests.kind;
    let Count {
        due,
        unapproved,
        is_partial,
    } = match &requests.count {
        Ok(count) => *count,
        Err(error) => return vec![Wait::new(kind, format!("cannot be counted: {error}"))],
    };
    let least = if is_partial { "at least " } else { "" };
    let lines = [
        (due, "wait for a certificate"),
        (unapproved, "wait for an approver"),
    ];
    let lines = lines
        .into_iter()
        .filter(|(number, _)| *number > 0 || is_partial);
    lines
        .map(|(number, wait)| Wait::new(kind, format!("{least}{number} {wait}")))
        .collect()
}
