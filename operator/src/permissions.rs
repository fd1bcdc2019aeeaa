//! Every call that the operator makes to the API server.
//!
//! The chart's RBAC is compared with this list, and the list with the API server's audit log, in
//! both directions: no permission without a use, no call without a permission.

use Scope::{
    AllNamespaces, BundleSecrets, CertificateRequests, Cluster, ClusterKeys, ClusterResources,
    ClusterSigners, ClusterTrustBundles, Granted, IssuerKeys, IssuerReferences, IssuerSigners,
    IssuerTrustBundles, Issuers, NamespacedIssuers, OwnNamespace, Parents, PodCertificates,
    SigningRequests,
};

/// Where a permission holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In every namespace: a ClusterRole.
    Cluster,
    /// Wherever there is an issuer: in every namespace, or, without namespaced Issuers, in the
    /// cluster resource namespace only.
    Issuers,
    /// In every namespace, for namespaced Issuers; without them, nowhere.
    NamespacedIssuers,
    /// In every namespace, for CertificateRequests, unless the chart disables them: a ClusterRole.
    CertificateRequests,
    /// In the whole cluster, for CertificateSigningRequests, unless the chart disables them: a
    /// ClusterRole.
    SigningRequests,
    /// The same, with namespaced Issuers.
    IssuerReferences,
    /// In every namespace, for PodCertificateRequests, if the chart enables them: a ClusterRole.
    PodCertificates,
    /// In the whole cluster, for the signers of ClusterIssuers, if the chart enables one of
    /// Kubernetes' own APIs: a ClusterRole.
    ClusterSigners,
    /// The same for those of Issuers, with namespaced Issuers.
    IssuerSigners,
    /// In a namespace whose owner grants it with a Role; the chart does not.
    Granted,
    /// In the operator's own namespace: a Role.
    OwnNamespace,
    /// In the cluster resource namespace: a Role.
    ClusterResources,
    /// In the cluster resource namespace, for keys of ClusterIssuers: a Role.
    ClusterKeys,
    /// In every namespace, for keys of Issuers, if the chart allows them: a ClusterRole.
    IssuerKeys,
    /// In the cluster resource namespace, for requests to the parents of ClusterIssuers: a Role.
    Parents,
    /// In the cluster resource namespace, for bundles in Secrets, if the chart allows them: a Role.
    BundleSecrets,
    /// In every namespace, for bundles of Issuers and copies of bundles, if the chart allows them: a
    /// ClusterRole. For the bundle of one Issuer, the owner of its namespace can grant it too.
    AllNamespaces,
    /// In the whole cluster, for ClusterTrustBundles, unless the chart disables them: a ClusterRole.
    ClusterTrustBundles,
    /// The same for those of Issuers, if the chart allows them.
    IssuerTrustBundles,
}

/// One verb on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// Where it holds.
    pub scope: Scope,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, with its subresource after a slash.
    pub resource: &'static str,
    /// The names it is limited to; empty for all.
    pub names: &'static [&'static str],
    /// The verb.
    pub verb: &'static str,
}

const fn grant(
    scope: Scope,
    group: &'static str,
    resource: &'static str,
    verb: &'static str,
) -> Permission {
    Permission {
        scope,
        group,
        resource,
        names: &[],
        verb,
    }
}

/// The group of Signet's own kinds.
pub(crate) const SIGNET: &str = "signet.dev";
const CERT_MANAGER: &str = "cert-manager.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const REQUESTS: &str = "certificaterequests";
const CSR: &str = "certificatesigningrequests";
const POD_REQUESTS: &str = "podcertificaterequests";
const CTB: &str = "clustertrustbundles";

/// The list.
pub const PERMISSIONS: &[Permission] = &[
    grant(NamespacedIssuers, SIGNET, "issuers", "list"),
    grant(NamespacedIssuers, SIGNET, "issuers", "watch"),
    grant(NamespacedIssuers, SIGNET, "issuers/status", "patch"),
    grant(NamespacedIssuers, SIGNET, "meshcas", "list"),
    grant(NamespacedIssuers, SIGNET, "meshcas", "watch"),
    grant(NamespacedIssuers, SIGNET, "meshcas/status", "patch"),
    grant(Cluster, SIGNET, "clusterissuers", "list"),
    grant(Cluster, SIGNET, "clusterissuers", "watch"),
    grant(Cluster, SIGNET, "clusterissuers/status", "patch"),
    grant(Issuers, SIGNET, "cagenerations", "list"),
    grant(Issuers, SIGNET, "cagenerations", "create"),
    grant(Issuers, SIGNET, "cagenerations", "patch"),
    // Those that have ended.
    grant(Issuers, SIGNET, "cagenerations", "delete"),
    grant(CertificateRequests, CERT_MANAGER, REQUESTS, "list"),
    grant(CertificateRequests, CERT_MANAGER, REQUESTS, "watch"),
    grant(
        CertificateRequests,
        CERT_MANAGER,
        "certificaterequests/status",
        "patch",
    ),
    grant(SigningRequests, CERTIFICATES, CSR, "list"),
    grant(SigningRequests, CERTIFICATES, CSR, "watch"),
    grant(
        SigningRequests,
        CERTIFICATES,
        "certificatesigningrequests/status",
        "patch",
    ),
    grant(PodCertificates, CERTIFICATES, POD_REQUESTS, "list"),
    grant(PodCertificates, CERTIFICATES, POD_REQUESTS, "watch"),
    // One whose key is missing in v1 is read again as v1beta1 (PCR-3).
    grant(PodCertificates, CERTIFICATES, POD_REQUESTS, "get"),
    grant(
        PodCertificates,
        CERTIFICATES,
        "podcertificaterequests/status",
        "patch",
    ),
    // The pod that a request names, before a certificate is granted.
    grant(PodCertificates, "", "pods", "get"),
    // The API server checks it when the status of a CSR or a
    // PodCertificateRequest is written (CSR-4, PCR-7); the operator's audit log
    // does not show it.
    Permission {
        names: &["clusterissuers.signet.dev/*"],
        ..grant(ClusterSigners, CERTIFICATES, "signers", "sign")
    },
    Permission {
        names: &["issuers.signet.dev/*"],
        ..grant(IssuerSigners, CERTIFICATES, "signers", "sign")
    },
    // Whether the requester of a CertificateSigningRequest may use an Issuer.
    grant(
        IssuerReferences,
        "authorization.k8s.io",
        "subjectaccessreviews",
        "create",
    ),
    // The labels by which rules select namespaces.
    grant(Cluster, "", "namespaces", "get"),
    // One by one, never listed or watched: an account that reads all Secrets is a target. The PINs
    // of PKCS#11 tokens are among those in the cluster resource namespace.
    grant(Issuers, "", "secrets", "get"),
    grant(Issuers, "", "configmaps", "get"),
    // Keys that Signet creates; in the cluster resource namespace also bundles in Secrets.
    grant(ClusterKeys, "", "secrets", "create"),
    grant(IssuerKeys, "", "secrets", "create"),
    // Trust bundles. RBAC cannot limit ConfigMaps and Secrets by a part of their names.
    grant(ClusterResources, "", "configmaps", "create"),
    grant(ClusterResources, "", "configmaps", "patch"),
    grant(ClusterResources, "", "configmaps", "delete"),
    grant(BundleSecrets, "", "secrets", "patch"),
    grant(BundleSecrets, "", "secrets", "delete"),
    grant(AllNamespaces, "", "configmaps", "list"),
    grant(AllNamespaces, "", "configmaps", "create"),
    grant(AllNamespaces, "", "configmaps", "patch"),
    grant(AllNamespaces, "", "configmaps", "delete"),
    grant(AllNamespaces, "", "namespaces", "list"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "get"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "list"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "watch"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "create"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "patch"),
    grant(ClusterTrustBundles, CERTIFICATES, CTB, "delete"),
    // Admission checks it when one is created or changed (CTB-3), as it checks "sign".
    Permission {
        names: &["clusterissuers.signet.dev/*"],
        ..grant(ClusterTrustBundles, CERTIFICATES, "signers", "attest")
    },
    Permission {
        names: &["issuers.signet.dev/*"],
        ..grant(IssuerTrustBundles, CERTIFICATES, "signers", "attest")
    },
    // Requests for the CA certificates of ClusterIssuers. Those of Issuers are made, read and
    // deleted by a ServiceAccount of their namespace.
    grant(Parents, CERT_MANAGER, REQUESTS, "get"),
    grant(Parents, CERT_MANAGER, REQUESTS, "create"),
    grant(Parents, CERT_MANAGER, REQUESTS, "delete"),
    // For logging in to a key backend as a ServiceAccount that an issuer names, and for the requests
    // of Issuers.
    grant(Granted, "", "serviceaccounts/token", "create"),
    // The keys of a MeshCA, and the objects that its mesh reads.
    grant(Granted, "", "secrets", "create"),
    grant(Granted, "", "secrets", "patch"),
    grant(Granted, "", "configmaps", "create"),
    grant(Granted, "", "configmaps", "patch"),
    grant(Cluster, "events.k8s.io", "events", "create"),
    grant(Cluster, "events.k8s.io", "events", "patch"),
    grant(OwnNamespace, "coordination.k8s.io", "leases", "get"),
    grant(OwnNamespace, "coordination.k8s.io", "leases", "create"),
    grant(OwnNamespace, "coordination.k8s.io", "leases", "patch"),
];
