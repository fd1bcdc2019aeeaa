//! csi-driver-spiffe: a certificate for the ServiceAccount of a pod, which the driver requests with the
//! token of the pod, or with its own (`--use-own-service-account`).
//!
//! The driver does not run here. Its requests are made in its form (internal/csi/driver/driver.go),
//! with a token of the account that makes them and the permissions of its chart
//! (deploy/charts/csi-driver-spiffe/templates), and approved with those of its approver.

mod granted;
mod refusals;

use anyhow::{Result, ensure};
use kube::ResourceExt;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_e2e::csr::Csr;
use signet_e2e::handshake::{Holder, mutual_tls};
use signet_e2e::verify::Name;
use signet_e2e::{Ask, Bed, Issued, IssuerRef, Rule, TestNamespace, User};

use super::{APPROVE, approve_as, awaited_by};

pub(super) fn tests() -> Vec<Trial> {
    let tests = [granted::tests(), refusals::tests()];
    tests.into_iter().flatten().collect()
}

/// The namespace and the accounts of the chart.
const NAMESPACE: &str = "cert-manager";
const DRIVER: &str = "cert-manager-csi-driver-spiffe";
const APPROVER: &str = "cert-manager-csi-driver-spiffe-approver";

/// The ClusterRole of the driver.
const OF_DRIVER: [Rule; 1] = [Rule {
    group: "cert-manager.io",
    resource: "certificaterequests",
    verbs: &["watch", "create", "delete", "list"],
    names: &[],
}];

/// The ClusterRole of its approver, with `app.approver.signerName` set to Signet's ClusterIssuers.
const OF_APPROVER: [Rule; 4] = [
    Rule {
        group: "cert-manager.io",
        resource: "certificaterequests",
        verbs: &["list", "watch"],
        names: &[],
    },
    APPROVE[0],
    APPROVE[1],
    Rule {
        group: "",
        resource: "events",
        verbs: &["create", "patch"],
        names: &[],
    },
];

/// The preset for a driver with another account.
fn own_account(driver: &User, namespace: &str, act_for: Value) -> Value {
    json!({
        "name": "pods",
        "preset": "CsiDriverSpiffeOwnAccount",
        "requesters": { "delegates": {
            "serviceAccounts": [{ "namespace": namespace, "name": driver.name() }],
            "for": act_for,
        } },
    })
}

/// A request for a pod (internal/csi/driver/driver.go, and manager/manager.go of csi-lib).
fn ask(issuer: &IssuerRef, id: &str, csr: &Csr) -> Ask {
    Ask::new(issuer, csr)
        .duration("1h0m0s")
        .usages(&[
            "digital signature",
            "key encipherment",
            "server auth",
            "client auth",
        ])
        .metadata(
            "annotations",
            json!({ "spiffe.csi.cert-manager.io/identity": id }),
        )
        .metadata(
            "labels",
            json!({
                "csi.cert-manager.io/node-id-hash": "2166136261",
                "csi.cert-manager.io/volume-id-hash": "84696351",
            }),
        )
}

/// A pod of an account, which nothing runs, as the owner of its requests.
async fn pod(pods: &TestNamespace, account: &str) -> Result<Value> {
    let pod = pods
        .create_object(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "generateName": format!("{account}-") },
            "spec": {
                "serviceAccountName": account,
                "containers": [{ "name": "app", "image": "app" }],
            },
        }))
        .await?;
    Ok(json!([{
        "apiVersion": "v1", "kind": "Pod", "name": pod.name_any(), "uid": pod.uid(),
    }]))
}

/// The driver with its approver, and the issuer.
struct Installed {
    driver: User,
    approver: User,
    issuer: IssuerRef,
}

impl Installed {
    /// Gives accounts the permissions of the chart.
    async fn new(
        test: &TestNamespace,
        [driver, approver]: [User; 2],
        issuer: IssuerRef,
    ) -> Result<Self> {
        test.grant_in_cluster(&driver, "driver", &OF_DRIVER).await?;
        test.grant_in_cluster(&approver, "approver", &OF_APPROVER)
            .await?;
        Ok(Self {
            driver,
            approver,
            issuer,
        })
    }

    /// Requests the ID of a pod's account in its namespace as a user, has the approver approve it,
    /// waits as the driver does, and checks what it reads in every way there is.
    async fn mount(
        &self,
        pods: &TestNamespace,
        user: &User,
        csr: Csr,
        id: &str,
    ) -> Result<Mounted> {
        let account = id.rsplit('/').next().unwrap_or_default();
        let owner = pod(pods, account).await?;
        let ask = ask(&self.issuer, id, &csr).metadata("ownerReferences", owner);
        let request = pods.ask_as(user.client(), &ask).await?;
        approve_as(&self.approver, pods, &request).await?;
        awaited_by(&self.driver, pods, &request).await?;
        let issued = pods.issued(&request, &csr).await?;
        ensure!(issued.leaf.names()? == [Name::Uri(id.to_owned())]);
        // The driver renews after two thirds of the lifetime.
        let seconds = issued.leaf.lifetime().as_secs();
        ensure!((3600..=3900).contains(&seconds), "{seconds} s");
        Ok(Mounted { csr, issued })
    }
}

/// What the driver writes to the volume of a pod.
struct Mounted {
    csr: Csr,
    issued: Issued,
}

impl Mounted {
    fn holder(&self) -> Holder<'_> {
        Holder {
            issued: &self.issued,
            csr: &self.csr,
        }
    }
}

/// Two pods connect. Their roots are those that the issuer publishes, which the driver takes from a
/// file (`app.driver.sourceCABundle`).
async fn connect(issuer: &IssuerRef, one: &Mounted, other: &Mounted, bed: &Bed) -> Result<()> {
    let roots = bed.bundle_of_cluster_issuer(&issuer.name).await?;
    mutual_tls(one.holder(), other.holder(), &roots).await?;
    mutual_tls(other.holder(), one.holder(), &roots).await
}

/// A driver and its approver, with other accounts than those of the chart.
async fn other_accounts(test: &TestNamespace) -> Result<[User; 2]> {
    Ok([
        test.service_account("driver", &[]).await?,
        test.service_account("approver", &[]).await?,
    ])
}
