//! ClusterTrustBundles in the version that the cluster serves. Pure.

use k8s_openapi::api::certificates::v1::ClusterTrustBundleSpec;
use kube::api::ApiResource;
use kube::core::{NotUsed, Object, ObjectMeta, TypeMeta};

use crate::issuer_name::IssuerName;
use crate::signer_name;

/// A ClusterTrustBundle, whose fields are the same in all versions.
pub(crate) type ClusterTrustBundle = Object<ClusterTrustBundleSpec, NotUsed>;

/// What ends the name of each object. A signer may have several (CTB-6); Signet has one.
const SUFFIX: &str = ":bundle";

/// The versions of the API that Signet writes, the preferred one first (CTB-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V1,
    V1Beta1,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::V1, Self::V1Beta1];
    pub(crate) const GROUP: &'static str = "certificates.k8s.io";
    pub(crate) const KIND: &'static str = "ClusterTrustBundle";
    pub(crate) const PLURAL: &'static str = "clustertrustbundles";

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }

    pub(crate) fn api_version(self) -> String {
        format!("{}/{}", Self::GROUP, self.as_str())
    }

    pub(crate) fn resource(self) -> ApiResource {
        ApiResource {
            group: Self::GROUP.to_owned(),
            version: self.as_str().to_owned(),
            api_version: self.api_version(),
            kind: Self::KIND.to_owned(),
            plural: Self::PLURAL.to_owned(),
        }
    }
}

/// Returns the name of the object with an issuer's bundle: its signer name, with a colon for the
/// slash, and a name of its own (CTB-2).
pub(super) fn name(issuer: &IssuerName) -> String {
    signer_name::of(issuer).replace('/', ":") + SUFFIX
}

/// Returns the issuer whose bundle has this name.
pub(super) fn issuer(name: &str) -> Option<IssuerName> {
    let (domain, path) = name.strip_suffix(SUFFIX)?.split_once(':')?;
    let has_one_name = !path.contains(':') && !domain.contains('/');
    signer_name::parse(&format!("{domain}/{path}")).filter(|_| has_one_name)
}

/// Returns an object that holds a bundle.
pub(in super::super) fn object(
    version: Version,
    metadata: ObjectMeta,
    issuer: &IssuerName,
    pem: &str,
) -> ClusterTrustBundle {
    Object {
        types: Some(TypeMeta {
            api_version: version.api_version(),
            kind: Version::KIND.to_owned(),
        }),
        metadata,
        spec: ClusterTrustBundleSpec {
            signer_name: Some(signer_name::of(issuer)),
            trust_bundle: pem.to_owned(),
        },
        status: None,
    }
}
