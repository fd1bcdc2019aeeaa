//! A sample of each error of an issuer of the PKI engine.

use signet_core::samples;

use super::VaultPkiError;
use crate::vault::ServerMessage;

samples!(VaultPkiError {
    Refused {
        issuer: issuer(),
        detail: ServerMessage("signing certificate has a max path length of zero".to_owned())
    },
    NoIssuer {
        issuer: issuer(),
        detail: ServerMessage(
            "error generating certificate: could not fetch the CA certificate (was one set?)"
                .to_owned()
        )
    },
    NoMount {
        server: server(),
        mount: "pki".to_owned()
    },
    NotPki {
        server: server(),
        mount: "pki".to_owned()
    },
});

fn server() -> String {
    "the Vault at https://vault.example.org:8200".to_owned()
}

fn issuer() -> String {
    format!("the PKI issuer default at pki of {}", server())
}
