//! The facts that an issuer's decisions depend on. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use signet_api::IssuerSpec;
use signet_core::ca::lifecycle::{self, KeyState, Situation, State, View};
use signet_core::ca::{CaCertificate, Certified, Root};
use signet_core::request::ServiceAccount;
use signet_core::spiffe::TrustDomain;
use signet_keys::{ErrorClass, KeyError, Software};

use super::creation::{Traces, creates};
use super::generation::Stored;
use super::keys::Keys;
use super::memory::Remembered;
use super::mesh_keys;
use super::parents::{Attempt, Offer, OwnRequest};
use super::reason::{IssuerReason, NotReady};
use super::roots::Roots;
use super::store::Generations;
use super::submission::{CsrOf, Submission};
use crate::connections::Key;
use crate::issuer_name::IssuerName;
use crate::mesh::{self, Adoptable, MeshReason, Owner};
use crate::publish::Observed;
use crate::sharing::CaKeys;

/// Everything that was observed about an issuer in one round.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: IssuerName,
    pub(super) uid: String,
    pub(super) spec: IssuerSpec,
    /// The namespace of its Secrets and CA generations.
    pub(super) namespace: String,
    pub(super) generations: Generations,
    /// The highest number in `status.ca`.
    pub(super) highest_in_status: u32,
    /// The spec as the lifecycle reads it.
    pub(super) rotation: lifecycle::Spec,
    pub(super) keys: Keys,
    pub(super) key_state: KeyState,
    pub(super) active_key_gone: bool,
    /// Whether the reference of the active generation's key leads to another key.
    pub(super) key_replaced: bool,
    /// What the parent has for the next generation, or why it has nothing.
    pub(super) offer: Option<Result<Offer, NotReady>>,
    /// What the requested certificate waits for at the parent.
    pub(super) pending: Option<String>,
    /// When the CSR of the next generation is to be submitted; none if it was.
    pub(super) attempt: Option<Attempt>,
    /// When the parent is to be polled again, if that is soon.
    pub(super) poll_at: Option<Timestamp>,
    /// The highest generation in the names of requests to the parent.
    pub(super) highest_requested: u32,
    /// The requests to the parent that the issuer owns.
    pub(super) requests: Vec<OwnRequest>,
    /// What is accepted of the issuer above and should be different.
    pub(super) parent_warning: Option<String>,
    /// Which roots are trusted.
    pub(super) roots: Roots,
    /// The roots that the spec names, or the objects in it.
    pub(super) named: Vec<CaCertificate>,
    pub(super) named_roots: Vec<Root>,
    /// Whether what the spec names as roots could not be read.
    pub(super) names_unknown_roots: bool,
    /// The roots in `status.bundle`.
    pub(super) in_status: Vec<CaCertificate>,
    /// Their fingerprints.
    pub(super) status_roots: BTreeSet<String>,
    /// The objects with the bundle.
    pub(super) bundle: Observed,
    /// The fingerprints of the roots that are in the status and in each of these objects.
    pub(super) published: BTreeSet<String>,
    /// The mesh of a MeshCA.
    pub(super) mesh: Option<mesh::Observed>,
    /// What was found of an earlier CA.
    pub(super) traces: Traces,
    /// What the round before remembered.
    pub(super) remembered: Remembered,
    /// How long the traces must disagree before the CA counts as lost.
    pub(super) loss_delay: Duration,
    /// Whether the operator creates keys of this kind of issuer.
    pub(super) creates_keys: bool,
    /// Whether a key may be created: at most one is, per reconcile.
    pub(super) may_create_key: bool,
    pub(super) cert_manager: ServiceAccount,
    pub(super) reserved_namespaces: BTreeSet<String>,
    pub(super) now: Timestamp,
}

impl Facts {
    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            now: self.now,
            generations: &self.generations.facts,
            highest_number: self.highest_number(),
            spec: &self.rotation,
            key: &self.key_state,
            active_key_gone: self.active_key_gone,
            offered: self.offered(),
            published: &self.published,
            in_status: &self.status_roots,
            named_roots: &self.named_roots,
        }
    }

    /// Adds what was observed of a mesh. A root is published once the mesh has loaded it.
    pub(super) fn set_mesh(&mut self, mesh: Option<mesh::Observed>) {
        if let Some(mesh) = &mesh {
            let has_ca = self.active().is_some();
            self.published = mesh.loaded_of(&self.in_status, has_ca, self.now);
        }
        self.mesh = mesh;
    }

    /// Returns for whom the objects of a mesh are written.
    pub(super) fn owner(&self) -> Owner<'_> {
        Owner {
            name: &self.name,
            uid: &self.uid,
        }
    }

    /// Returns the CA of a mesh that is taken over, if there is one.
    pub(super) fn adoptable(&self) -> Option<&Adoptable> {
        mesh_keys::adoptable(self.mesh.as_ref()?, &self.generations)
    }

    /// Returns why there is to be no first CA; none if nothing of the mesh is in its way.
    pub(super) fn mesh_obstacle(&self) -> Option<(MeshReason, String)> {
        // Not by the requests, which users may create, and which a MeshCA of the same name leaves.
        let highest = self.generations.highest_number.max(self.highest_in_status);
        let mesh = self.mesh.as_ref().filter(|_| highest == 0)?;
        mesh.obstacle(&self.named)
    }

    fn highest_number(&self) -> u32 {
        let generations = self.generations.highest_number;
        generations
            .max(self.highest_in_status)
            .max(self.highest_requested)
    }

    fn offered(&self) -> Option<&Certified> {
        let offer = self.offer.as_ref()?.as_ref().ok()?;
        Some(&offer.certified)
    }

    /// Returns why the parent's certificate is not used.
    pub(super) fn refused(&self) -> Option<&NotReady> {
        self.offer.as_ref()?.as_ref().err()
    }

    pub(super) fn active(&self) -> Option<&Stored> {
        let situation = self.situation();
        let active = View::new(&situation).active()?.number;
        self.generations.get(active)
    }

    pub(super) fn next(&self) -> Option<&Stored> {
        let situation = self.situation();
        let next = View::new(&situation).next()?.number;
        self.generations.get(next)
    }

    /// Returns the next generation, if it waits for its certificate.
    pub(super) fn requested(&self) -> Option<&Stored> {
        self.next().filter(|next| next.chain.is_none())
    }

    /// Returns the last submission of the requested generation's CSR since the operator started.
    pub(super) fn submission(&self) -> Option<&Arc<Submission>> {
        let of = self.csr_of(self.requested()?)?;
        let last = self.remembered.submission.as_ref();
        last.filter(|last| last.is_of(&of))
    }

    /// Returns what identifies the CSR of a generation.
    pub(super) fn csr_of(&self, one: &Stored) -> Option<CsrOf> {
        let csr = one.csr.as_ref()?;
        Some(CsrOf {
            uid: self.uid.clone(),
            csr: csr.fingerprint().to_owned(),
        })
    }

    pub(super) fn state(&self, one: &Stored) -> State {
        View::new(&self.situation()).state(&one.facts)
    }

    /// Returns the key of a generation, if it is connected.
    pub(super) fn key_of(&self, one: &Stored) -> Option<&Key> {
        self.keys.of(&one.key.fingerprint)
    }

    /// Returns the keys of every CA under which its certificates may still be valid.
    pub(super) fn ca_keys(&self) -> CaKeys {
        let alive = self.generations.stored.iter().filter(|one| {
            one.not_after().is_some_and(|end| self.now < end) && self.state(one) != State::Expired
        });
        let chains: Vec<_> = alive.filter_map(|one| one.chain.as_ref()).collect();
        let trusted = self.in_status.iter().chain(&self.named);
        CaKeys {
            trust_domain: self.trust_domain().ok().flatten(),
            path: fingerprints(chains.iter().flat_map(|chain| chain.path())),
            roots: fingerprints(chains.iter().flat_map(|chain| chain.roots()).chain(trusted)),
        }
    }

    /// Returns the error of the key that signs, or that is to sign if none does.
    pub(super) fn key_error(&self) -> Option<&KeyError> {
        let key = self.keys.active.as_ref().or(self.keys.next.as_ref());
        key?.as_ref().err()
    }

    /// Whether an issuer that signs waits for something that it is not woken for: a key, a
    /// certificate that passes the checks, or the object that lists trusted roots.
    pub(super) fn waits_for_more(&self) -> bool {
        matches!(self.keys.next, Some(Err(_)))
            || self
                .refused()
                .is_some_and(|refused| refused.retry_at.is_none())
            || self.roots.problem().is_some()
    }

    /// Whether a key, a certificate or the list of trusted roots is in an object that does not exist.
    pub(super) fn waits_for_object(&self) -> bool {
        let keys = [&self.keys.active, &self.keys.next];
        let mut keys = keys.into_iter().flatten();
        keys.any(|key| key.as_ref().is_err_and(|error| error.is_missing))
            || matches!(&self.offer, Some(Err(refused)) if refused.is_missing)
            || self
                .roots
                .problem()
                .is_some_and(|problem| problem.is_missing)
    }

    pub(super) fn transient_key_error(&self) -> Option<&KeyError> {
        self.key_error().filter(|error| error.class.is_transient())
    }

    /// Returns the error of the key that the spec names, if there is no such key.
    pub(super) fn missing_spec_key(&self) -> Option<&KeyError> {
        let error = self.keys.of_spec()?.as_ref().err();
        error.filter(|error| error.class == ErrorClass::KeyNotFound)
    }

    /// Returns the newest generation over a key of the name that the spec has.
    pub(super) fn made_over_spec_key(&self) -> Option<&Stored> {
        let mut newest_first = self.generations.stored.iter().rev();
        newest_first.find(|one| one.key.config.same_key(&self.spec.key))
    }

    /// Returns the key that Signet provides for the source, if the spec may go on.
    pub(super) fn provided_key(&self) -> Option<Software> {
        let may = creates(&self.spec) && self.may_create_key && !self.spec.suspend;
        let key = self.spec.key.backend().provision();
        key.filter(|_| may && self.creates_keys)
    }

    /// Whether Signet would create the key of the spec, and the operator's flag does not let it.
    pub(super) fn withholds_key(&self) -> bool {
        let key = self.spec.key.backend().provision();
        key.is_some() && creates(&self.spec) && !self.creates_keys
    }

    /// Whether Signet creates the key of the spec if it is missing, as far as that is known before the
    /// key and the source are observed.
    pub(super) fn creates_missing_key(&self) -> bool {
        self.provided_key().is_some() && self.made_over_spec_key().is_none()
    }

    pub(super) fn trust_domain(&self) -> Result<Option<TrustDomain>, NotReady> {
        let Some(spiffe) = &self.spec.spiffe else {
            return Ok(None);
        };
        let parsed = TrustDomain::parse(&spiffe.trust_domain);
        parsed.map(Some).map_err(|error| {
            IssuerReason::InvalidSpec.stalls(format!("spec.spiffe.trustDomain: {error}"))
        })
    }
}

fn fingerprints<'a>(certificates: impl Iterator<Item = &'a CaCertificate>) -> BTreeSet<String> {
    certificates
        .map(|certificate| certificate.public_key().fingerprint())
        .collect()
}
