//! The short form of the soak, its control, and that every library verifies the other side.

use anyhow::{Context, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use signet_soak::bed::Bed;
use signet_soak::peers::{Identity, Peers, SERVER_NAME, Stack};
use signet_soak::{Scenario, Sizes};
use signet_testbed::wait::{Observation, until};

/// The control comes first: it is shorter, and without it the other one proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_handshake_fails_while_every_link_is_replaced_but_some_do_without_the_delay()
-> Result<()> {
    let sizes = Sizes::short();
    let bed = Bed::start().await?;
    for scenario in [Scenario::Control, Scenario::Overlap] {
        let outcome = signet_soak::run(&bed, scenario, &sizes).await?;
        outcome.check(&sizes)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_library_refuses_a_server_and_a_client_under_an_unknown_root() -> Result<()> {
    let (ours, theirs) = (root()?, root()?);
    let mut all = Vec::new();
    for stack in Stack::ALL {
        let peers = Peers::start(stack).await?;
        let port = peers.set("ours", &leaf(&ours, &ours)?).await?;
        // Trusts our root, and is under another one.
        let stranger = peers.set("stranger", &leaf(&theirs, &ours)?).await?;
        all.push((stack, peers, port, stranger));
    }
    for (client, peers, _, _) in &all {
        for (server, other, port, stranger) in &all {
            let pair = format!("{client} to {server}");
            let at = |port: u16| (SERVER_NAME, port);
            let error = peers.connect("ours", at(*port)).await?;
            ensure!(error.is_none(), "{pair}: {error:?}");
            let error = peers.connect("ours", at(*stranger)).await?;
            error.with_context(|| format!("{pair}: an unknown server is accepted"))?;
            let error = peers.connect("stranger", at(*port)).await?;
            error.with_context(|| format!("{pair}: an unknown client is accepted"))?;
            // The server records it after the client knows.
            let recorded = async || {
                let refusal = other.refusal("ours").await?;
                Ok(Observation::reached_if(refusal != "none", refusal))
            };
            until(format!("{pair}: the refusal to be recorded"), recorded).await?;
        }
    }
    Ok(())
}

type Root = CertifiedIssuer<'static, KeyPair>;

fn root() -> Result<Root> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    Ok(Root::self_signed(params, KeyPair::generate()?)?)
}

/// An identity under one root that trusts another one.
fn leaf(root: &Root, trusted: &Root) -> Result<Identity> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
    params.use_authority_key_identifier_extension = true;
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "leaf");
    params.distinguished_name = name;
    Ok(Identity {
        chain: params.signed_by(&key, root)?.pem(),
        key: key.serialize_pem(),
        roots: trusted.pem(),
    })
}
