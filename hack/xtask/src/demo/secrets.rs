//! Which private keys are in Secrets: not the CA's, if it is kept elsewhere.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::commands;
use super::show::{self, Files};
use crate::session::Session;

/// A private key in a Secret.
struct Found {
    /// Namespace, name and entry.
    place: String,
    /// Its public half in PEM.
    public: String,
}

/// Shows every Secret of the cluster and every private key in them, and fails if one of these
/// belongs to a CA of the chain.
pub(super) fn show_that_no_ca_key_is_there(session: &Session, files: &Files) -> Result<()> {
    show::heading("kubectl get secrets --all-namespaces");
    let list = ["get", "secrets", "--all-namespaces"];
    super::kubectl(session, &list)?;
    let mut kubectl = session.cluster.kubectl();
    let json = commands::output(kubectl.args(list).args(["-o", "json"]), "")?;
    let mut list: Value = serde_json::from_str(&json)?;
    let secrets: Vec<Secret> = serde_json::from_value(list["items"].take())?;
    let authorities = files.authorities()?;
    let leaf = public_key(&files.leaf()?)?;
    show::heading("The private keys in them, by their public halves");
    let found = private_keys(&secrets)?;
    for key in &found {
        let whose = if authorities
            .iter()
            .any(|it| public_key(it).is_ok_and(|it| it == key.public))
        {
            "the CA's"
        } else if key.public == leaf {
            "the certificate's own"
        } else {
            "of something else"
        };
        println!("{}: {whose}", key.place);
        ensure!(
            whose != "the CA's",
            "the CA's private key is in the Secret {}",
            key.place
        );
    }
    ensure!(
        found.iter().any(|key| key.public == leaf),
        "the certificate's own key was not found, so this search proves nothing"
    );
    println!(
        "{} of {} Secrets with a private key; none is the CA's.",
        found.len(),
        secrets.len()
    );
    Ok(())
}

fn private_keys(secrets: &[Secret]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for secret in secrets {
        for (entry, value) in secret.data.iter().flatten() {
            let text = String::from_utf8_lossy(&value.0);
            if !text.contains("PRIVATE KEY-----") {
                continue;
            }
            let [namespace, name] = [&secret.metadata.namespace, &secret.metadata.name]
                .map(|part| part.as_deref().unwrap_or_default());
            let mut openssl = Command::new("openssl");
            found.push(Found {
                place: format!("{namespace}/{name}, {entry}"),
                public: commands::output(openssl.args(["pkey", "-pubout"]), &text)
                    .context("openssl cannot read a private key")?,
            });
        }
    }
    Ok(found)
}

/// The public key of a certificate, in PEM.
fn public_key(certificate: &str) -> Result<String> {
    commands::output(
        Command::new("openssl").args(["x509", "-noout", "-pubkey"]),
        certificate,
    )
}
