//! A key in a SoftHSM2 token.

use anyhow::Result;
use serde_json::json;
use signet_installation::NAMESPACE;

use super::sample::{Sample, text};
use super::servers::Server;
use super::{commands, show};
use crate::session::Session;

/// What can be tried with the token's tool.
pub(super) const NEXT: &str = "pkcs11-tool --login --pin 73910246 --list-objects";
/// The PINs of a token that goes with the demo.
const SO_PIN: &str = "48205517";
const PIN: &str = "73910246";
/// The Secret with the PIN, as docs/pkcs11.md calls it.
const SECRET: &str = "signet-token-pin";

/// Makes the token and the key that the sample names, and a Secret with the PIN for the operator.
pub(super) fn prepare(session: &Session, server: &Server, sample: &mut Sample) -> Result<()> {
    let key = sample.key()?;
    let token = text(&key["token"])?;
    let label = text(&key["keyLabel"])?;
    let names = ["--label", token, "--so-pin", SO_PIN, "--pin", PIN];
    server.run(
        "softhsm2-util",
        &[&["--init-token", "--free"], &names[..]].concat(),
    )?;
    let module = ["--module", &server.facts.address];
    let login = ["--token-label", token, "--login", "--pin", PIN];
    let id = key.get("keyId").map_or(Ok("01"), text)?;
    let pair = [
        "--keypairgen",
        "--key-type",
        "EC:prime256v1",
        "--label",
        label,
        "--id",
        id,
    ];
    server.run("pkcs11-tool", &[&module[..], &login, &pair].concat())?;
    commands::secret(session, (NAMESPACE, SECRET), &[("pin", PIN)])
}

/// The operator's list of modules, and the flag that names it.
pub(super) fn module(server: &Server, sample: &mut Sample) -> Result<String> {
    let namespaces: Vec<_> = sample.issuer()?.namespace.into_iter().collect();
    let key = sample.key()?;
    let token = json!({
        "name": text(&key["token"])?,
        "label": text(&key["token"])?,
        "pin": { "secret": { "name": SECRET } },
        "namespaces": namespaces,
    });
    let module = json!({
        "name": text(&key["module"])?,
        "path": server.facts.address,
        "tokens": [token],
    });
    let list = serde_saphyr::to_string(&json!({ "modules": [module] }))?;
    let file = server.keep("modules.yaml", &list)?;
    show::heading("The modules and tokens that issuers may use");
    print!("{list}");
    Ok(format!("--pkcs11-modules={}", file.display()))
}
