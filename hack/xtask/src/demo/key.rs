//! Where the demo's CA key is.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Where the demo's CA key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Key {
    /// In a Secret, made by Signet.
    #[default]
    Software,
    /// In the Transit engine of an OpenBao that is started for it.
    Vault,
    /// In an emulator of AWS KMS that is started for it.
    AwsKms,
    /// In a SoftHSM2 token that is made for it.
    Pkcs11,
}

impl Key {
    /// As it is written on the command line, and in file names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Vault => "vault",
            Self::AwsKms => "aws-kms",
            Self::Pkcs11 => "pkcs11",
        }
    }

    /// The samples that the README or the backend's page shows.
    pub(crate) fn sample(self) -> &'static str {
        match self {
            Self::Software => "docs/samples/quickstart.yaml",
            Self::Vault => "docs/samples/vault-transit.yaml",
            Self::AwsKms => "docs/samples/aws-kms.yaml",
            Self::Pkcs11 => "docs/samples/pkcs11.yaml",
        }
    }

    /// What keeps the key.
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::Software => "Kubernetes",
            Self::Vault => "OpenBao",
            Self::AwsKms => "the emulator of AWS KMS",
            Self::Pkcs11 => "SoftHSM2",
        }
    }
}
