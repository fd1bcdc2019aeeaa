//! Every call that the operator makes to the API server.
//!
//! The chart's RBAC is compared with this list, and the list with the API server's audit log, in
//! both directions: no permission without a use, no call without a permission.

use Scope::{ApiServer, Cluster, Granted, Issuers, NamespacedIssuers, OwnNamespace};

/// Where a permission holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In every namespace: a ClusterRole.
    Cluster,
    /// Wherever there is an issuer: in every namespace, or, without namespaced Issuers, in the
    /// cluster resource namespace alone.
    Issuers,
    /// In every namespace, for namespaced Issuers; without them, nowhere.
    NamespacedIssuers,
    /// In a namespace whose owner grants it by a Role of his own; the chart does not.
    Granted,
    /// In the operator's own namespace: a Role.
    OwnNamespace,
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

const fn on(
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

/// The list.
pub const PERMISSIONS: &[Permission] = &[
    on(NamespacedIssuers, "signet.dev", "issuers", "list"),
    on(NamespacedIssuers, "signet.dev", "issuers", "watch"),
    on(NamespacedIssuers, "signet.dev", "issuers/status", "patch"),
    on(Cluster, "signet.dev", "clusterissuers", "list"),
    on(Cluster, "signet.dev", "clusterissuers", "watch"),
    on(Cluster, "signet.dev", "clusterissuers/status", "patch"),
    on(Issuers, "signet.dev", "cagenerations", "list"),
    on(Issuers, "signet.dev", "cagenerations", "create"),
    on(Cluster, "cert-manager.io", "certificaterequests", "list"),
    on(Cluster, "cert-manager.io", "certificaterequests", "watch"),
    on(
        Cluster,
        "cert-manager.io",
        "certificaterequests/status",
        "patch",
    ),
    on(
        Cluster,
        "certificates.k8s.io",
        "certificatesigningrequests",
        "list",
    ),
    on(
        Cluster,
        "certificates.k8s.io",
        "certificatesigningrequests",
        "watch",
    ),
    on(
        Cluster,
        "certificates.k8s.io",
        "certificatesigningrequests/status",
        "patch",
    ),
    // RawRequest for by the API server's admission when a CSR's status is written (CSR-4); it shows
    // in no audit log of ours.
    Permission {
        names: &["issuers.signet.dev/*", "clusterissuers.signet.dev/*"],
        ..on(Cluster, "certificates.k8s.io", "signers", "sign")
    },
    on(
        Cluster,
        "authorization.k8s.io",
        "subjectaccessreviews",
        "create",
    ),
    // One by one, never listed or watched: whoever reads all Secrets is a target. The PINs of
    // PKCS#11 tokens are among those in the cluster resource namespace.
    on(Issuers, "", "secrets", "get"),
    on(Issuers, "", "secrets", "create"),
    on(Issuers, "", "configmaps", "get"),
    // For logging in to a key backend as a ServiceAccount that an issuer names.
    on(Granted, "", "serviceaccounts/token", "create"),
    on(Cluster, "events.k8s.io", "events", "create"),
    on(Cluster, "events.k8s.io", "events", "patch"),
    // Where the API server is: no Issuer may have it called.
    Permission {
        names: &["kubernetes"],
        ..on(ApiServer, "discovery.k8s.io", "endpointslices", "get")
    },
    on(OwnNamespace, "coordination.k8s.io", "leases", "get"),
    on(OwnNamespace, "coordination.k8s.io", "leases", "create"),
    on(OwnNamespace, "coordination.k8s.io", "leases", "patch"),
];
