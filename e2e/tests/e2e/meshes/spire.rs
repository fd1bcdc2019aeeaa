//! SPIRE's plugin UpstreamAuthority "cert-manager"
//! (pkg/server/plugin/upstreamauthority/certmanager): a CertificateRequest for the CA certificate of
//! a server, which the server deletes afterwards.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use rcgen::SanType;
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::Holder;
use signet_e2e::{Ask, Issued, IssuerRef, Rule, TestNamespace, User, ready};
use x509_cert::ext::pkix::KeyUsages;

use super::cas::{Domain, TRUST_DOMAIN, check_ca, issuer, preset};
use super::refused;

shared![
    a_server_gets_its_ca_and_deletes_its_requests,
    a_nested_server_gets_svids_that_verify,
    without_nesting_no_ca_follows_below,
    a_server_gets_nothing_but_its_ca,
    others_get_no_ca_in_the_name_of_a_server,
];

/// The label by which the plugin finds its requests.
const LABEL: &str = "cert-manager.spiffe.io/trust-domain";
const SERVER: &str = "spire-server";

/// The Role of SPIRE's chart, as far as it is about requests.
const RIGHTS: Rule = Rule {
    group: "cert-manager.io",
    resource: "certificaterequests",
    verbs: &["create", "list", "get", "delete", "patch", "update"],
    names: &[],
};

fn trust_domain_id() -> String {
    format!("spiffe://{TRUST_DOMAIN}")
}

/// A CSR as SPIRE makes it: the subject of its template with a serial number, the trust domain's
/// ID, and no other extension.
fn csr(kind: KeyKind, id: &str) -> Result<Csr> {
    let config = format!(
        "[req]\nprompt = no\ndistinguished_name = dn\nreq_extensions = ext\n\
         [dn]\nC = US\nO = SPIFFE\nserialNumber = 182731957340161\n\
         [ext]\nsubjectAltName = URI:{id}\n"
    );
    Csr::by_openssl_of(kind, &config)
}

fn ask(issuer: &IssuerRef, csr: &Csr) -> Ask {
    Ask::new(issuer, csr)
        .ca()
        .duration("24h0m0s")
        .usages(&["cert sign", "crl sign"])
        .metadata("generateName", json!("spiffe-ca-"))
        .metadata("labels", json!({ LABEL: TRUST_DOMAIN }))
}

/// Instead of the preset's `spire/spire-server`, the account of a test's namespace.
fn server_of(test: &TestNamespace) -> Value {
    json!({ "serviceAccounts": [{ "namespace": test.name(), "name": SERVER }] })
}

async fn server(test: &TestNamespace) -> Result<User> {
    test.service_account(SERVER, &[RIGHTS]).await
}

/// What the plugin reads, with the server's token: `status.certificate` and `status.ca`.
async fn read_by(test: &TestNamespace, user: &User, request: &str) -> Result<[String; 2]> {
    let requests: Api<CertificateRequest> = Api::namespaced(user.client(), test.name());
    let status = requests.get(request).await?.status;
    let status = status.context("it has a status")?;
    let text = |field: Option<String>| -> Result<String> {
        Ok(String::from_utf8(
            STANDARD.decode(field.context("the plugin requires both")?)?,
        )?)
    };
    Ok([text(status.certificate)?, text(status.ca)?])
}

/// Requests a CA certificate as the server, and reads it back as the server does.
async fn minted(
    test: &TestNamespace,
    user: &User,
    issuer: &IssuerRef,
    csr: &Csr,
) -> Result<Issued> {
    let request = test.ask_as(user.client(), &ask(issuer, csr)).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, csr).await?;
    let read = read_by(test, user, &request).await?;
    ensure!(read == [issued.chain_pem.clone(), issued.roots_pem.clone()]);
    Ok(issued)
}

/// What SPIRE checks before it uses a CA (pkg/server/ca/validation.go), and that it keeps the
/// subject and the ID of its template.
fn check_minted(issued: &Issued, csr: &Csr, path_length: u8) -> Result<()> {
    check_ca(issued, path_length)?;
    let usage = issued.leaf.key_usage()?;
    let expected = [KeyUsages::KeyCertSign, KeyUsages::CRLSign];
    ensure!(usage == expected, "{usage:?}");
    ensure!(issued.leaf.extended_key_usage()?.is_empty());
    ensure!(issued.leaf.uris()? == [trust_domain_id()]);
    ensure!(issued.leaf.subject_der() == csr.subject()?);
    let hours = issued.leaf.lifetime().as_secs() / 3600;
    ensure!(hours == 24, "{hours} h");
    Ok(())
}

fn svid(path: &str) -> Result<Vec<SanType>> {
    let id = format!("{}{path}", trust_domain_id());
    Ok(vec![SanType::URI(id.as_str().try_into()?)])
}

/// Deletes what is final, as the plugin does after each request.
async fn clean_up(test: &TestNamespace, user: &User) -> Result<()> {
    let requests: Api<CertificateRequest> = Api::namespaced(user.client(), test.name());
    let own = ListParams::default().labels(&format!("{LABEL}={TRUST_DOMAIN}"));
    for request in requests.list(&own).await?.items {
        let is_final = ready(&request).is_some_and(|ready| {
            ready.status == "True" || ready.reason.as_deref() == Some("Failed")
        });
        ensure!(is_final, "{:?}", request.status);
        let name = request.metadata.name.unwrap_or_default();
        requests.delete(&name, &DeleteParams::default()).await?;
    }
    ensure!(requests.list(&own).await?.items.is_empty());
    Ok(())
}

/// With the preset's own namespace and account, and every key type of `ca_key_type`. Afterwards the
/// log is the only trace.
async fn a_server_gets_its_ca_and_deletes_its_requests(test: &TestNamespace) -> Result<()> {
    let spire = TestNamespace::named(test.bed(), "spire").await?;
    let user = server(&spire).await?;
    for domain in Domain::BOTH {
        let rules = [preset("SpireUpstream", Value::Null)];
        let issuer = issuer(test, domain, &rules).await?;
        for kind in [
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::Rsa2048,
            KeyKind::Rsa4096,
        ] {
            let csr = csr(kind, &trust_domain_id())?;
            let issued = minted(&spire, &user, &issuer, &csr).await?;
            check_minted(&issued, &csr, 0)?;
            // The throwaway SVID, by which SPIRE tests the chain.
            let holder = Holder::new(&issued, &csr.key().serialize_pem())?;
            holder.leaf(svid("/spire/throwaway")?)?.verify()?;
            holder.leaf(svid("/ns/shop/sa/web")?)?.verify()?;
            clean_up(&spire, &user).await?;
            let serial = hex::encode(issued.leaf.serial());
            let logged = |line: &str| {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                line["serial"]
                    .as_str()
                    .is_some_and(|found| found.eq_ignore_ascii_case(&serial))
                    && line["rule"] == "spireupstream"
                    && line["requester"] == user.username().as_str()
            };
            test.bed()
                .wait_for_log("the deleted request", logged)
                .await?;
        }
    }
    Ok(())
}

/// A server below another: its CA is signed by the first one's.
async fn a_nested_server_gets_svids_that_verify(test: &TestNamespace) -> Result<()> {
    let user = server(test).await?;
    for domain in Domain::BOTH {
        let issuer = issuer(test, domain, &[preset("SpireNested", server_of(test))]).await?;
        let csr = csr(KeyKind::P256, &trust_domain_id())?;
        let issued = minted(test, &user, &issuer, &csr).await?;
        check_minted(&issued, &csr, 1)?;
        let holder = Holder::new(&issued, &csr.key().serialize_pem())?;
        holder.leaf(svid("/ns/shop/sa/web")?)?.verify()?;
        let nested = holder.ca("nested", svid("")?)?;
        nested.leaf(svid("/ns/shop/sa/web")?)?.verify()?;
        let deeper = nested.ca("deeper", svid("")?)?;
        deeper.leaf(svid("/ns/shop/sa/web")?)?.rejected()?;
    }
    Ok(())
}

/// SPIRE accepts such a CA, because it checks a leaf right below it. So the preset for nesting is
/// another one.
async fn without_nesting_no_ca_follows_below(test: &TestNamespace) -> Result<()> {
    let user = server(test).await?;
    let issuer = issuer(
        test,
        Domain::Spiffe,
        &[preset("SpireUpstream", server_of(test))],
    )
    .await?;
    let csr = csr(KeyKind::P256, &trust_domain_id())?;
    let issued = minted(test, &user, &issuer, &csr).await?;
    let holder = Holder::new(&issued, &csr.key().serialize_pem())?;
    holder.leaf(svid("/ns/shop/sa/web")?)?.verify()?;
    let nested = holder.ca("nested", svid("")?)?;
    let error = nested.leaf(svid("/ns/shop/sa/web")?)?.rejected()?;
    ensure!(error.contains("path length"), "{error}");
    Ok(())
}

/// With the server's own token.
async fn a_server_gets_nothing_but_its_ca(test: &TestNamespace) -> Result<()> {
    let user = server(test).await?;
    let rules = [preset("SpireUpstream", server_of(test))];
    let issuer = issuer(test, Domain::Spiffe, &rules).await?;
    let other = csr(KeyKind::P256, "spiffe://other.example")?;
    let path = csr(
        KeyKind::P256,
        &format!("{}/ns/{}/sa/{SERVER}", trust_domain_id(), test.name()),
    )?;
    for (csr, found) in [(&other, "spiffe://other.example"), (&path, "/sa/")] {
        let ask = ask(&issuer, csr);
        refused(test, &user, &ask, "IdentityNotAllowed", found).await?;
    }
    let longer = Csr::by_openssl(
        "[req]\nprompt = no\ndistinguished_name = dn\nreq_extensions = ext\n[dn]\nO = SPIFFE\n\
         [ext]\nbasicConstraints = critical,CA:TRUE,pathlen:1\n",
    )?;
    let part = "requests path length 1, and the issuer and its rule allow 0";
    refused(
        test,
        &user,
        &ask(&issuer, &longer),
        "PathLengthExceeded",
        part,
    )
    .await?;
    for id in [
        format!("{}/ns/{}/sa/{SERVER}", trust_domain_id(), test.name()),
        format!("{}/ns/shop/sa/web", trust_domain_id()),
    ] {
        let csr = Csr::for_uri(&id)?;
        let leaf = Ask::new(&issuer, &csr).duration("1h");
        refused(test, &user, &leaf, "IdentityNotAllowed", "closest rule").await?;
    }
    let named = Csr::for_dns("kubernetes.default.svc")?;
    let leaf = Ask::new(&issuer, &named);
    refused(test, &user, &leaf, "IdentityNotAllowed", "closest rule").await?;
    // Longer than the issuer allows: shortened.
    let long = csr(KeyKind::P256, &trust_domain_id())?;
    let ask = ask(&issuer, &long).duration("87600h");
    let request = test.ask_as(user.client(), &ask).await?;
    test.approve(&request).await?;
    let issued = test.issued(&request, &long).await?;
    let hours = issued.leaf.lifetime().as_secs() / 3600;
    ensure!(hours <= 720, "{hours} h");
    clean_up(test, &user).await
}

/// A tenant with an account of the server's name, SPIRE's agent, and a Certificate in the namespace
/// of the server.
async fn others_get_no_ca_in_the_name_of_a_server(test: &TestNamespace) -> Result<()> {
    let tenant = TestNamespace::create(test.bed(), "tenant").await?;
    let namesake = server(&tenant).await?;
    let agent = test.service_account("spire-agent", &[RIGHTS]).await?;
    for domain in Domain::BOTH {
        let rules = [preset("SpireUpstream", server_of(test))];
        let issuer = issuer(test, domain, &rules).await?;
        let csr = csr(KeyKind::P256, &trust_domain_id())?;
        let ask = ask(&issuer, &csr);
        let part = "no rule of the issuer allows CA certificates to";
        for (namespace, user) in [(&tenant, &namesake), (test, &agent)] {
            refused(namespace, user, &ask, "CaNotAllowed", part).await?;
        }
        let name = format!("{domain:?}").to_lowercase();
        let wanted = json!({
            "isCA": true, "commonName": "spire", "usages": ["cert sign", "crl sign"],
            "uris": [trust_domain_id()],
        });
        test.create_certificate(&name, issuer.reference(), wanted)
            .await?;
        let request = test.approve_certificate(&name, 1).await?;
        let message = test.failed(&request, "CaNotAllowed").await?;
        ensure!(message.contains(part), "{message}");
    }
    Ok(())
}
