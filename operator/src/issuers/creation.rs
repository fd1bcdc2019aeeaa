//! Whether a CA may be created: the traces of an earlier one, and what is adopted of it. Pure.

mod messages;
mod roots;

use signet_api::{CertificateSource, CreationMode, IssuerSpec, IssuerStatus};
use signet_core::ca::creation::{Creation, Earlier, Prospect, Trace, Verdict, is_expected};
use signet_core::ca::lifecycle::{NewGeneration, State, View};
use signet_core::ca::offer::{Expectations, TrustedRoots};
use signet_core::ca::{CaCertificate, CaChain, Purpose, Root};

use super::facts::Facts;
use super::mesh_keys;
use super::parents::{self, Offer};
use super::reason::NotReady;

pub(super) use messages::{not_ready, of_key, refused_new_root, unexpected_root};
pub(super) use roots::add_inherited;

/// What was found of an earlier CA of the issuer.
#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    /// The fingerprint of the CA certificate that signed, by `status.ca`.
    pub(super) in_status: Option<String>,
    /// The roots in the objects with the bundle; none if they could not be read.
    pub(super) in_object: Option<Vec<CaCertificate>>,
    /// The UID of the issuer for which Signet created the key, if it did.
    pub(super) key_made_for: Option<String>,
    /// What would be created.
    pub(super) creation: Option<Creation>,
    pub(super) earlier: Vec<Earlier>,
    /// A certificate in a trace for the key of the spec.
    pub(super) adoptable: Option<Offer>,
    /// The number of the next generation, and the roots of a lost CA that it is to inherit.
    pub(super) to_inherit: Option<(u32, Vec<CaCertificate>)>,
}

/// Returns the fingerprint of the CA certificate that signs by a status.
pub(super) fn current(status: Option<&IssuerStatus>) -> Option<String> {
    let mut listed = status?.ca.iter();
    let current = listed.find(|ca| ca.role == Some(signet_api::GenerationRole::Current))?;
    current.fingerprint.clone()
}

/// Whether Signet creates what the source needs.
pub(super) fn creates(spec: &IssuerSpec) -> bool {
    let source = spec.certificate.source();
    source.is_some_and(|source| !matches!(source, CertificateSource::Existing(_)))
}

/// Adds what follows from the traces, after the keys and the source were observed.
pub(super) fn complete(facts: &mut Facts) {
    let creation = creation(facts);
    facts.traces.creation = Some(creation);
    facts.traces.earlier = earlier(facts, creation);
    facts.traces.adoptable = match creation {
        Creation::First => of_mesh(facts).or_else(|| adoptable(facts)),
        _ => None,
    };
    if misses_generation(facts) {
        // What is published stays, unless it is revoked or has expired.
        facts.named.extend(facts.in_status.clone());
        facts.named_roots = facts.named.iter().map(Into::into).collect();
    }
}

pub(super) fn prospect(facts: &Facts) -> Prospect<'_> {
    let spec = &facts.spec.certificate;
    let traces = &facts.traces;
    Prospect {
        creation: traces.creation.unwrap_or(Creation::Nothing),
        is_self_signed: is_self_signed(facts),
        earlier: &traces.earlier,
        is_offered: matches!(facts.offer, Some(Ok(_))),
        is_adoptable: traces.adoptable.is_some(),
        expected_root: spec.expected_root.as_deref(),
        is_forbidden: spec.creation == Some(CreationMode::Forbidden),
        acknowledged: spec.acknowledged_loss.as_deref(),
        delay: facts.loss_delay,
    }
}

/// Whether the status has an earlier CA that no generation shows. It stays there.
pub(super) fn misses_generation(facts: &Facts) -> bool {
    let traces = &facts.traces;
    let is_named = traces.in_status.is_some() || !traces.earlier.is_empty();
    let is_first = traces.creation == Some(Creation::First);
    is_named && (is_first || facts.generations.stored.is_empty())
}

/// Decides whether something may be created. While the object with the bundle cannot be read, it may
/// be that of an earlier CA.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let prospect = prospect(facts);
    let verdict = prospect.verdict(facts.remembered.lost_since, facts.now);
    let is_unknown = prospect.creation == Creation::First && facts.traces.in_object.is_none();
    match verdict {
        Verdict::Proceed if is_unknown && !prospect.is_offered => Verdict::Wait(facts.now),
        verdict => verdict,
    }
}

/// Whether the spec acknowledges the loss of the key of the active generation.
pub(super) fn starts_over(facts: &Facts) -> bool {
    let acknowledged = facts.spec.certificate.acknowledged_loss.as_ref();
    let active = facts.active().filter(|_| creates(&facts.spec));
    let is_provisioned = facts.spec.key.backend().provision().is_some();
    let lost = active.filter(|_| is_provisioned).map(of_generation);
    acknowledged.is_some() && acknowledged == lost.as_ref()
}

fn of_generation(one: &super::generation::Stored) -> String {
    let certified = one.facts.certified.as_ref();
    certified.map_or_else(
        || one.key.fingerprint.clone(),
        |own| own.fingerprint.clone(),
    )
}

fn is_self_signed(facts: &Facts) -> bool {
    let source = facts.spec.certificate.source();
    matches!(source, Some(CertificateSource::SelfSigned(_)))
}

/// The key that Signet would create is missing.
fn misses_key(facts: &Facts) -> bool {
    facts.missing_spec_key().is_some() && facts.spec.key.backend().provision().is_some()
}

fn creation(facts: &Facts) -> Creation {
    if !creates(&facts.spec) {
        return Creation::Nothing;
    }
    let misses_key = misses_key(facts);
    if misses_key && facts.made_over_spec_key().is_some() {
        return Creation::LostKey;
    }
    let key = facts.key_state.found();
    if has_generation(facts) {
        let mut stored = facts.generations.stored.iter();
        let has_none = |key: &String| !stored.any(|one| one.key.fingerprint == *key);
        let is_new = misses_key || key.is_some_and(has_none);
        return match is_self_signed(facts) && is_new {
            true => Creation::NewRoot,
            false => Creation::Nothing,
        };
    }
    match misses_key || key.is_some() {
        true => Creation::First,
        false => Creation::Nothing,
    }
}

/// Whether there is a generation to go on with, or one that was revoked on purpose.
fn has_generation(facts: &Facts) -> bool {
    let situation = facts.situation();
    let view = View::new(&situation);
    let mut stored = facts.generations.stored.iter();
    view.active().is_some()
        || view.next().is_some()
        || stored
            .any(|one| one.facts.activated.is_some() && view.state(&one.facts) == State::Revoked)
}

/// Returns the CA that each trace names, the most precise first.
fn earlier(facts: &Facts, creation: Creation) -> Vec<Earlier> {
    let one = |trace, fingerprint| Earlier { trace, fingerprint };
    let found = match creation {
        Creation::LostKey => {
            let lost = facts.made_over_spec_key().map(of_generation);
            return lost
                .map(|lost| one(Trace::Generation, lost))
                .into_iter()
                .collect();
        }
        Creation::First => &facts.traces,
        Creation::Nothing | Creation::NewRoot => return Vec::new(),
    };
    let fingerprint = |root: &CaCertificate| hex::encode(root.fingerprint());
    let generation = facts.generations.stored.iter().rev();
    let mut activated = generation.filter(|one| one.facts.activated.is_some());
    let (in_status, in_object) = roots::of_earlier_ca(facts);
    let of_other = found.key_made_for.as_ref().filter(|uid| **uid != facts.uid);
    let key = of_other.and(facts.key_state.found().cloned());
    [
        found.in_status.clone().map(|it| one(Trace::Status, it)),
        activated
            .next()
            .map(|it| one(Trace::Generation, of_generation(it))),
        in_status
            .first()
            .map(|root| one(Trace::Bundle, fingerprint(root))),
        in_object
            .first()
            .map(|root| one(Trace::BundleObject, fingerprint(root))),
        key.map(|it| one(Trace::Key, it)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the certificate in a trace that is for the key of the spec and passes the checks; of
/// several, the one that ends last.
fn adoptable(facts: &Facts) -> Option<Offer> {
    let key = facts.keys.of(facts.key_state.found()?)?.guard.public_key();
    let found = || {
        facts
            .in_status
            .iter()
            .chain(facts.traces.in_object.iter().flatten())
    };
    let roots: Vec<Root> = found().map(Root::from).collect();
    let known: Vec<_> = roots.iter().collect();
    let expected = facts.spec.certificate.expected_root.as_deref();
    let mut own: Vec<_> = found()
        // The key proves it, also if someone else wrote the object.
        .filter(|ca| ca.public_key() == key && ca.is_issued_by(ca))
        .filter(|ca| is_expected(&Root::from(*ca), expected, &known))
        .collect();
    own.sort_by_key(|ca| std::cmp::Reverse(ca.not_after()));
    own.into_iter()
        .find_map(|ca| judge(ca, facts))
        .filter(|_| is_self_signed(facts))
}

/// Returns the CA of a mesh that is taken over unchanged, once its key is that of the MeshCA.
fn of_mesh(facts: &Facts) -> Option<Offer> {
    let adoptable = facts.adoptable()?;
    let key = facts.key_state.found()?;
    let is_its = *key == adoptable.chain.issuing().public_key().fingerprint();
    is_its.then(|| Offer::adopted(adoptable.chain.clone()))
}

/// Returns the roots that a mesh trusts besides that of the CA that is taken over.
pub(super) fn inherited_with(facts: &Facts) -> Option<String> {
    let roots = facts.adoptable()?.other_roots.iter();
    let roots: String = roots.map(CaCertificate::pem).collect();
    (!roots.is_empty()).then_some(roots)
}

fn judge(ca: &CaCertificate, facts: &Facts) -> Option<Offer> {
    let trust_domain = facts.trust_domain().ok()?;
    let expectations = parents::expectations(
        &facts.spec,
        ca.public_key(),
        trust_domain.as_ref(),
        TrustedRoots::default(),
    );
    let expectations = Expectations {
        // It is renewed as soon as it is adopted.
        min_lifetime: std::time::Duration::ZERO,
        ..expectations
    };
    let chain = CaChain::from_root(ca.clone());
    parents::judge(chain, &expectations, facts.now).ok()?.ok()
}

/// Returns the generation over the certificate that is adopted.
pub(super) fn adopted(facts: &Facts) -> Option<(NewGeneration, &Offer)> {
    let offer = facts.traces.adoptable.as_ref()?;
    let rotation = &facts.rotation;
    let new = NewGeneration {
        number: facts.situation().next_number()?,
        key: offer.chain.issuing().public_key().fingerprint(),
        purpose: Purpose {
            key_name: rotation.key_name.clone(),
            // The issuer of a MeshCA replaces the CA that the mesh had.
            certificate: match facts.mesh {
                Some(_) => mesh_keys::TAKEN_OVER.to_owned(),
                None => rotation.certificate.clone(),
            },
            request_id: rotation.request_id.clone(),
            rollback_to: None,
        },
        copy_of: None,
    };
    Some((new, offer))
}

/// Refuses a certificate whose root is not the expected one.
pub(super) fn check_root(facts: &Facts, offer: Offer) -> Result<Offer, NotReady> {
    let root = &offer.certified.root;
    match is_expected_root(facts, root) {
        true => Ok(offer),
        false => Err(unexpected_root(facts, root)),
    }
}

/// Whether the root is the expected one, or a renewal of it.
pub(super) fn is_expected_root(facts: &Facts, root: &Root) -> bool {
    let generations = facts.generations.stored.iter();
    let known: Vec<_> = generations
        .filter_map(|one| Some(&one.facts.certified.as_ref()?.root))
        .collect();
    let expected = facts.spec.certificate.expected_root.as_deref();
    is_expected(root, expected, &known)
}
