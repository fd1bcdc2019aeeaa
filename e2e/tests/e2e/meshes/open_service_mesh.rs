//! Open Service Mesh (archived): CertificateRequests of its control plane for workloads, proxies and
//! its own servers (pkg/certificate/providers/certmanager), which it deletes once they are Ready.

use anyhow::{Context, Result, ensure};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use kube::Api;
use kube::api::DeleteParams;
use rcgen::{KeyPair, PKCS_RSA_SHA512, RsaKeySize};
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::Csr;
use signet_e2e::verify::Name;
use signet_e2e::{Ask, Issued, IssuerRef, Rule, TestNamespace, User};
use x509_cert::ext::pkix::KeyUsages;

use super::cas::{Domain, TRUST_DOMAIN, issuer, preset};
use super::refused;

shared![
    the_control_plane_gets_the_names_of_workloads_and_proxies,
    the_control_plane_gets_no_other_names,
    the_control_plane_gets_no_ids_but_those_of_workloads,
    the_control_plane_requests_in_its_own_namespace_only,
    others_get_no_names_of_the_mesh,
    the_users_of_the_workload_learn_of_a_refusal,
];

const ACCOUNT: &str = "osm";
/// The trust domain in names that a plain issuer signs.
const CLUSTER_LOCAL: &str = "cluster.local";
/// A proxy's UUID.
const PROXY: &str = "6f1ae0d5-6c0b-4c7b-b8de-0e6d4c7b1f5e.sidecar";

/// The part of its ClusterRole that is about requests. It holds in every namespace.
const RIGHTS: Rule = Rule {
    group: "cert-manager.io",
    resource: "certificaterequests",
    verbs: &["create", "list", "get", "watch", "delete"],
    names: &[],
};

fn suffix(domain: Domain) -> &'static str {
    match domain {
        Domain::Spiffe => TRUST_DOMAIN,
        Domain::Plain => CLUSTER_LOCAL,
    }
}

/// RSA with 2048 bits, signed with SHA-512: a common name that is also the DNS name, and the SPIFFE
/// ID with `spiffeEnabled`.
fn csr(common_name: &str, dns: &str, id: Option<&str>) -> Result<Csr> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA512, RsaKeySize::_2048)?;
    let mut csr = Csr::of_key(key).common_name(common_name).dns(dns)?;
    if let Some(id) = id {
        csr = csr.uri(id)?;
    }
    csr.build()
}

/// For a name of the mesh, as OSM makes it for an issuer of either kind.
fn csr_of(domain: Domain, name: &str) -> Result<(String, Option<String>, Csr)> {
    let dns = match name.ends_with(".svc") {
        true => name.to_owned(),
        false => format!("{name}.{}", suffix(domain)),
    };
    let id = match domain {
        Domain::Spiffe => Some(format!(
            "spiffe://{TRUST_DOMAIN}/{}",
            name.replace('.', "/")
        )),
        Domain::Plain => None,
    };
    let csr = csr(&dns, &dns, id.as_deref())?;
    Ok((dns, id, csr))
}

fn ask(issuer: &IssuerRef, csr: &Csr) -> Ask {
    Ask::new(issuer, csr)
        .duration("24h0m0s")
        .usages(&["key encipherment", "digital signature"])
        .metadata("generateName", json!("osm-"))
}

/// Instead of the preset's `osm-system/osm`, the account of a test's namespace.
fn osm_of(test: &TestNamespace) -> Value {
    json!({ "delegates": {
        "serviceAccounts": [{ "namespace": test.name(), "name": ACCOUNT }],
        "for": { "namespaces": ["shop", "kube-system"] },
    } })
}

async fn osm(test: &TestNamespace) -> Result<User> {
    test.service_account(ACCOUNT, &[RIGHTS]).await
}

async fn mesh_issuer(test: &TestNamespace, domain: Domain) -> Result<IssuerRef> {
    let rules = [preset("OpenServiceMesh", osm_of(test))];
    issuer(test, domain, &rules).await
}

/// What OSM reads, with its own token: a Ready condition, the certificate and the CA. Without a CA
/// it takes bytes that are not a certificate.
async fn check_read(test: &TestNamespace, user: &User, request: &str) -> Result<()> {
    let requests: Api<CertificateRequest> = Api::namespaced(user.client(), test.name());
    let status = requests.get(request).await?.status;
    let status = status.context("it has a status")?;
    ensure!(status.is_true("Ready") && status.certificate.is_some() && status.ca.is_some());
    requests.delete(request, &DeleteParams::default()).await?;
    Ok(())
}

/// OSM requests no extended usage. An X509-SVID has those of TLS.
fn check_leaf(issued: &Issued, dns: &str, id: Option<&str>) -> Result<()> {
    let mut expected = vec![Name::Dns(dns.to_owned())];
    expected.extend(id.map(|id| Name::Uri(id.to_owned())));
    let names = issued.leaf.names()?;
    ensure!(names == expected, "{names:?}");
    ensure!(
        issued.leaf.subject() == format!("CN={dns}"),
        "{}",
        issued.leaf.subject()
    );
    let usage = issued.leaf.key_usage()?;
    ensure!(
        usage == [KeyUsages::DigitalSignature, KeyUsages::KeyEncipherment],
        "{usage:?}"
    );
    let extended: &[_] = match id {
        Some(_) => &[ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH],
        None => &[],
    };
    ensure!(issued.leaf.extended_key_usage()? == extended);
    let hours = issued.leaf.lifetime().as_secs() / 3600;
    ensure!(hours == 24, "{hours} h");
    Ok(())
}

/// With the preset's own namespace and account.
async fn the_control_plane_gets_the_names_of_workloads_and_proxies(
    test: &TestNamespace,
) -> Result<()> {
    let system = TestNamespace::named(test.bed(), "osm-system").await?;
    let user = osm(&system).await?;
    for domain in Domain::BOTH {
        let rules = [preset("OpenServiceMesh", Value::Null)];
        let issuer = issuer(test, domain, &rules).await?;
        let proxy = format!("{PROXY}.web.shop");
        for name in [
            "web.shop",
            &proxy,
            "ads",
            "osm-bootstrap.osm-system.svc",
            "osm-injector.osm-system.svc",
            "osm-validator.osm-system.svc",
        ] {
            let (dns, id, csr) = csr_of(domain, name)?;
            let request = system.ask_as(user.client(), &ask(&issuer, &csr)).await?;
            system.approve(&request).await?;
            let issued = system.issued(&request, &csr).await?;
            check_leaf(&issued, &dns, id.as_deref())?;
            check_read(&system, &user, &request).await?;
        }
    }
    Ok(())
}

async fn the_control_plane_gets_no_other_names(test: &TestNamespace) -> Result<()> {
    let user = osm(test).await?;
    for domain in Domain::BOTH {
        let issuer = mesh_issuer(test, domain).await?;
        let id = (domain == Domain::Spiffe).then(|| format!("spiffe://{TRUST_DOMAIN}/web/shop"));
        let own = format!("web.shop.{}", suffix(domain));
        let deeper = format!("web.shop.svc.{}", suffix(domain));
        let unlisted = format!("web.till.{}", suffix(domain));
        let other_server = format!("osm-controller.{}.svc", test.name());
        for dns in [
            "www.example.org",
            "web.shop.other.example",
            &unlisted,
            "kubernetes.default.svc",
            &deeper,
            &other_server,
        ] {
            let csr = csr(&own, dns, id.as_deref())?;
            refused(test, &user, &ask(&issuer, &csr), "NameNotAllowed", dns).await?;
        }
        let csr = csr("www.example.org", &own, id.as_deref())?;
        let ask = ask(&issuer, &csr);
        refused(test, &user, &ask, "NameNotAllowed", "www.example.org").await?;
        refused(
            test,
            &user,
            &ask.ca(),
            "CaNotAllowed",
            "allows CA certificates",
        )
        .await?;
        // A day at most.
        let (_, _, csr) = csr_of(domain, "web.shop")?;
        let long = Ask::new(&issuer, &csr)
            .duration("2160h")
            .usages(&["digital signature"]);
        let request = test.ask_as(user.client(), &long).await?;
        test.approve(&request).await?;
        let issued = test.issued(&request, &csr).await?;
        let hours = issued.leaf.lifetime().as_secs() / 3600;
        ensure!(hours <= 24, "{hours} h");
    }
    Ok(())
}

async fn the_control_plane_gets_no_ids_but_those_of_workloads(test: &TestNamespace) -> Result<()> {
    let user = osm(test).await?;
    let issuer = mesh_issuer(test, Domain::Spiffe).await?;
    let dns = format!("web.shop.{TRUST_DOMAIN}");
    for (id, part) in [
        (
            format!("spiffe://{TRUST_DOMAIN}/ns/shop/sa/web"),
            "not spiffe://",
        ),
        (format!("spiffe://{TRUST_DOMAIN}/web/till"), "not spiffe://"),
        (
            "spiffe://other.example/web/shop".to_owned(),
            "not spiffe://other.example",
        ),
        (
            format!("spiffe://{TRUST_DOMAIN}/web/kube-system"),
            "protected namespace kube-system",
        ),
        (format!("spiffe://{TRUST_DOMAIN}/web"), "not spiffe://"),
    ] {
        let csr = csr(&dns, &dns, Some(&id))?;
        refused(test, &user, &ask(&issuer, &csr), "IdentityNotAllowed", part).await?;
    }
    let csr = csr(&dns, &dns, None)?;
    let part = "names no identity";
    refused(test, &user, &ask(&issuer, &csr), "IdentityNotAllowed", part).await
}

/// Its ClusterRole lets it create requests everywhere.
async fn the_control_plane_requests_in_its_own_namespace_only(test: &TestNamespace) -> Result<()> {
    let user = osm(test).await?;
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    shop.grant(&user, ACCOUNT, &[RIGHTS]).await?;
    for domain in Domain::BOTH {
        let issuer = mesh_issuer(test, domain).await?;
        let (_, _, csr) = csr_of(domain, "web.shop")?;
        let ask = ask(&issuer, &csr);
        refused(
            &shop,
            &user,
            &ask,
            "IdentityNotAllowed",
            "requestNamespaces",
        )
        .await?;
    }
    Ok(())
}

/// A tenant with an account of the same name, and another account of OSM's namespace.
async fn others_get_no_names_of_the_mesh(test: &TestNamespace) -> Result<()> {
    let tenant = TestNamespace::create(test.bed(), "tenant").await?;
    let namesake = osm(&tenant).await?;
    let other = test.service_account("osm-cleanup", &[RIGHTS]).await?;
    for domain in Domain::BOTH {
        let issuer = mesh_issuer(test, domain).await?;
        let (_, _, csr) = csr_of(domain, "web.shop")?;
        let ask = ask(&issuer, &csr);
        for (namespace, user) in [(&tenant, &namesake), (test, &other)] {
            let who = user.name();
            refused(namespace, user, &ask, "RequesterNotAllowed", who).await?;
        }
    }
    Ok(())
}

/// In the namespace of the workload, because OSM reads no refusal. One of a stranger, for the same
/// names, is not shown there.
async fn the_users_of_the_workload_learn_of_a_refusal(test: &TestNamespace) -> Result<()> {
    let (user, other) = (
        osm(test).await?,
        test.service_account("osm-cleanup", &[RIGHTS]).await?,
    );
    let shop = TestNamespace::create(test.bed(), "shop").await?;
    for (domain, account) in [(Domain::Plain, "orders"), (Domain::Spiffe, "payments")] {
        let mut requesters = osm_of(test);
        requesters["delegates"]["for"] = json!({ "namespaces": [shop.name()] });
        let issuer = issuer(test, domain, &[preset("OpenServiceMesh", requesters)]).await?;
        let name = format!("{PROXY}.{account}.{}", shop.name());
        let (dns, id, _) = csr_of(domain, &name)?;
        let csr = csr("www.example.org", &dns, id.as_deref())?;
        let ask = ask(&issuer, &csr);
        refused(test, &other, &ask, "RequesterNotAllowed", "osm-cleanup").await?;
        refused(test, &user, &ask, "NameNotAllowed", "www.example.org").await?;

        let workload = (shop.name(), account);
        let event = test
            .bed()
            .wait_for_account_event(workload, "NameNotAllowed")
            .await?;
        let message = event.message.unwrap_or_default();
        let begin = format!("ClusterIssuer {} refused the certificate that", issuer.name);
        ensure!(message.starts_with(&begin), "{message}");
        ensure!(message.contains("www.example.org"), "{message}");
        ensure!(!message.contains("osm-cleanup"), "{message}");
    }
    Ok(())
}
