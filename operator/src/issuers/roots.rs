//! Which roots an issuer trusts: those that its spec lists, and those that its generations have.

use signet_api::{CertificateSpec, IssuerSpec, RootTrust, TrustedRootsSpec};
use signet_core::ca::CaCertificate;
use signet_core::ca::lifecycle;
use signet_core::ca::offer::{TrustedRoots, Warning};
use signet_keys::{BlockingQueue, Namespace, SecretData};

use super::generation::Stored;
use super::named_object::{NamedObject, parse};
use super::reason::{IssuerReason, NotReady};

/// The roots in the object that `spec.certificate.trustedRoots` names, if it names one.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The object, for messages.
    object: String,
    /// Its roots, or why they cannot be read.
    roots: Result<Vec<CaCertificate>, NotReady>,
}

/// The roots that an issuer trusts.
#[derive(Clone, Debug, Default)]
pub(super) struct Roots {
    fingerprints: Vec<Vec<u8>>,
    listed: Option<Listed>,
    /// The roots that the spec lists, as far as their certificates are known.
    certificates: Vec<CaCertificate>,
    created: Vec<CaCertificate>,
    pinned: Vec<CaCertificate>,
    /// Whether a root was pinned that is revoked now.
    had_pin: bool,
    follow_parent: bool,
}

/// Reads the object that lists roots.
pub(super) async fn read(
    spec: &CertificateSpec,
    tenant: &str,
    namespace: &dyn Namespace,
    parsing: &BlockingQueue,
) -> Option<Listed> {
    let list = spec.trusted_roots.as_ref()?;
    let object = NamedObject::new(list.secret_name.as_deref(), list.config_map_name.as_deref())?;
    let data = object.read(namespace).await;
    let reason = IssuerReason::TrustedRootsUnavailable;
    let message = |why: &str| format!("{object}, which spec.certificate.trustedRoots names, {why}");
    let allows_others = spec.allow_missing_root;
    let roots = match data {
        Ok(Some(data)) => listed(data, tenant, parsing, allows_others)
            .await
            .map_err(|why| reason.waits(message(&why))),
        Ok(None) => {
            Err(reason.waits_for_object(message("does not exist; put the roots there, in ca.crt")))
        }
        Err(error) => Err(reason.waits(message(&format!("cannot be read: {}", error.message)))),
    };
    Some(Listed {
        object: object.to_string(),
        roots,
    })
}

/// Returns the roots in `ca.crt`, or what is wrong with it.
async fn listed(
    data: SecretData,
    tenant: &str,
    parsing: &BlockingQueue,
    allows_others: bool,
) -> Result<Vec<CaCertificate>, String> {
    let read = move || CaCertificate::all_from_pem(data.get("ca.crt").unwrap_or_default());
    let roots = parse(parsing, tenant, read).await;
    let roots = roots.map_err(|error| format!("cannot be used: {error}"))?;
    let other = roots.iter().find(|root| !root.is_self_signed());
    match other.filter(|_| !allows_others) {
        _ if roots.is_empty() => {
            Err("has no certificate in ca.crt; put the roots there".to_owned())
        }
        Some(other) => Err(format!(
            "lists {}, which is not self-signed; list only roots",
            other.subject()
        )),
        None => Ok(roots),
    }
}

impl Roots {
    /// Returns the roots that are trusted. The list in the spec takes the place of pins.
    pub(super) fn of(
        spec: &IssuerSpec,
        listed: Option<Listed>,
        generations: &[Stored],
        lifecycle: &lifecycle::Spec,
    ) -> Self {
        let list = spec.certificate.trusted_roots.as_ref();
        let fingerprints = list.map(fingerprints).unwrap_or_default();
        let is_alive =
            |root: &CaCertificate| !lifecycle.revoked.contains(&root.public_key().fingerprint());
        let anchors = || {
            let anchors = generations.iter();
            anchors.filter_map(|one| Some((one, one.chain.as_ref()?.path().last()?)))
        };
        let of_generations = |is_meant: &dyn Fn(&Stored, &CaCertificate) -> bool| {
            let meant = anchors().filter(|(one, root)| is_alive(root) && is_meant(one, root));
            meant.map(|(_, root)| root.clone()).collect::<Vec<_>>()
        };
        let in_object = listed
            .iter()
            .flat_map(|listed| listed.roots.iter().flatten());
        let in_object = in_object.filter(|root| is_alive(root)).cloned();
        let is_listed = |_: &Stored, root: &CaCertificate| {
            fingerprints.iter().any(|own| own == root.fingerprint())
        };
        // With the same source, a root that is no longer listed is not the first one of all.
        let is_pinned = |one: &Stored, _: &CaCertificate| {
            list.is_none()
                && (one.trust == Some(RootTrust::Pinned)
                    || one.facts.purpose.certificate == lifecycle.certificate)
        };
        Self {
            certificates: in_object.chain(of_generations(&is_listed)).collect(),
            created: of_generations(&|one, _| one.trust == Some(RootTrust::Created)),
            pinned: of_generations(&is_pinned),
            // Its thief may be who answers next.
            had_pin: anchors().any(|(one, root)| !is_alive(root) && is_pinned(one, root)),
            fingerprints,
            listed,
            follow_parent: spec.certificate.follow_parent_roots,
        }
    }

    /// Trusts the roots in an object that the spec names for the certificate, too.
    pub(super) fn of_object(&self) -> TrustedRoots<'_> {
        TrustedRoots {
            offered: true,
            ..self.trusted()
        }
    }

    /// Returns the roots that a parent may chain to: those that are known, and those in its bundle,
    /// if it is an issuer of Signet.
    ///
    /// # Errors
    /// The object that lists them cannot be read now.
    pub(super) fn of_parent(&self, bundle_above: &[CaCertificate]) -> Result<Self, NotReady> {
        if let Some(not_ready) = self.problem().filter(|_| !self.follow_parent) {
            return Err(not_ready.clone());
        }
        let mut roots = self.clone();
        if !bundle_above.is_empty() {
            // A root that has left the bundle may have been revoked.
            roots.pinned.clear();
        }
        roots.certificates.extend_from_slice(bundle_above);
        Ok(roots)
    }

    /// Trusts the roots that are known.
    pub(super) fn trusted(&self) -> TrustedRoots<'_> {
        TrustedRoots {
            fingerprints: &self.fingerprints,
            object: self.listed.as_ref().map(|listed| listed.object.as_str()),
            certificates: &self.certificates,
            created: &self.created,
            pinned: &self.pinned,
            had_pin: self.had_pin,
            offered: false,
            follow_parent: self.follow_parent,
        }
    }

    /// Returns why the object that lists roots cannot be read.
    pub(super) fn problem(&self) -> Option<&NotReady> {
        self.listed.as_ref()?.roots.as_ref().err()
    }

    /// Returns the roots in the object that lists them; none if it cannot be read.
    pub(super) fn in_object(&self) -> impl Iterator<Item = &CaCertificate> {
        let listed = self.listed.iter();
        listed.flat_map(|listed| listed.roots.iter().flatten())
    }

    /// Returns how to make the pin of a generation's root permanent.
    pub(super) fn pin_warning(&self, signing: &Stored) -> Option<Warning> {
        let anchor = signing.chain.as_ref()?.path().last()?;
        let is_pinned = signing.trust == Some(RootTrust::Pinned);
        self.trusted().pin_warning(anchor).filter(|_| is_pinned)
    }
}

/// The schema allows only hexadecimal digits.
fn fingerprints(list: &TrustedRootsSpec) -> Vec<Vec<u8>> {
    let listed = list.fingerprints.iter();
    listed.filter_map(|text| hex::decode(text).ok()).collect()
}
