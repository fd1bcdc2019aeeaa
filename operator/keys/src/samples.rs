//! A sample of every error message about keys, for the page that lists them.

use signet_core::samples;
use signet_core::samples::Samples;

use crate::access::ModulesFault;
use crate::aws_kms::AwsKmsError;
use crate::error::{ErrorClass, KeyError};
use crate::guard::GuardError;
use crate::pkcs11::{Pkcs11Error, Pkcs11Fault};
use crate::references::ReferenceError;
use crate::remote::RemoteError;
use crate::software::SoftwareError;
use crate::vault::VaultError;
use crate::vault_pki::VaultPkiError;
use crate::vault_transit::VaultTransitError;

/// The errors of one type.
#[derive(Debug)]
pub struct SampleTable {
    /// What the errors are about.
    pub heading: &'static str,
    /// Each variant, its class if it has one, and its message.
    pub rows: Vec<(&'static str, Option<ErrorClass>, String)>,
}

/// Every error about a key.
pub fn sample_tables() -> Vec<SampleTable> {
    vec![
        of_key::<GuardError>("Any key"),
        of_key::<ReferenceError>("Objects that a key refers to"),
        of_key::<RemoteError>("Servers"),
        of_key::<AwsKmsError>("AWS KMS"),
        of_key::<VaultError>("Vault and OpenBao"),
        of_key::<VaultTransitError>("Keys in Transit"),
        of_key::<VaultPkiError>("CA certificates from the PKI engine"),
        of_pkcs11(),
        of_key::<SoftwareError>("Keys in Secrets"),
        of_list(),
    ]
}

fn of_key<E: Samples + Into<KeyError>>(heading: &'static str) -> SampleTable {
    let rows = E::samples().into_iter().map(|(variant, error)| {
        let error: KeyError = error.into();
        (variant, Some(error.class), error.message)
    });
    let rows = rows.collect();
    SampleTable { heading, rows }
}

fn of_pkcs11() -> SampleTable {
    let rows = Pkcs11Fault::samples().into_iter().map(|(variant, fault)| {
        let error: KeyError = Pkcs11Error::from(fault).into();
        (variant, Some(error.class), error.message)
    });
    SampleTable {
        heading: "PKCS#11",
        rows: rows.collect(),
    }
}

fn of_list() -> SampleTable {
    let rows = ModulesFault::samples().into_iter();
    let rows = rows.map(|(variant, fault)| (variant, None, format!("{MODULE} {fault}")));
    SampleTable {
        heading: "The operator's list of PKCS#11 modules",
        rows: rows.collect(),
    }
}

samples!(GuardError {
    Timeout { seconds: 5 },
    Panicked,
    SelfTestFailed,
    TooLong {
        bytes: 5_000,
        max_bytes: 4_096
    },
    TooSlow {
        bits: 8_192,
        max_bits: 4_096
    },
    NotBuilt { feature: "pkcs11" },
});

samples!(ReferenceError {
    NoSecret {
        secret: "vault".to_owned(),
        what: "the token".to_owned()
    },
    NoEntry {
        secret: "vault".to_owned(),
        key: "token".to_owned(),
        what: "the token".to_owned()
    },
    NoBundle { place: bundle() },
    BundleTooLarge {
        place: bundle(),
        max_bytes: 262_144
    },
    EmptyBundle { place: bundle() },
    InvalidBundle { place: bundle() },
});

fn bundle() -> String {
    "ca.crt of the ConfigMap vault-ca".to_owned()
}

samples!(RemoteError {
    NotAServer {
        field: "vaultTransit.address"
    },
    Forbidden {
        host: "vault.example.org".to_owned()
    },
    Unresolved { server: server() },
    Timeout {
        server: server(),
        seconds: 4
    },
    Untrusted { server: server() },
    TlsRefused { server: server() },
    NotConnected { server: server() },
    NotThroughProxy {
        server: server(),
        proxy: "http://proxy.example.org:3128".into()
    },
    Closed { server: server() },
    NotHttp { server: server() },
    TooLarge {
        server: server(),
        max_bytes: 262_144
    },
    InvalidBundle,
    InvalidIdentity,
});

fn server() -> String {
    "the Vault at https://vault.example.org:8200".to_owned()
}

samples!(ModulesFault {
    Name,
    DuplicateName,
    Path,
    NoTokens,
    NoSessions,
    NoNamespaceSessions,
    DuplicatePath,
    FewSessions(3),
    Namespace("*".to_owned()),
    Unidentified,
    Label,
    Serial,
    Ambiguous,
    PinSource,
});

const MODULE: &str = "the PKCS#11 module \"softhsm\"";
