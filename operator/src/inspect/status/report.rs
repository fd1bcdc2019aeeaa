//! The tree and what waits, as text or JSON.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;
use signet_api::{GenerationRole, GenerationState};

use super::facts::Facts;
use super::generations::generations;
use super::tree::{Leaf, Node, Place, Tree};
use super::unreadable::unreadable;
use super::waits::{Wait, waits};
use crate::args::OutputFormat;
use crate::inspect::readiness::Readiness;
use crate::inspect::style::{Color, Style};
use crate::inspect::time::until;
use crate::printable::{json, printable};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    issuer: String,
    is_ready: bool,
    /// Of the condition Ready; none if no operator has observed the issuer.
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_domain: Option<String>,
    #[serde(flatten)]
    tree: Tree,
    /// Why the tree shows of generations only what the status says, or does not show them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    waits: Vec<Wait>,
    #[serde(skip)]
    now: Timestamp,
}

impl Report {
    pub(super) fn new(facts: &Facts) -> Self {
        let readiness = Readiness::of(facts.generation, Some(&facts.status));
        Self {
            issuer: facts.name.to_string(),
            is_ready: readiness.is_ready(),
            reason: readiness.reason().map(str::to_owned),
            trust_domain: facts.trust_domain.clone(),
            tree: Tree::new(&generations(facts)),
            unreadable: unreadable(facts),
            waits: waits(facts),
            now: facts.now,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.is_ready))
    }

    pub(super) fn text(&self, format: OutputFormat, style: Style) -> String {
        match format {
            OutputFormat::Json => json(self),
            OutputFormat::Text => self.drawing(style),
        }
    }

    fn drawing(&self, style: Style) -> String {
        let readiness = match self.is_ready {
            true => style.paint(Color::Green, "ready"),
            false => style.paint(Color::Red, "not ready"),
        };
        let mut lines = vec![format!("{}: {readiness}", printable(&self.issuer))];
        if let Some(trust_domain) = &self.trust_domain {
            lines.push(format!("trust domain {}", printable(trust_domain)));
        }
        lines.push(String::new());
        let drawing = Drawing {
            style,
            now: self.now,
        };
        for root in &self.tree.roots {
            drawing.node(root, ["", ""], &mut lines);
        }
        if !self.tree.others.is_empty() {
            lines.push("without a certificate".to_owned());
            drawing.leaves(&self.tree.others, 0, "", &mut lines);
        }
        if self.tree == Tree::default() && self.unreadable.is_empty() {
            lines.push("no CA yet".to_owned());
        }
        for reason in &self.unreadable {
            lines.push(format!("The tree is incomplete: {}", printable(reason)));
        }
        lines.push(String::new());
        match self.waits.is_empty() {
            true => lines.push("Nothing waits.".to_owned()),
            false => lines.push("What waits:".to_owned()),
        }
        for Wait { subject, message } in &self.waits {
            lines.push(format!("  {}: {}", printable(subject), printable(message)));
        }
        lines.join("\n")
    }
}

struct Drawing {
    style: Style,
    now: Timestamp,
}

impl Drawing {
    /// Draws a certificate and what is below it. `lead` is what is in front of its line, and in
    /// front of the lines below it.
    fn node(&self, node: &Node, [lead, below]: [&str; 2], lines: &mut Vec<String>) {
        let place = match node.place {
            Place::Root => "root",
            Place::TrustAnchor => "trust anchor",
            Place::Intermediate => "intermediate",
            Place::Unknown => "CA",
        };
        let end = until(node.not_after, self.now);
        let end = match node.not_after <= self.now {
            true => self.style.paint(Color::Red, &end),
            false => end,
        };
        let subject = printable(&node.subject);
        lines.push(format!("{lead}{subject} ({place}) {end}"));
        self.leaves(&node.generations, node.issued.len(), below, lines);
        for (index, issued) in node.issued.iter().enumerate() {
            let [branch, rest] = branch(index + 1 == node.issued.len());
            let lead = [format!("{below}{branch}"), format!("{below}{rest}")];
            self.node(issued, [&lead[0], &lead[1]], lines);
        }
    }

    /// Draws generations, in front of a number of certificates.
    fn leaves(&self, leaves: &[Leaf], following: usize, below: &str, lines: &mut Vec<String>) {
        for (index, leaf) in leaves.iter().enumerate() {
            let is_last = index + 1 == leaves.len() && following == 0;
            let [branch, _] = branch(is_last);
            lines.push(format!("{below}{branch}{}", self.leaf(leaf)));
        }
    }

    fn leaf(&self, leaf: &Leaf) -> String {
        let (number, name) = (leaf.generation, printable(&leaf.name));
        let state = match leaf.state {
            Some(state) => self.style.paint(color(state), state.as_str()),
            None => "not observed".to_owned(),
        };
        let role = leaf.role.map_or("", |role| match role {
            GenerationRole::Current => ", current",
            GenerationRole::Next => ", next",
            GenerationRole::Previous => ", previous",
        });
        let error = leaf.error.as_deref().map(printable);
        let error = error.map_or_else(String::new, |error| format!("; {error}"));
        let key = printable(&leaf.key);
        format!("generation {number} ({name}): {state}{role}, key {key}{error}")
    }
}

/// What is in front of a line below another, and of the lines below that one.
const fn branch(is_last: bool) -> [&'static str; 2] {
    match is_last {
        true => ["└─ ", "   "],
        false => ["├─ ", "│  "],
    }
}

const fn color(state: GenerationState) -> Color {
    match state {
        GenerationState::Active => Color::Green,
        GenerationState::Expired | GenerationState::Revoked => Color::Red,
        GenerationState::Requested
        | GenerationState::Prepared
        | GenerationState::Published
        | GenerationState::Old => Color::Yellow,
    }
}
