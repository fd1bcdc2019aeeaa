//! A parent that is an issuer of Signet: its bundle, and circles of such issuers.

use signet_api::{CertificateSource, GROUP, IssuerKind, IssuerRef};
use signet_core::ca::CaCertificate;

use super::cycle::{self, MAX_ABOVE, TooManyAbove};
use crate::context::Issuers;
use crate::issuer_name::IssuerName;
use crate::issuers::bundle;
use crate::issuers::reason::{IssuerReason, NotReady};

/// The issuers of Signet that may be parents, as the watches have them.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct Family<'a> {
    pub(in crate::issuers) issuers: &'a Issuers,
    pub(in crate::issuers) cluster_resource_namespace: &'a str,
}

/// The issuer above.
#[derive(Clone, Debug)]
pub(super) enum Above {
    /// It is not one of Signet's.
    Other,
    /// Signet has not seen it, or it has no bundle yet.
    NoBundle(String),
    /// The roots in its bundle.
    Bundle(Vec<CaCertificate>),
}

impl Family<'_> {
    /// Returns what is known of the parent of an issuer.
    pub(super) fn above(&self, issuer: &IssuerName, parent: &IssuerRef) -> Result<Above, NotReady> {
        let Some(name) = self.parent(issuer, parent) else {
            return Ok(Above::Other);
        };
        let parent_of = |one: &IssuerName| match one == issuer {
            true => Some(name.clone()),
            false => self.parent_of(one),
        };
        match cycle::members(issuer, parent_of) {
            Ok(None) => {}
            Ok(Some(members)) => return Err(IssuerReason::InvalidSpec.stalls(circle(&members))),
            Err(TooManyAbove) => return Err(IssuerReason::InvalidSpec.stalls(too_many_above())),
        }
        let roots = self.issuers.read(&name, |parent| {
            let pem = parent.status.and_then(|status| status.bundle.as_deref());
            pem.map(bundle::in_status)
        });
        Ok(match roots {
            None => Above::NoBundle(format!("the {name} does not exist")),
            Some(None) => Above::NoBundle(format!("the {name} has no trust bundle yet")),
            Some(Some(roots)) => Above::Bundle(roots),
        })
    }

    /// Returns the issuers whose parent this one is.
    pub(in crate::issuers) fn below(&self, parent: &IssuerName) -> Vec<IssuerName> {
        let names = self.issuers.names().into_iter();
        let is_below = |one: &IssuerName| self.parent_of(one).as_ref() == Some(parent);
        names.filter(is_below).collect()
    }

    fn parent_of(&self, issuer: &IssuerName) -> Option<IssuerName> {
        let parent = self
            .issuers
            .read(issuer, |found| match found.spec.certificate.source()? {
                CertificateSource::IssuerRef(parent) => self.parent(issuer, parent),
                _ => None,
            });
        parent.flatten()
    }

    /// Returns the issuer of Signet that a reference names. A namespaced one is in the namespace
    /// where the request is made.
    pub(super) fn parent(&self, issuer: &IssuerName, parent: &IssuerRef) -> Option<IssuerName> {
        let is_ours = parent.group == GROUP;
        let (kind, namespace) = match (parent.kind.as_str(), issuer.kind) {
            ("ClusterIssuer", _) => (IssuerKind::ClusterIssuer, ""),
            ("Issuer", IssuerKind::Issuer | IssuerKind::MeshCA) => {
                (IssuerKind::Issuer, &*issuer.namespace)
            }
            ("Issuer", IssuerKind::ClusterIssuer) => {
                (IssuerKind::Issuer, self.cluster_resource_namespace)
            }
            _ => return None,
        };
        is_ours.then(|| IssuerName {
            kind,
            namespace: namespace.to_owned(),
            name: parent.name.clone(),
        })
    }
}

fn too_many_above() -> String {
    format!(
        "more than {MAX_ABOVE} issuers of Signet are above it, each signed by the next; have it signed \
         by one that is closer to the root"
    )
}

fn circle(members: &[IssuerName]) -> String {
    let names: Vec<_> = members.iter().map(ToString::to_string).collect();
    let [first, ..] = &names[..] else {
        return String::new();
    };
    format!(
        "its certificate.issuerRef leads back to it: {} > {first}; have one of them signed by \
         another issuer",
        names.join(" > ")
    )
}
