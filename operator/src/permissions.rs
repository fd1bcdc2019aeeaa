//! Every call that the operator makes to the API server.
//!
//! The chart's RBAC is compared with this list, and the list with the API server's audit log, in
//! both directions: no permission without a use, no call without a permission.

use Scope::{
    AllNamespaces, ApiServer, BundleSecrets, Cluster, ClusterResources, Granted, Issuers,
    NamespacedIssuers, OwnNamespace,
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
    /// In a namespace whose owner grants it with a Role; the chart does not.
    Granted,
    /// In the operator's own namespace: a Role.
    OwnNamespace,
    /// In the cluster resource namespace: a Role.
    ClusterResources,
    /// In the cluster resource namespace, for bundles in Secrets, if the chart allows them: a Role.
    BundleSecrets,
    /// In every namespace, for bundles of Issuers and copies of bundles, if the chart allows them: a
    /// ClusterRole. For the bundle of one Issuer, the owner of its namespace can grant it too.
    AllNamespaces,
    /// In the namespace `default`, where the API server lists itself, for namespaced Issuers: a
    /// Role.
    ApiServer,
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

const SIGNET: &str = "signet.dev";
const CERT_MANAGER: &str = "cert-manager.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const CSR: &str = "certificatesigningrequests";

/// The list.
pub const PERMISSIONS: &[Permission] = &[
    grant(NamespacedIssuers, SIGNET, "issuers", "list"),
    grant(NamespacedIssuers, SIGNET, "issuers", "watch"),
    grant(NamespacedIssuers, SIGNET, "issuers/status", "patch"),
    grant(Cluster, SIGNET, "clusterissuers", "list"),
    grant(Cluster, SIGNET, "clusterissuers", "watch"),
    grant(Cluster, SIGNET, "clusterissuers/status", "patch"),
    grant(Issuers, SIGNET, "cagenerations", "list"),
    grant(Issuers, SIGNET, "cagenerations", "create"),
    grant(Issuers, SIGNET, "cagenerations", "patch"),
    // Those that have ended.
    grant(Issuers, SIGNET, "cagenerations", "delete"),
    grant(Cluster, CERT_MANAGER, "certificaterequests", "list"),
    grant(Cluster, CERT_MANAGER, "certificaterequests", "watch"),
    grant(Cluster, CERT_MANAGER, "certificaterequests/status", "patch"),
    grant(Cluster, CERTIFICATES, CSR, "list"),
    grant(Cluster, CERTIFICATES, CSR, "watch"),
    grant(
        Cluster,
        CERTIFICATES,
        "certificatesigningrequests/status",
        "patch",
    ),
    // The API server checks it when a CSR's status is written (CSR-4); the operator's audit log
    // does not show it.
    Permission {
        names: &["issuers.signet.dev/*", "clusterissuers.signet.dev/*"],
        ..grant(Cluster, CERTIFICATES, "signers", "sign")
    },
    grant(
        Cluster,
        "authorization.k8s.io",
        "subjectaccessreviews",
        "create",
    ),
    // One by one, never listed or watched: an account that reads all Secrets is a target. The PINs
    // of PKCS#11 tokens are among those in the cluster resource namespace.
    grant(Issuers, "", "secrets", "get"),
    grant(Issuers, "", "secrets", "create"),
    grant(Issuers, "", "configmaps", "get"),
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
    // For logging in to a key backend as a ServiceAccount that an issuer names.
    grant(Granted, "", "serviceaccounts/token", "create"),
    grant(Cluster, "events.k8s.io", "events", "create"),
    grant(Cluster, "events.k8s.io", "events", "patch"),
    // The addresses of the API server, which no Issuer may name.
    Permission {
        names: &["kubernetes"],
        ..grant(ApiServer, "discovery.k8s.io", "endpointslices", "get")
    },
    grant(OwnNamespace, "coordination.k8s.io", "leases", "get"),
    grant(OwnNamespace, "coordination.k8s.io", "leases", "create"),
    grant(OwnNamespace, "coordination.k8s.io", "leases", "patch"),
];
