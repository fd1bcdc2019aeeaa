//! Linkerd's identity issuer: a cert-manager Certificate for a CA, whose Secret
//! `linkerd-identity-issuer` the identity controller reads.

use anyhow::{Context, Result, ensure};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use rcgen::SanType;
use serde_json::{Value, json};
use signet_e2e::csr::Csr;
use signet_e2e::verify::{Certificate, Holder};
use signet_e2e::{Ask, Issued, IssuerRef, Rule, TestNamespace};
use x509_cert::ext::pkix::KeyUsages;

use super::cas::{Domain, TRUST_DOMAIN, check_ca, issuer, preset};

shared![
    the_identity_issuer_signs_what_proxies_verify,
    the_identity_issuer_gets_nothing_but_a_p256_ca,
    others_get_no_ca_in_the_name_of_linkerd,
];

/// The name of the Certificate and of its Secret.
const NAME: &str = "linkerd-identity-issuer";
const TLS: [ObjectIdentifier; 2] = [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
const COMMON_NAME: &str = "identity.linkerd.cluster.local";
/// SubjectPublicKeyInfo of P-256 up to the point (RFC 5480).
const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/// As Linkerd's page about cert-manager prints it.
fn documented() -> Value {
    json!({
        "isCA": true,
        "commonName": COMMON_NAME,
        "duration": "48h0m0s",
        "renewBefore": "25h0m0s",
        "privateKey": { "rotationPolicy": "Always", "algorithm": "ECDSA" },
    })
}

/// As the page of earlier versions prints it.
fn documented_earlier() -> Value {
    with(&[
        ("dnsNames", json!([COMMON_NAME])),
        (
            "usages",
            json!(["cert sign", "crl sign", "server auth", "client auth"]),
        ),
    ])
}

fn with(fields: &[(&str, Value)]) -> Value {
    let mut spec = documented();
    for (field, value) in fields {
        spec[*field] = value.clone();
    }
    spec
}

fn certificates_of(test: &TestNamespace) -> Value {
    json!({ "certificates": { "namespaces": [test.name()] } })
}

/// Creates a Certificate and approves its first request.
async fn request(
    test: &TestNamespace,
    issuer: &IssuerRef,
    name: &str,
    spec: Value,
) -> Result<String> {
    test.create_certificate(name, issuer.reference(), spec)
        .await?;
    test.approve_certificate(name, 1).await
}

async fn refused(
    test: &TestNamespace,
    issuer: &IssuerRef,
    (name, spec): (&str, Value),
    reason: &str,
    part: &str,
) -> Result<()> {
    let request = request(test, issuer, name, spec).await?;
    let message = test.failed(&request, reason).await?;
    ensure!(message.contains(part), "{name}: {message} has no {part}");
    Ok(())
}

/// What the identity controller and `linkerd check` require of the Secret
/// (pkg/issuercerts/issuercerts.go).
async fn check_issuer(test: &TestNamespace, issued: &Issued) -> Result<Holder> {
    check_ca(issued, 0)?;
    let hours = issued.leaf.lifetime().as_secs() / 3600;
    ensure!(hours == 48, "{hours} h");
    let all = std::iter::once(&issued.leaf).chain(issued.path()?);
    for certificate in all {
        let key = hex::encode(certificate.public_key());
        ensure!(key.starts_with(P256), "a key that is not P-256: {key}");
    }
    let data = test.secret(NAME).await?.data.unwrap_or_default();
    let text = |key: &str| -> Result<String> {
        let value = data.get(key).with_context(|| format!("{key} is missing"))?;
        Ok(String::from_utf8(value.0.clone())?)
    };
    let chain = Certificate::read_pem(&text("tls.crt")?)?;
    ensure!(
        issued.roots.iter().all(|root| !chain.contains(root)),
        "no anchor in tls.crt"
    );
    ensure!(Certificate::read_pem(&text("ca.crt")?)? == issued.roots);
    Holder::new(issued, &text("tls.key")?)
}

/// The name of a ServiceAccount in Linkerd.
fn identity(account: &str, namespace: &str) -> Result<Vec<SanType>> {
    let name = format!("{account}.{namespace}.serviceaccount.identity.linkerd.cluster.local");
    Ok(vec![SanType::DnsName(name.as_str().try_into()?)])
}

/// Both documented forms, with the preset's own namespace and another.
async fn the_identity_issuer_signs_what_proxies_verify(test: &TestNamespace) -> Result<()> {
    let linkerd = TestNamespace::named(test.bed(), "linkerd").await?;
    let signature = [
        KeyUsages::DigitalSignature,
        KeyUsages::KeyCertSign,
        KeyUsages::CRLSign,
    ];
    let issued = signs(&linkerd, Domain::Spiffe, Value::Null, documented()).await?;
    check_usages(&issued, &signature, &[])?;
    for (domain, form) in [
        (Domain::Plain, documented()),
        (Domain::Spiffe, documented_earlier()),
        (Domain::Plain, documented_earlier()),
    ] {
        let linkerd = TestNamespace::create(test.bed(), "linkerd").await?;
        let has_usages = form.get("usages").is_some();
        let issued = signs(&linkerd, domain, certificates_of(&linkerd), form).await?;
        match has_usages {
            false => check_usages(&issued, &signature, &[])?,
            true => check_usages(&issued, &signature[1..], &TLS)?,
        }
    }
    Ok(())
}

/// cert-manager requests the usages of a server where a Certificate lists none. A CA keeps
/// `digital signature` of them, and the extended ones that it lists.
fn check_usages(issued: &Issued, key: &[KeyUsages], extended: &[ObjectIdentifier]) -> Result<()> {
    let usage = issued.leaf.key_usage()?;
    ensure!(usage == key, "{usage:?}");
    let usage = issued.leaf.extended_key_usage()?;
    ensure!(usage == extended, "{usage:?}");
    Ok(())
}

async fn signs(
    linkerd: &TestNamespace,
    domain: Domain,
    requesters: Value,
    form: Value,
) -> Result<Issued> {
    let issuer = issuer(linkerd, domain, &[preset("LinkerdIdentity", requesters)]).await?;
    request(linkerd, &issuer, NAME, form).await?;
    let issued = linkerd.certificate_issued(NAME, 1).await?;
    let holder = check_issuer(linkerd, &issued).await?;
    holder.leaf(identity("web", "shop")?)?.verify()?;
    // The ID of a workload outside of the cluster.
    let id = format!("spiffe://{TRUST_DOMAIN}/vm/web");
    let id = SanType::URI(id.as_str().try_into()?);
    holder.leaf(vec![id])?.verify()?;
    let below = holder.ca("below", identity("web", "shop")?)?;
    let error = below.leaf(identity("web", "shop")?)?.rejected()?;
    ensure!(error.contains("path length"), "{error}");
    Ok(issued)
}

/// With Certificates in Linkerd's namespace.
async fn the_identity_issuer_gets_nothing_but_a_p256_ca(test: &TestNamespace) -> Result<()> {
    for domain in Domain::BOTH {
        let linkerd = TestNamespace::create(test.bed(), "linkerd").await?;
        let rules = [preset("LinkerdIdentity", certificates_of(&linkerd))];
        let issuer = issuer(&linkerd, domain, &rules).await?;
        let key = |algorithm: &str, size: u32| json!({ "rotationPolicy": "Always", "algorithm": algorithm, "size": size });
        for (name, key) in [("rsa", key("RSA", 2048)), ("p384", key("ECDSA", 384))] {
            let spec = (name, with(&[("privateKey", key)]));
            let part = "the rule does not allow a key of type";
            refused(&linkerd, &issuer, spec, "UnsupportedKey", part).await?;
        }
        let names = json!(["web.shop.serviceaccount.identity.linkerd.linkerd.cluster.local"]);
        let leaf = with(&[("isCA", json!(false)), ("dnsNames", names)]);
        let reason = match domain {
            Domain::Spiffe => "IdentityNotAllowed",
            Domain::Plain => "NameNotAllowed",
        };
        refused(&linkerd, &issuer, ("leaf", leaf), reason, "closest rule").await?;
        if domain == Domain::Spiffe {
            let path = format!("spiffe://{TRUST_DOMAIN}/ns/{}/sa/linkerd", linkerd.name());
            for (name, id) in [("other", "spiffe://other.example"), ("path", &path)] {
                let spec = (name, with(&[("uris", json!([id]))]));
                refused(&linkerd, &issuer, spec, "IdentityNotAllowed", id).await?;
            }
        }
        // Longer than the issuer allows: shortened.
        request(
            &linkerd,
            &issuer,
            "long",
            with(&[("duration", json!("87600h"))]),
        )
        .await?;
        let issued = linkerd.certificate_issued("long", 1).await?;
        let hours = issued.leaf.lifetime().as_secs() / 3600;
        ensure!(hours <= 720, "{hours} h");
    }
    Ok(())
}

/// A tenant with the same Certificate, a tenant who writes the request for one, and accounts in
/// Linkerd's namespace, of which one is that of the identity controller.
async fn others_get_no_ca_in_the_name_of_linkerd(test: &TestNamespace) -> Result<()> {
    let tenant = TestNamespace::create(test.bed(), "tenant").await?;
    let rights = [Rule::CREATE_CERTIFICATE_REQUESTS];
    let controller = test.service_account("linkerd-identity", &rights).await?;
    let namesake = tenant.service_account("linkerd-identity", &rights).await?;
    let part = "no rule of the issuer allows CA certificates to";
    for domain in Domain::BOTH {
        let rules = [preset("LinkerdIdentity", certificates_of(test))];
        let issuer = issuer(test, domain, &rules).await?;
        let name = format!("{NAME}-{domain:?}").to_lowercase();
        let spec = (name.as_str(), documented());
        refused(&tenant, &issuer, spec, "CaNotAllowed", part).await?;
        let csr = Csr::of_new_key()?.common_name(COMMON_NAME).build()?;
        // As if cert-manager had made the request for the tenant's Certificate.
        let certificate = tenant.api::<signet_e2e::Certificate>().get(&name).await?;
        let owner = json!([{
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": name,
            "uid": certificate.metadata.uid, "controller": true,
        }]);
        let plain = Ask::new(&issuer, &csr).ca();
        let owned = plain.clone().metadata("ownerReferences", owner).metadata(
            "annotations",
            json!({ "cert-manager.io/certificate-name": name }),
        );
        for (namespace, user, ask) in [
            (test, &controller, &plain),
            (&tenant, &namesake, &plain),
            (&tenant, &namesake, &owned),
        ] {
            let request = namespace.ask_as(user.client(), ask).await?;
            namespace.approve(&request).await?;
            let message = namespace.failed(&request, "CaNotAllowed").await?;
            ensure!(message.contains(part), "{message}");
        }
    }
    Ok(())
}
