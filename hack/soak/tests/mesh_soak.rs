//! The short form of the soak of a mesh, its control, and that Envoy and Go verify the other side.

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use signet_soak::bed::Bed;
use signet_soak::mesh::{MeshScenario, MeshSizes, run};
use signet_soak::peers::{Identity, Peers, Stack};

/// The control comes first: it is shorter, and without it the other one proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_handshake_of_a_mesh_fails_but_some_do_after_two_changes_in_one_write() -> Result<()> {
    let sizes = MeshSizes::short();
    let bed = Bed::start().await?;
    for scenario in [MeshScenario::Control, MeshScenario::Rotations] {
        run(&bed, scenario, &sizes).await?.check(&sizes)?;
    }
    Ok(())
}

const OURS: &str = "spiffe://mesh.example/ns/shop/sa/ours";
const OTHER: &str = "spiffe://mesh.example/ns/shop/sa/other";
const FOREIGN: &str = "spiffe://foreign.example/ns/shop/sa/ours";

#[tokio::test(flavor = "multi_thread")]
async fn both_refuse_unknown_roots_other_servers_and_foreign_clients() -> Result<()> {
    let (root, unknown) = (root()?, root()?);
    let mut all = Vec::new();
    for stack in Stack::OF_A_MESH {
        let peers = Peers::start(stack).await?;
        let port = peers.set("ours", &leaf(OURS, &root, &root)?).await?;
        // They trust our root.
        let stranger = peers.set("stranger", &leaf(OURS, &unknown, &root)?).await?;
        peers.set("foreign", &leaf(FOREIGN, &root, &root)?).await?;
        all.push((stack, peers, port, stranger));
    }
    for (client, peers, _, _) in &all {
        for (server, _, port, stranger) in &all {
            let pair = format!("{client} to {server}");
            let error = peers.connect("ours", (OURS, *port)).await?;
            ensure!(error.is_none(), "{pair}: {error:?}");
            for (name, to, what) in [
                ("ours", (OURS, *stranger), "an unknown server"),
                ("ours", (OTHER, *port), "another server"),
                ("stranger", (OURS, *port), "an unknown client"),
                ("foreign", (OURS, *port), "a client of another trust domain"),
            ] {
                let error = peers.connect(name, to).await?;
                error.with_context(|| format!("{pair}: {what} is accepted"))?;
            }
        }
    }
    Ok(())
}

/// A sidecar presents the next leaf after the peer is told of it, and trusts other roots.
#[tokio::test(flavor = "multi_thread")]
async fn both_use_the_next_identity_from_then_on() -> Result<()> {
    let (old, new) = (root()?, root()?);
    for stack in Stack::OF_A_MESH {
        let peers = Peers::start(stack).await?;
        let port = peers.set("server", &leaf(OURS, &old, &old)?).await?;
        peers.set("client", &leaf(OTHER, &old, &old)?).await?;
        let error = peers.connect("client", (OURS, port)).await?;
        ensure!(error.is_none(), "{stack}: {error:?}");
        peers.set("server", &leaf(OURS, &new, &new)?).await?;
        let error = peers.connect("client", (OURS, port)).await?;
        error.with_context(|| format!("{stack}: it has the old identity"))?;
        peers.set("client", &leaf(OTHER, &new, &new)?).await?;
        let error = peers.connect("client", (OURS, port)).await?;
        ensure!(error.is_none(), "{stack}: {error:?}");
    }
    Ok(())
}

type Root = CertifiedIssuer<'static, KeyPair>;

fn root() -> Result<Root> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(Root::self_signed(params, KeyPair::generate()?)?)
}

/// An identity under one root that trusts another one.
fn leaf(id: &str, root: &Root, trusted: &Root) -> Result<Identity> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = DistinguishedName::new();
    Ok(Identity {
        chain: params.signed_by(&key, root)?.pem(),
        key: key.serialize_pem(),
        roots: trusted.pem(),
    })
}
