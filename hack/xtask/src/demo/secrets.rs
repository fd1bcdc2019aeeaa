//! Which private keys are in Secrets: not the CA's, if a key server keeps it.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::Shell;
use super::shell::comment;

/// Reads every private key in the cluster's Secrets, and fails if one belongs to a CA of the chain.
pub(super) fn show_that_no_ca_key_is_there(shell: &Shell) -> Result<()> {
    shell.run("kubectl get secrets --all-namespaces")?;
    let json = shell.output("kubectl get secrets --all-namespaces -o json", "")?;
    let mut list: Value = serde_json::from_str(&json)?;
    let secrets: Vec<Secret> = serde_json::from_value(list["items"].take())?;
    let read = |file: &str| shell.output(&format!("cat \"$DEMO/{file}\""), "");
    let mut authorities = certificates(&read("tls.crt")?);
    let leaf = public_key(shell, &authorities.remove(0))?;
    authorities.extend(certificates(&read("ca.crt")?));
    let authorities: Result<Vec<_>> = authorities.iter().map(|it| public_key(shell, it)).collect();
    let authorities = authorities?;
    comment("The private keys in them, compared by their public keys (openssl pkey -pubout)");
    let (mut found, mut leaf_found) = (0, false);
    for (place, key) in private_keys(&secrets) {
        let public = shell.output("openssl pkey -pubout", &key)?;
        ensure!(
            !authorities.contains(&public),
            "the CA's private key is in {place}"
        );
        let whose = if public == leaf {
            "the certificate's own"
        } else {
            "of something else"
        };
        println!("{place}: {whose}");
        found += 1;
        leaf_found |= public == leaf;
    }
    ensure!(
        leaf_found,
        "the certificate's own key was not found, so this search proves nothing"
    );
    println!(
        "{found} of {} Secrets have a private key; none is the CA's.",
        secrets.len()
    );
    Ok(())
}

fn private_keys(secrets: &[Secret]) -> impl Iterator<Item = (String, String)> {
    secrets.iter().flat_map(|secret| {
        let entries = secret.data.iter().flatten();
        entries.filter_map(|(entry, value)| {
            let text = String::from_utf8_lossy(&value.0).into_owned();
            let [namespace, name] = [&secret.metadata.namespace, &secret.metadata.name]
                .map(|part| part.as_deref().unwrap_or_default());
            text.contains("PRIVATE KEY-----")
                .then(|| (format!("{namespace}/{name}, {entry}"), text))
        })
    })
}

/// The public key of a certificate, in PEM.
fn public_key(shell: &Shell, certificate: &str) -> Result<String> {
    shell.output("openssl x509 -noout -pubkey", certificate)
}

/// The certificates of a PEM text.
fn certificates(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let parts = text.split_inclusive(END);
    let whole = parts.filter(|part| part.ends_with(END));
    whole
        .map(|part| format!("{}\n", part.trim_start()))
        .collect()
}
