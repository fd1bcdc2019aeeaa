//! Every call that the operator makes to the API server.
//!
//! The chart's RBAC is compared with this list, and the list with the API server's audit log, in
//! both directions: no permission without a use, no call without a permission.

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

const fn cluster(group: &'static str, resource: &'static str, verb: &'static str) -> Permission {
    Permission {
        scope: Scope::Cluster,
        group,
        resource,
        names: &[],
        verb,
    }
}

const fn own(group: &'static str, resource: &'static str, verb: &'static str) -> Permission {
    Permission {
        scope: Scope::OwnNamespace,
        group,
        resource,
        names: &[],
        verb,
    }
}

const fn issuers(group: &'static str, resource: &'static str, verb: &'static str) -> Permission {
    Permission {
        scope: Scope::Issuers,
        group,
        resource,
        names: &[],
        verb,
    }
}

const fn namespaced(resource: &'static str, verb: &'static str) -> Permission {
    Permission {
        scope: Scope::NamespacedIssuers,
        group: "signet.dev",
        resource,
        names: &[],
        verb,
    }
}

/// The list.
pub const PERMISSIONS: &[Permission] = &[
    namespaced("issuers", "list"),
    namespaced("issuers", "watch"),
    namespaced("issuers/status", "patch"),
    cluster("signet.dev", "clusterissuers", "list"),
    cluster("signet.dev", "clusterissuers", "watch"),
    cluster("signet.dev", "clusterissuers/status", "patch"),
    issuers("signet.dev", "cagenerations", "list"),
    issuers("signet.dev", "cagenerations", "create"),
    cluster("cert-manager.io", "certificaterequests", "list"),
    cluster("cert-manager.io", "certificaterequests", "watch"),
    cluster("cert-manager.io", "certificaterequests/status", "patch"),
    cluster("certificates.k8s.io", "certificatesigningrequests", "list"),
    cluster("certificates.k8s.io", "certificatesigningrequests", "watch"),
    cluster(
        "certificates.k8s.io",
        "certificatesigningrequests/status",
        "patch",
    ),
    // Asked for by the API server's admission when a CSR's status is written (CSR-4); it shows
    // in no audit log of ours.
    Permission {
        scope: Scope::Cluster,
        group: "certificates.k8s.io",
        resource: "signers",
        names: &["issuers.signet.dev/*", "clusterissuers.signet.dev/*"],
        verb: "sign",
    },
    cluster("authorization.k8s.io", "subjectaccessreviews", "create"),
    // One by one, never listed or watched: whoever reads all Secrets is a target. The PINs of
    // PKCS#11 tokens are among those in the cluster resource namespace.
    issuers("", "secrets", "get"),
    issuers("", "secrets", "create"),
    issuers("", "configmaps", "get"),
    // For logging in to a key backend as a ServiceAccount that an issuer names.
    Permission {
        scope: Scope::Granted,
        group: "",
        resource: "serviceaccounts/token",
        names: &[],
        verb: "create",
    },
    cluster("events.k8s.io", "events", "create"),
    cluster("events.k8s.io", "events", "patch"),
    // Where the API server is: no Issuer may have it called.
    Permission {
        scope: Scope::ApiServer,
        group: "discovery.k8s.io",
        resource: "endpointslices",
        names: &["kubernetes"],
        verb: "get",
    },
    own("coordination.k8s.io", "leases", "get"),
    own("coordination.k8s.io", "leases", "create"),
    own("coordination.k8s.io", "leases", "patch"),
];
