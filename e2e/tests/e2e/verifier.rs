//! The tests' own judge: that it lets nothing wrong pass.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType};
use signet_api::IssuerKind::Issuer;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::verify::{Expected, Svid, check, issues_below};
use signet_e2e::{Ask, TestNamespace, spec};

shared![
    a_wrong_certificate_does_not_pass,
    a_ca_is_judged_by_its_own_key,
    go_spiffe_rejects_what_is_not_an_svid,
    go_spiffe_rejects_a_bundle_without_the_root,
];

async fn a_wrong_certificate_does_not_pass(test: &TestNamespace) -> Result<()> {
    let issuer = test.root().await?;
    let other = test
        .issuer(Issuer, "other", spec::self_signed(&test.unique("other")))
        .await?;
    let (csr, another) = (
        Csr::for_dns("shop.example")?,
        Csr::for_dns("another.example")?,
    );
    let good = test.issue(&Ask::new(&issuer, &csr), &csr).await?;
    let under_other = test.issue(&Ask::new(&other, &another), &another).await?;
    let (chain, roots, right) = (&good.chain_pem, &good.roots_pem, &good.expected);
    let right = || right.clone();
    let other_key = Expected {
        public_key: another.public_key(),
        ..right()
    };
    let ca = Expected {
        is_ca: true,
        ..right()
    };
    let begin = good.leaf.not_before();
    let early = Expected {
        issued_at: begin - SignedDuration::from_secs(1),
        ..right()
    };
    let late = Expected {
        created: begin + SignedDuration::from_secs(62),
        ..right()
    };
    for (chain, roots, expected, message) in [
        (chain, roots, other_key, "not the one of the CSR"),
        (chain, &under_other.roots_pem, right(), "no issuer of"),
        (chain, &String::new(), right(), "no issuer of"),
        (chain, roots, ca, "a CA has CA:TRUE"),
        (chain, roots, early, "it is not valid before"),
        (chain, roots, late, "and was requested at"),
        (
            &format!("{chain}{roots}"),
            roots,
            right(),
            "no self-signed root",
        ),
        (&format!("{roots}{chain}"), roots, right(), "leaf first"),
        (chain, &format!("{roots}{roots}"), right(), "no root twice"),
        (
            &with_a_broken_signature(chain)?,
            roots,
            right(),
            "the signature of",
        ),
    ] {
        let error = check(chain, roots, expected).err().context("it passed")?;
        ensure!(
            format!("{error:#}").contains(message),
            "{message}: {error:#}"
        );
    }
    check(chain, roots, right()).map(drop)
}

async fn a_ca_is_judged_by_its_own_key(test: &TestNamespace) -> Result<()> {
    let spec = spec::with_ca_profile(&test.unique("ca"), 0);
    let issuer = test.issuer(Issuer, "ca", spec).await?;
    let (csr, another) = (
        Csr::of_new_key()?.common_name("sub").build()?,
        Csr::for_dns("b.example")?,
    );
    let issued = test.issue(&Ask::new(&issuer, &csr).ca(), &csr).await?;
    ensure!(
        issues_below(&issued, &another, "sub").is_err(),
        "another's key passed"
    );
    issues_below(&issued, &csr, "sub")
}

/// A leaf under a root, both by rcgen: an X509-SVID, but for a change.
struct Made {
    chain: String,
    key: KeyPair,
    root: String,
}

impl Made {
    fn new(change: impl FnOnce(&mut CertificateParams)) -> Result<Self> {
        let (root_key, key) = (KeyKind::P256.generate()?, KeyKind::P256.generate()?);
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_pem = root.self_signed(&root_key)?.pem();
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![SanType::URI(ID.try_into()?)];
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut leaf);
        let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(root, &root_key))?;
        Ok(Self {
            chain: leaf.pem(),
            key,
            root: root_pem,
        })
    }

    fn verify(&self, trust_domain: &str, key: &KeyPair, bundle: &str) -> Result<String> {
        let svid = Svid {
            chain: &self.chain,
            key: &key.serialize_pem(),
            trust_domain,
        };
        svid.verify(bundle, Timestamp::now())
    }
}

/// A change of a leaf.
type Change<'a> = &'a dyn Fn(&mut CertificateParams);

const TRUST_DOMAIN: &str = "prod.example";
const ID: &str = "spiffe://prod.example/ns/shop/sa/web";

async fn go_spiffe_rejects_what_is_not_an_svid(_: &TestNamespace) -> Result<()> {
    let uri = |uri: &str| uri.try_into().map(SanType::URI);
    let second = uri("spiffe://prod.example/ns/pay/sa/web")?;
    let (other, bare) = (
        uri("spiffe://other.example/a")?,
        uri("spiffe://prod.example")?,
    );
    let changes: [(Change<'_>, &str); 9] = [
        (
            &|leaf| leaf.subject_alt_names.push(second.clone()),
            "more than one URI SAN",
        ),
        (&|leaf| leaf.subject_alt_names.clear(), "no URI SAN"),
        (
            &|leaf| leaf.subject_alt_names = vec![other.clone()],
            "no X.509 bundle found for trust domain",
        ),
        (
            &|leaf| leaf.subject_alt_names = vec![bare.clone()],
            "non-root path",
        ),
        (
            &|leaf| leaf.key_usages.push(KeyUsagePurpose::KeyCertSign),
            "'keyCertSign'",
        ),
        (
            &|leaf| leaf.key_usages.push(KeyUsagePurpose::CrlSign),
            "'cRLSign'",
        ),
        (
            &|leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
            "'digitalSignature'",
        ),
        (
            &|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            "CA flag",
        ),
        (
            &|leaf| leaf.not_after = SystemTime::UNIX_EPOCH.into(),
            "expired",
        ),
    ];
    for (change, message) in changes {
        let made = Made::new(change)?;
        let verified = made.verify(TRUST_DOMAIN, &made.key, &made.root);
        rejected(verified, message)?;
    }
    Ok(())
}

async fn go_spiffe_rejects_a_bundle_without_the_root(_: &TestNamespace) -> Result<()> {
    let (made, other) = (Made::new(|_| ())?, Made::new(|_| ())?);
    let both = format!("{}{}", other.root, made.root);
    for bundle in [&made.root, &both] {
        ensure!(made.verify(TRUST_DOMAIN, &made.key, bundle)? == ID);
    }
    let verify = |trust_domain, key, bundle: &str| made.verify(trust_domain, key, bundle);
    let twice = format!("{both}{}", made.root);
    for (verified, message) in [
        (
            verify(TRUST_DOMAIN, &made.key, &other.root),
            "could not verify leaf certificate",
        ),
        (
            verify("other.example", &made.key, &made.root),
            "no X.509 bundle found for trust domain",
        ),
        (
            verify(TRUST_DOMAIN, &other.key, &made.root),
            "does not match private key",
        ),
        (verify(TRUST_DOMAIN, &made.key, ""), "unknown authority"),
        (verify(TRUST_DOMAIN, &made.key, &twice), "2 roots of 3"),
    ] {
        rejected(verified, message)?;
    }
    Ok(())
}

fn rejected(verified: Result<String>, message: &str) -> Result<()> {
    let error = verified
        .err()
        .with_context(|| format!("it passed: {message}"))?;
    ensure!(
        format!("{error:#}").contains(message),
        "{message}: {error:#}"
    );
    Ok(())
}

/// The last bit of a certificate in PEM, turned.
fn with_a_broken_signature(pem: &str) -> Result<String> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let mut der = STANDARD.decode(body)?;
    *der.last_mut().context("it has bytes")? ^= 1;
    Ok(format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(der)
    ))
}
