//! What the mesh of a MeshCA requires of an issuer of Signet above it, which is checked before a
//! request is made. Of other issuers, nothing is known.

use signet_api::{ActivationMode, IssuerSpec};
use signet_core::mesh::secret::{Above, Mesh};

use super::{IssuerAbove, answer};
use crate::issuer_name::IssuerName;
use crate::issuers::parents::{Answer, ParentRequest};
use crate::issuers::reason::IssuerReason;
use crate::keyring::{IssuerLookup, Version};
use crate::mesh::MeshReason;

impl IssuerAbove<'_> {
    /// Returns the answer for the mesh of a MeshCA: nothing is requested that the mesh would refuse.
    pub(super) fn for_mesh(&self, answer: Answer, request: &ParentRequest<'_>) -> Answer {
        let above = request.family.parent(request.issuer, self.parent);
        let Some((mesh, above)) = request.mesh.zip(above) else {
            return answer;
        };
        let obstacle = answer
            .attempt
            .and_then(|_| self.obstacle(mesh, &above, request));
        Answer {
            warning: self.activates_alone(&above, request),
            ..obstacle.unwrap_or(answer)
        }
    }

    /// Returns the answer in place of one by which a request would be made in vain.
    fn obstacle(
        &self,
        mesh: &Mesh,
        above: &IssuerName,
        request: &ParentRequest<'_>,
    ) -> Option<Answer> {
        let read = request.family.issuers.read(above, |found| {
            let profile = found.spec.profile.as_ref();
            let ca = profile.and_then(|profile| profile.ca.as_ref());
            let path_length = ca.map(|ca| ca.path_length);
            let has_trust_domain = found.spec.spiffe.is_some();
            (Version::of(found.meta), path_length, has_trust_domain)
        });
        let (version, profile, has_trust_domain) = read?;
        let lookup = request.keyring.find(above, Some(version));
        let known = Above {
            profile,
            is_confined: has_trust_domain && above.kind.is_namespaced(),
            authority: match &lookup {
                IssuerLookup::Ready(ready) => Some((&ready.chain, ready.guard.algorithm())),
                _ => None,
            },
        };
        if let Err(unfit) = mesh.check_above(&known, self.parent.request.path_length) {
            let unfit = format!("the {above} {unfit}");
            let reason = IssuerReason::Mesh(MeshReason::UnfitCa);
            return Some(answer::withheld(reason.waits(unfit), request));
        }
        // Its CA is known once it was observed, which is soon.
        matches!(lookup, IssuerLookup::NotObserved)
            .then(|| answer::pending(format!("the {above} is yet to be observed"), request))
    }

    /// Returns a warning if a person confirms that the mesh has loaded a root, and the issuer above
    /// does not wait for that person.
    fn activates_alone(&self, above: &IssuerName, request: &ParentRequest<'_>) -> Option<String> {
        let issuers = request.family.issuers;
        let waits = issuers.read(above, |found| is_manual(&found.spec))?;
        (is_manual(self.spec) && !waits).then(|| {
            format!(
                "the {above} activates another root by itself, so a renewal may be below a root that \
                 the mesh has not loaded; set its spec.rotation.activation to Manual"
            )
        })
    }
}

fn is_manual(spec: &IssuerSpec) -> bool {
    let rotation = spec.rotation.as_ref();
    rotation.and_then(|rotation| rotation.activation) == Some(ActivationMode::Manual)
}
