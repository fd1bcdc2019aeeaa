//! The sample of a backend's page, on a key server that is started for it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::sample::Sample;
use super::servers::{self, Server};
use super::{Key, Made, await_ready, aws_kms, commands, kubectl, pkcs11, show, vault};
use crate::session::{Home, Session};
use crate::up;

/// Starts the server, makes the key with the server's own tools, applies the sample, and waits
/// until issuer and certificate are Ready.
pub(super) async fn make(
    root: &Path,
    home: &Home,
    session: &mut Session,
    key: Key,
) -> Result<Made> {
    ensure!(
        session.own,
        "what is up is on a cluster of yours, and a key server of the demo stands beside a cluster \
         of the demo; end it with `cargo xtask down` first"
    );
    session.with_signet()?;
    let server = servers::ensure(&home.folder, key).await?;
    let mut sample = prepared(root, session, &server, key)
        .context("what is up stays up, and `cargo xtask down` ends it")?;
    let flag = match key {
        Key::Pkcs11 => Some(pkcs11::module(&server, &mut sample)?),
        // The server is at a loopback address, which an Issuer may not name by default.
        _ => {
            let tenant = sample.issuer()?.namespace;
            tenant.map(|_| "--issuer-local-addresses=true".to_owned())
        }
    };
    if let Some(flag) = flag {
        show::heading(&format!("The operator runs with {flag}"));
        up::with_flag(home, session, flag).await?;
    }
    show::heading(&format!("kubectl apply -f {}, as filled in:", key.sample()));
    let file = server.folder.join("sample.yaml");
    println!("{}", fs::read_to_string(&file)?.trim_end());
    println!("---");
    kubectl(session, &["apply", "-f", &file.to_string_lossy()])?;
    let issuer = sample.issuer()?;
    await_ready(session, &issuer.arguments())?;
    let (certificate, secret) = sample.certificate()?;
    await_ready(session, &certificate.arguments())?;
    Ok(Made {
        next: next(&server, key, &issuer.arguments().join(" ")),
        issuer: issuer.arguments(),
        secret: (certificate.secrets().to_owned(), secret),
    })
}

/// The sample with all that the server is needed for. A demo that is shown once more finds it.
fn prepared(root: &Path, session: &Session, server: &Server, key: Key) -> Result<Sample> {
    let file = server.folder.join("sample.yaml");
    if file.exists() {
        println!("\nThe key is there already, from the last time.");
        return Sample::read(&file);
    }
    let mut sample = Sample::read(&root.join(key.sample()))?
        .without_secrets()
        .with_certificate()?;
    if let Some(namespace) = sample.issuer()?.namespace {
        show::heading("The namespace of the sample");
        commands::namespace(session, &namespace)?;
    }
    show::heading(&format!(
        "The key, made in {} by its own tools",
        key.server()
    ));
    match key {
        Key::Vault => vault::prepare(session, server, &mut sample)?,
        Key::AwsKms => aws_kms::prepare(session, server, &mut sample)?,
        Key::Pkcs11 => pkcs11::prepare(session, server, &mut sample)?,
        Key::Software => {}
    }
    let new = server.folder.join("sample.new");
    fs::write(&new, sample.yaml()?)?;
    fs::rename(&new, &file)?;
    Ok(sample)
}

fn next(server: &Server, key: Key, issuer: &str) -> Vec<String> {
    let (tool, to_try) = match key {
        Key::Vault => ("bao", vault::NEXT),
        Key::AwsKms => ("aws", aws_kms::NEXT),
        Key::Pkcs11 => ("pkcs11-tool", pkcs11::NEXT),
        Key::Software => ("", ""),
    };
    vec![
        format!("kubectl describe {issuer}"),
        "    its conditions and events".to_owned(),
        format!("{to_try}, with {tool} being"),
        format!("    {}", up::quoted(&server.folder.join(tool))),
    ]
}
