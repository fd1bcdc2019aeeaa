//! Certificates from the roots down to the CA generations. Pure.

use jiff::Timestamp;
use serde::Serialize;
use signet_api::{GenerationRole, GenerationState};
use signet_core::ca::{CaCertificate, CaChain};

use super::generations::{Certificate, Generation};

/// A certificate, with what it issued.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) subject: String,
    pub(super) place: Place,
    /// SHA-256 over the certificate, in hex.
    pub(super) fingerprint: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// The generations with this certificate.
    pub(super) generations: Vec<Leaf>,
    pub(super) issued: Vec<Node>,
}

/// Where a certificate is in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Place {
    Root,
    /// The highest known certificate, which is not self-signed.
    TrustAnchor,
    Intermediate,
    /// What is above it is not known.
    Unknown,
}

/// A generation in the tree.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Leaf {
    pub(super) name: String,
    pub(super) generation: u32,
    pub(super) state: Option<GenerationState>,
    pub(super) role: Option<GenerationRole>,
    pub(super) key: String,
    /// Why its certificate cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// The certificates of an issuer.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tree {
    pub(super) roots: Vec<Node>,
    /// The generations without a certificate that can be drawn.
    pub(super) others: Vec<Leaf>,
}

impl Tree {
    /// Draws each certificate once, below the one that issued it, in the order of the generations.
    pub(super) fn new(generations: &[Generation]) -> Self {
        let mut tree = Self::default();
        for generation in generations {
            let mut leaf = Leaf::of(generation);
            match &generation.certificate {
                Certificate::Chain(chain) => insert(&mut tree.roots, &path(chain), leaf),
                Certificate::Summary {
                    subject,
                    fingerprint,
                    not_before,
                    not_after,
                } => {
                    let node = Node {
                        subject: subject.clone(),
                        place: Place::Unknown,
                        fingerprint: fingerprint.clone(),
                        not_before: *not_before,
                        not_after: *not_after,
                        generations: Vec::new(),
                        issued: Vec::new(),
                    };
                    find_or_add(&mut tree.roots, node).generations.push(leaf);
                }
                Certificate::Unreadable(error) => {
                    leaf.error = Some(error.clone());
                    tree.others.push(leaf);
                }
                Certificate::Missing => tree.others.push(leaf),
            }
        }
        tree
    }
}

impl Leaf {
    fn of(generation: &Generation) -> Self {
        Self {
            name: generation.name.clone(),
            generation: generation.number,
            state: generation.state,
            role: generation.role,
            key: generation.key.clone(),
            error: None,
        }
    }
}

/// Returns a chain from the trust anchor down.
fn path(chain: &CaChain) -> Vec<&CaCertificate> {
    chain.path().iter().rev().collect()
}

fn insert(nodes: &mut Vec<Node>, path: &[&CaCertificate], leaf: Leaf) {
    let (mut nodes, mut leaf) = (nodes, Some(leaf));
    for (depth, certificate) in path.iter().enumerate() {
        let place = match (depth, certificate.is_self_signed()) {
            (_, true) => Place::Root,
            (0, false) => Place::TrustAnchor,
            (_, false) => Place::Intermediate,
        };
        let node = find_or_add(nodes, node(certificate, place));
        if depth + 1 == path.len() {
            node.generations.extend(leaf.take());
        }
        nodes = &mut node.issued;
    }
}

fn node(certificate: &CaCertificate, place: Place) -> Node {
    Node {
        subject: certificate.subject().to_owned(),
        place,
        fingerprint: hex::encode(certificate.fingerprint()),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        generations: Vec::new(),
        issued: Vec::new(),
    }
}

fn find_or_add(nodes: &mut Vec<Node>, node: Node) -> &mut Node {
    let mut known = nodes.iter();
    let index = known.position(|known| known.fingerprint == node.fingerprint);
    let index = index.unwrap_or_else(|| {
        nodes.push(node);
        nodes.len() - 1
    });
    &mut nodes[index]
}
