//! istio-csr: its serving certificate, those of workloads, and the Certificate `istiod` of its chart.
//!
//! istio-csr does not run here. Its requests are made in its form (pkg/certmanager/certmanager.go,
//! pkg/tls/tls.go, pkg/server/server.go), with a token of its ServiceAccount and the permissions of
//! its chart (deploy/charts/istio-csr/templates).

mod granted;
mod refusals;

use anyhow::{Result, ensure};
use kube::Api;
use kube::api::DeleteParams;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::Name;
use signet_e2e::{Ask, Issued, IssuerRef, Rule, TestNamespace, User};

use super::{Approver, awaited_by};

pub(crate) use granted::as_its_page_has_it;

pub(super) fn tests() -> Vec<Trial> {
    let tests = [granted::tests(), refusals::tests()];
    tests.into_iter().flatten().collect()
}

/// The ServiceAccount of the chart.
const ACCOUNT: &str = "cert-manager-istio-csr";
const NAMESPACE: &str = "cert-manager";
const ISTIO: &str = "istio-system";

/// The Role of the chart, in the namespace of Istio.
const IN_ISTIO: [Rule; 2] = [
    Rule {
        group: "cert-manager.io",
        resource: "certificaterequests",
        verbs: &["get", "list", "create", "update", "delete", "watch"],
        names: &[],
    },
    Rule {
        group: "",
        resource: "events",
        verbs: &["create"],
        names: &[],
    },
];

/// The ClusterRole of the chart.
const IN_CLUSTER: [Rule; 3] = [
    Rule {
        group: "",
        resource: "configmaps",
        verbs: &["get", "list", "create", "update", "watch"],
        names: &[],
    },
    Rule {
        group: "",
        resource: "namespaces",
        verbs: &["get", "list", "watch"],
        names: &[],
    },
    Rule {
        group: "authentication.k8s.io",
        resource: "tokenreviews",
        verbs: &["create"],
        names: &[],
    },
];

/// istio-csr, the namespace of its requests, and its issuer.
struct Agent<'a> {
    test: &'a TestNamespace,
    user: User,
    issuer: IssuerRef,
    approver: Approver,
}

impl<'a> Agent<'a> {
    /// Gives an account the permissions of the chart, with the requests in the namespace of a test.
    async fn install(
        test: &'a TestNamespace,
        user: User,
        issuer: IssuerRef,
        approver: Approver,
    ) -> Result<Self> {
        test.grant(&user, "istio-csr", &IN_ISTIO).await?;
        test.grant_in_cluster(&user, "istio-csr", &IN_CLUSTER)
            .await?;
        Ok(Self {
            test,
            user,
            issuer,
            approver,
        })
    }

    /// A request as istio-csr makes it.
    fn ask(&self, identities: &str, csr: &Csr, usages: &[&str]) -> Ask {
        ask(&self.issuer, identities, csr, usages)
    }

    fn workload(&self, id: &str, csr: &Csr) -> Ask {
        self.ask(id, csr, &WORKLOAD)
    }

    fn serving(&self, csr: &Csr) -> Ask {
        self.ask("istio-csr-serving", csr, &["server auth"])
    }

    /// Requests, waits and deletes as istio-csr does, and checks what it reads in every way there is.
    async fn obtains(&self, ask: &Ask, csr: &Csr) -> Result<Issued> {
        let request = self.test.ask_as(self.user.client(), ask).await?;
        self.approver.approve(self.test, &request).await?;
        awaited_by(&self.user, self.test, &request).await?;
        let issued = self.test.issued(&request, csr).await?;
        let namespace = self.test.name();
        let requests: Api<CertificateRequest> = Api::namespaced(self.user.client(), namespace);
        requests.delete(&request, &DeleteParams::default()).await?;
        Ok(issued)
    }
}

const WORKLOAD: [&str; 2] = ["client auth", "server auth"];

fn ask(issuer: &IssuerRef, identities: &str, csr: &Csr, usages: &[&str]) -> Ask {
    Ask::new(issuer, csr)
        .duration("1h0m0s")
        .usages(usages)
        .metadata("generateName", json!("istio-csr-"))
        .metadata(
            "annotations",
            json!({ "istio.cert-manager.io/identities": identities }),
        )
}

/// The CSR of a sidecar.
fn sidecar(id: &str) -> Result<Csr> {
    Csr::by_istio(KeyKind::Rsa2048, &[Name::Uri(id.to_owned())])
}

/// The CSR of a server.
fn server(name: &str) -> Result<Csr> {
    Csr::by_istio(KeyKind::Rsa2048, &[Name::Dns(name.to_owned())])
}

/// The service of an account.
fn service(user: &str, namespace: &str) -> String {
    format!("{user}.{namespace}.svc")
}

/// The preset for another account, which requests in the namespace of a test.
fn rule(test: &TestNamespace, agents: &TestNamespace, account: &str) -> Value {
    json!({
        "name": "mesh",
        "preset": "IstioCsr",
        "requesters": { "delegates": {
            "serviceAccounts": [{ "namespace": agents.name(), "name": account }],
            "for": { "namespaceSelector": {} },
            "requestNamespaces": [test.name()],
        } },
    })
}

/// The spec of the chart's Certificate `istiod` in a namespace, of a trust domain.
fn istiod(namespace: &str, trust_domain: &str) -> Value {
    let name = service("istiod", namespace);
    json!({
        "commonName": name,
        "dnsNames": [name],
        "uris": [format!("spiffe://{trust_domain}/ns/{namespace}/sa/istiod-service-account")],
        "secretName": "istiod-tls",
        "duration": "1h",
        "renewBefore": "30m",
        "privateKey": { "rotationPolicy": "Always", "algorithm": "RSA", "size": 2048 },
        "revisionHistoryLimit": 1,
    })
}

/// A certificate of a server has its DNS name, one SPIFFE ID, and the requested hour.
fn check_server(issued: &Issued, name: &str, id: &str) -> Result<()> {
    let names = issued.leaf.names()?;
    let expected = [Name::Dns(name.to_owned()), Name::Uri(id.to_owned())];
    ensure!(names == expected, "{names:?}");
    check_hour(issued)
}

/// Valid for the requested hour; Signet backdates a certificate by up to 5 minutes.
fn check_hour(issued: &Issued) -> Result<()> {
    let seconds = issued.leaf.lifetime().as_secs();
    ensure!((3600..=3900).contains(&seconds), "{seconds} s");
    Ok(())
}
