//! CA certificates from another issuer, by CertificateRequest.

mod cert_manager;
mod clock;
mod double;
mod killed;
mod revocation;
mod rotation;
mod signet;
mod tenants;

use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) use cert_manager::ca_issuer;
pub(crate) use killed::killed_while_a_request_to_a_parent_is_open;
pub(crate) use rotation::another_root_reaches_the_issuer_below_without_a_resync;

pub(crate) fn tests() -> Vec<Trial> {
    [
        cert_manager::tests(),
        clock::tests(),
        double::tests(),
        revocation::tests(),
        rotation::tests(),
        signet::tests(),
        tenants::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An issuer over a software key that Signet makes, below another issuer.
fn below(secret: &str, parent: &Value) -> Value {
    json!({
        "key": { "software": { "secretName": secret } },
        "certificate": { "issuerRef": parent },
    })
}
