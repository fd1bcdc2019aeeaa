//! Users: ServiceAccounts with their own rights and their own tokens. None is impersonated.

use anyhow::Result;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use signet_testbed::controlplane::kubeconfig;
use signet_testbed::wait::{Observation, until};

use crate::{Bed, TestNamespace};

/// A right, as a rule of a Role.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The API group.
    pub group: &'static str,
    /// The resource, with its subresource after a slash.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// The names it is limited to; empty for all.
    pub names: &'static [&'static str],
}

impl Rule {
    /// What a requester of cert-manager's API needs.
    pub const CREATE_CERTIFICATE_REQUESTS: Self = Self {
        group: "cert-manager.io",
        resource: "certificaterequests",
        verbs: &["create"],
        names: &[],
    };

    fn to_json(self) -> Value {
        let mut rule = json!({
            "apiGroups": [self.group], "resources": [self.resource], "verbs": self.verbs,
        });
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        rule
    }
}

/// A ServiceAccount with a token.
#[derive(Clone)]
pub struct User {
    namespace: String,
    name: String,
    client: Client,
}

impl User {
    /// The name that the API server knows it by.
    pub fn username(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// The ServiceAccount's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the API server knows of a right that something else granted.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn await_right(&self, namespace: &TestNamespace, rule: &Rule) -> Result<()> {
        await_right(&self.client, namespace.name(), rule).await
    }

    /// A client with its token.
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.username())
    }
}

/// A ServiceAccount whose rights end with its namespace.
pub(crate) async fn in_namespace(
    namespace: &TestNamespace,
    name: &str,
    rules: &[Rule],
) -> Result<User> {
    make(
        namespace,
        name,
        &Role {
            kind: "Role",
            name: name.to_owned(),
        },
        rules,
    )
    .await
}

/// Rights on the whole cluster for a ServiceAccount of a test.
pub(crate) async fn in_cluster(
    namespace: &TestNamespace,
    name: &str,
    rules: &[Rule],
) -> Result<User> {
    // Of the cluster's roles, one name must not serve two tests.
    let role = format!("{}-{name}", namespace.name());
    make(
        namespace,
        name,
        &Role {
            kind: "ClusterRole",
            name: role,
        },
        rules,
    )
    .await
}

/// The approver of a bed.
pub(crate) async fn approver(bed: &'static Bed) -> Result<User> {
    const SIGNERS: &[&str] = &["issuers.signet.dev/*", "clusterissuers.signet.dev/*"];
    // Others' issuers are approved too, for the CAs that tests take over from cert-manager.
    const CERT_MANAGERS: &[&str] = &[
        "issuers.signet.dev/*",
        "clusterissuers.signet.dev/*",
        "issuers.cert-manager.io/*",
        "clusterissuers.cert-manager.io/*",
    ];
    let rules = [
        Rule {
            group: "cert-manager.io",
            resource: "certificaterequests/status",
            verbs: &["patch"],
            names: &[],
        },
        Rule {
            group: "cert-manager.io",
            resource: "signers",
            verbs: &["approve"],
            names: CERT_MANAGERS,
        },
        Rule {
            group: "certificates.k8s.io",
            resource: "certificatesigningrequests/approval",
            verbs: &["patch"],
            names: &[],
        },
        Rule {
            group: "certificates.k8s.io",
            resource: "signers",
            verbs: &["approve"],
            names: SIGNERS,
        },
    ];
    let namespace = TestNamespace::create(bed, "approver").await?;
    let approver = in_cluster(&namespace, "approver", &rules).await;
    // It serves every test, so its namespace stays as long as the bed.
    std::mem::forget(namespace);
    approver
}

/// Gives all nodes the rights of Kubernetes' role for them.
pub(crate) async fn authorize_nodes(client: &Client) -> Result<()> {
    let binding = serde_json::from_value(json!({
        "metadata": { "name": "e2e-nodes" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node",
        },
        "subjects": [{
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes",
        }],
    }))?;
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    bindings.create(&PostParams::default(), &binding).await?;
    Ok(())
}

/// Further rights of a user within a namespace.
pub(crate) async fn grant(
    namespace: &TestNamespace,
    user: &User,
    role: &str,
    rules: &[Rule],
) -> Result<()> {
    bind(
        namespace,
        user,
        &Role {
            kind: "Role",
            name: role.to_owned(),
        },
        rules,
    )
    .await
}

/// Further rights of a user on the whole cluster.
pub(crate) async fn grant_in_cluster(
    namespace: &TestNamespace,
    user: &User,
    role: &str,
    rules: &[Rule],
) -> Result<()> {
    let role = Role {
        kind: "ClusterRole",
        name: format!("{}-{role}", namespace.name()),
    };
    bind(namespace, user, &role, rules).await
}

/// A ServiceAccount of a namespace that is not the test's, which may be there already.
pub(crate) async fn elsewhere(test: &TestNamespace, namespace: &str, name: &str) -> Result<User> {
    let metadata = json!({ "namespace": namespace, "name": name });
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata });
    match test.create_object(account).await {
        Err(kube::Error::Api(error)) if error.is_already_exists() => {}
        made => drop(made?),
    }
    with_token(test.bed(), namespace, name).await
}

struct Role {
    kind: &'static str,
    name: String,
}

async fn make(namespace: &TestNamespace, name: &str, role: &Role, rules: &[Rule]) -> Result<User> {
    namespace.robot(name).await?;
    let user = with_token(namespace.bed(), namespace.name(), name).await?;
    if !rules.is_empty() {
        bind(namespace, &user, role, rules).await?;
    }
    Ok(user)
}

async fn with_token(bed: &Bed, namespace: &str, name: &str) -> Result<User> {
    let plane = bed.plane();
    let folder = plane.folder().join("users");
    let path = kubeconfig::for_service_account(plane.kubeconfig(), namespace, name, &folder);
    Ok(User {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        client: kubeconfig::client(&path.await?).await?,
    })
}

async fn bind(namespace: &TestNamespace, user: &User, role: &Role, rules: &[Rule]) -> Result<()> {
    const API: &str = "rbac.authorization.k8s.io";
    let Role { kind, name } = role;
    let written: Vec<_> = rules.iter().map(|rule| rule.to_json()).collect();
    namespace
        .create_object(json!({
            "apiVersion": format!("{API}/v1"), "kind": kind,
            "metadata": { "name": name }, "rules": written,
        }))
        .await?;
    namespace
        .create_object(json!({
            "apiVersion": format!("{API}/v1"), "kind": format!("{kind}Binding"),
            "metadata": { "name": name },
            "roleRef": { "apiGroup": API, "kind": kind, "name": name },
            "subjects": [{
                "kind": "ServiceAccount", "name": user.name, "namespace": user.namespace,
            }],
        }))
        .await?;
    for rule in rules {
        await_right(&user.client, namespace.name(), rule).await?;
    }
    Ok(())
}

/// Waits until the API server, which watches bindings, applies a new one.
async fn await_right(client: &Client, namespace: &str, rule: &Rule) -> Result<()> {
    let (resource, subresource) = rule.resource.split_once('/').unwrap_or((rule.resource, ""));
    let review: SelfSubjectAccessReview = serde_json::from_value(json!({ "spec": {
        "resourceAttributes": {
            "namespace": namespace, "group": rule.group, "resource": resource,
            "subresource": subresource, "verb": rule.verbs.first(), "name": rule.names.first(),
        },
    }}))?;
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let observe = async || {
        let response = reviews.create(&PostParams::default(), &review).await?;
        let allowed = response.status.is_some_and(|status| status.allowed);
        Ok(Observation::reached_if(allowed, "it is not allowed"))
    };
    until(format!("the right {rule:?}"), observe).await
}
