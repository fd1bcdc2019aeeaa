//! Who may request under a rule.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::issuer::bundle::selected_labels;

/// Who may request, and how reliably each is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.serviceAccounts), has(self.certificates), has(self.pods), has(self.delegates)].filter(present, present).size() == 1",
    "message": "name exactly one of: serviceAccounts, certificates, pods, delegates",
}]))]
pub struct Requesters {
    /// ServiceAccounts that request for themselves, each with a token of its own. Variables:
    /// `{namespace}` and `{serviceAccount}`. cert-manager's own ServiceAccount has no effect here;
    /// use `certificates`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "atomic", "x-kubernetes-validations" = [{
            "rule": "self.size() == 1 || !self.exists(account, has(account.namespaceSelector))",
            "message": "an entry with namespaceSelector must be the only one",
        }])
    )]
    pub service_accounts: Vec<AccountSelector>,
    /// cert-manager Certificates. cert-manager makes their requests, so that the namespace and the
    /// name of the Certificate are what is known: every user who may create Certificates there can
    /// have what the rule allows. Variables: `{namespace}` and `{certificate}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<RequesterNamespaces>,
    /// Pods, through the kubelet of their node (PodCertificateRequest). Variables: `{namespace}` and
    /// `{serviceAccount}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<RequesterNamespaces>,
    /// Agents that have authenticated a workload themselves and request on its behalf. The
    /// variables `{namespace}` and, if it has the form `/ns/{namespace}/sa/{serviceAccount}`,
    /// `{serviceAccount}` are those of the requested SPIFFE ID. A delegate gets no CA certificate;
    /// and unless a pattern names it literally, no ID in kube-system, in the namespaces of Signet
    /// and cert-manager, of another delegate, or of a requester with a right to CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegates: Option<Delegates>,
}

/// ServiceAccounts: one by its name, all of a namespace, or all of the selected namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.namespace) != has(self.namespaceSelector)",
    "message": "set namespace or namespaceSelector",
}, {
    "rule": "!has(self.name) || has(self.namespace)",
    "message": "name requires namespace",
}]))]
pub struct AccountSelector {
    /// The namespace of the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: Option<String>,
    /// Its name. If not set, every ServiceAccount of the namespace is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: Option<String>,
    /// The labels of the namespaces whose ServiceAccounts are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Namespaces, by their names or by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.namespaces) != has(self.namespaceSelector)",
    "message": "set namespaces or namespaceSelector",
}]))]
pub struct RequesterNamespaces {
    /// The namespaces, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 256),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Vec<String>,
    /// The namespaces, by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Selects namespaces that have all of these labels. The rule trusts every user who may label
/// namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that a namespace must have. Without any, every namespace is selected.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = selected_labels)]
    pub match_labels: BTreeMap<String, String>,
}

/// Agents, and for whom they may request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.serviceAccounts) || has(self.users) || has(self.groups)",
    "message": "name at least one delegate in serviceAccounts, users or groups",
}]))]
pub struct Delegates {
    /// ServiceAccounts, recognized by their tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace", "name"])
    )]
    pub service_accounts: Vec<RequesterServiceAccount>,
    /// Users, by their names in the API server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 1, max = 256)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = [{
            "rule": "!self.exists(user, user.startsWith('system:serviceaccount:') || user == 'system:anonymous')",
            "message": "must not be ServiceAccounts, which are listed in serviceAccounts, nor system:anonymous",
        }])
    )]
    pub users: Vec<String>,
    /// Groups of users in the API server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 1, max = 256)),
        extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = [{
            "rule": "!self.exists(group, group.startsWith('system:serviceaccounts') || group in ['system:masters', 'system:authenticated', 'system:unauthenticated'])",
            "message": "must not be system:masters or groups that hold ServiceAccounts or all users; list ServiceAccounts in serviceAccounts",
        }])
    )]
    pub groups: Vec<String>,
    /// The namespaces of the identities that they may request.
    #[serde(rename = "for")]
    pub act_for: RequesterNamespaces,
    /// The namespaces in which they may request for any of these. A request in another namespace is
    /// only for an identity of that namespace, as that of a CSI driver in the namespace of its pod.
    /// Defaults to the namespaces of `serviceAccounts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub request_namespaces: Vec<String>,
    /// What belongs to the delegates themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnNames>,
}

/// The names of a delegate itself, such as those of istiod's services. A request that lists no
/// others gets the delegate's own SPIFFE ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnNames {
    /// DNS names, as in `allow.dnsNames`, without variables.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub dns_names: Vec<String>,
    /// The path of its SPIFFE ID, without variables.
    #[serde(rename = "spiffeId")]
    #[schemars(length(min = 2, max = 512))]
    pub spiffe_id: String,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequesterServiceAccount {
    /// The namespace of the ServiceAccount.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: String,
    /// The name of the ServiceAccount.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
}
