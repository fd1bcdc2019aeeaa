//! The key that a reference names, and whether it can sign.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{
    KeyMetadata, KeySpec, KeyState, KeyUsageType, MessageType, SigningAlgorithmSpec,
};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;

use super::client::KmsClient;
use super::error::AwsKmsError;
use super::response::Failure;
use crate::error::ErrorClass;
use crate::message_digest::message_digest;

/// The key specs that KMS signs with and that X.509 readers know.
pub(super) const KEY_SPECS: &str = "ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_NIST_EDWARDS25519, \
                         RSA_2048, RSA_3072 or RSA_4096";

/// Longer than any that AWS makes.
const MAX_ARN: usize = 256;
const MAX_WORD: usize = 40;

/// The key that a reference names.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) arn: String,
    /// What the Ready message adds about the reference.
    pub(super) notices: Vec<String>,
    metadata: KeyMetadata,
}

fn is_alias(key_id: &str) -> bool {
    key_id.starts_with("alias/") || key_id.contains(":alias/")
}

/// Whether it has the form of a key's ARN. The server may be anyone's, and this is written down
/// and shown.
fn is_arn(text: &&str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '-');
    let key = text.starts_with("arn:aws") && text.contains(":kms:") && text.contains(":key/");
    key && text.len() <= MAX_ARN && text.chars().all(plain)
}

/// A word of the API, which may be newer than this client, or anyone's.
fn word(text: Option<&str>) -> String {
    let of_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let text = text.unwrap_or("unknown").chars();
    text.filter(of_word).take(MAX_WORD).collect()
}

/// The notice about an alias that KMS does not describe, where only the alias is the problem. A
/// policy may name one key, and the alias another by now.
fn alias_notice(failure: Failure) -> Result<&'static str, Failure> {
    let may_pass = failure.clock_of.is_some() || failure.needs_login;
    match failure.error.class {
        ErrorClass::KeyNotFound => Ok("names no key any longer"),
        ErrorClass::CredentialsRefused if !may_pass => Ok("names a key that may not be described"),
        _ => Err(failure),
    }
}

impl Resolved {
    /// Asks KMS for the key. An alias is followed only while there is no pin: the CA certificate
    /// is over one key.
    pub(super) async fn find(
        client: &KmsClient,
        key_id: &str,
        pin: Option<&str>,
    ) -> Result<Self, Failure> {
        let Some(pin) = pin.filter(|_| is_alias(key_id)) else {
            return Self::describe(client, key_id).await;
        };
        let notice = match Self::describe(client, key_id).await {
            Ok(named) if named.arn == pin => return Ok(named),
            Ok(named) => format!("names {} now", named.arn),
            Err(failure) => alias_notice(failure)?.to_owned(),
        };
        let mut key = Self::describe(client, pin).await?;
        let notice = format!("{key_id} in AWS KMS {notice}; this CA keeps signing with {pin}");
        key.notices.push(notice);
        Ok(key)
    }

    async fn describe(client: &KmsClient, key_id: &str) -> Result<Self, Failure> {
        let response = client.sdk.describe_key().key_id(key_id).send().await;
        let response = response.map_err(|error| client.service.failure(&error))?;
        let other_key = || AwsKmsError::OtherKey {
            service: client.service.name.clone(),
            operation: "DescribeKey",
        };
        let metadata = response.key_metadata.ok_or_else(other_key)?;
        let arn = metadata.arn().filter(is_arn).ok_or_else(other_key)?;
        let arn = arn.to_owned();
        // A reference by ARN or ID is not to another key.
        if !is_alias(key_id) && arn != key_id && !arn.ends_with(&format!(":key/{key_id}")) {
            return Err(other_key().into());
        }
        let notices = Vec::new();
        Ok(Self {
            arn,
            notices,
            metadata,
        })
    }

    /// Whether the key can sign now, and is for signing.
    pub(super) fn check(&self) -> Result<(), AwsKmsError> {
        let arn = self.arn.clone();
        let state = self.metadata.key_state();
        if state != Some(&KeyState::Enabled) {
            let advice = match state {
                Some(KeyState::Disabled) => "enable it",
                Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                    "cancel its deletion and enable it, or name another key"
                }
                Some(KeyState::PendingImport) => "import its key material",
                Some(KeyState::Unavailable) => "connect its key store",
                _ => "wait until it is Enabled",
            };
            let state = word(state.map(KeyState::as_str));
            return Err(AwsKmsError::KeyState { arn, state, advice });
        }
        let usage = self.metadata.key_usage();
        if usage != Some(&KeyUsageType::SignVerify) {
            let usage = word(usage.map(KeyUsageType::as_str));
            return Err(AwsKmsError::KeyUsage { arn, usage });
        }
        if self.spec().is_none() {
            let spec = word(self.metadata.key_spec().map(KeySpec::as_str));
            let specs = KEY_SPECS;
            return Err(AwsKmsError::KeySpec { arn, spec, specs });
        }
        Ok(())
    }

    fn spec(&self) -> Option<KeyAlgorithm> {
        match self.metadata.key_spec()? {
            KeySpec::EccNistP256 => Some(KeyAlgorithm::EcP256),
            KeySpec::EccNistP384 => Some(KeyAlgorithm::EcP384),
            KeySpec::EccNistP521 => Some(KeyAlgorithm::EcP521),
            KeySpec::EccNistEdwards25519 => Some(KeyAlgorithm::Ed25519),
            KeySpec::Rsa2048 => Some(KeyAlgorithm::Rsa { bits: 2048 }),
            KeySpec::Rsa3072 => Some(KeyAlgorithm::Rsa { bits: 3072 }),
            KeySpec::Rsa4096 => Some(KeyAlgorithm::Rsa { bits: 4096 }),
            _ => None,
        }
    }

    pub(super) fn check_algorithm(&self, algorithm: SignatureAlgorithm) -> Result<(), AwsKmsError> {
        let name = in_kms(algorithm);
        if self.metadata.signing_algorithms().contains(&name) {
            return Ok(());
        }
        Err(AwsKmsError::Algorithm {
            arn: self.arn.clone(),
            algorithm: name.to_string(),
        })
    }

    /// The key's public half, which is of the type that its description says.
    pub(super) async fn public_key(&self, client: &KmsClient) -> Result<PublicKey, Failure> {
        let public_key = public_key(client, &self.arn).await?;
        if Some(public_key.algorithm()) == self.spec() {
            return Ok(public_key);
        }
        let service = client.service.name.clone();
        Err(AwsKmsError::OtherKeyType { service }.into())
    }
}

pub(super) async fn public_key(client: &KmsClient, arn: &str) -> Result<PublicKey, Failure> {
    let response = client.sdk.get_public_key().key_id(arn).send().await;
    let response = response.map_err(|error| client.service.failure(&error))?;
    let service = client.service.name.clone();
    if response.key_id() != Some(arn) {
        let operation = "GetPublicKey";
        return Err(AwsKmsError::OtherKey { service, operation }.into());
    }
    let spki = response.public_key().map(AsRef::as_ref).unwrap_or_default();
    PublicKey::from_spki_der(spki).map_err(|error| {
        let why = error.to_string();
        AwsKmsError::InvalidPublicKey { service, why }.into()
    })
}

/// KMS's name of an algorithm. ED25519_SHA_512 is pure Ed25519; ED25519_PH_SHA_512 would be
/// another algorithm, which X.509 does not have.
pub(super) fn in_kms(algorithm: SignatureAlgorithm) -> SigningAlgorithmSpec {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => SigningAlgorithmSpec::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384 => SigningAlgorithmSpec::EcdsaSha384,
        SignatureAlgorithm::EcdsaSha512 => SigningAlgorithmSpec::EcdsaSha512,
        SignatureAlgorithm::RsaPkcs1Sha256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384 => SigningAlgorithmSpec::RsassaPkcs1V15Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512 => SigningAlgorithmSpec::RsassaPkcs1V15Sha512,
        SignatureAlgorithm::Ed25519 => SigningAlgorithmSpec::Ed25519Sha512,
    }
}

/// What is sent to be signed: the digest, since a certificate may be larger than what KMS takes.
/// Pure Ed25519 has no form with a digest (RFC 8032 section 5.1).
pub(super) fn message(algorithm: SignatureAlgorithm, tbs: &[u8]) -> (MessageType, Blob) {
    match message_digest(algorithm, tbs) {
        Some(digest) => (MessageType::Digest, Blob::new(digest.as_ref())),
        None => (MessageType::Raw, Blob::new(tbs)),
    }
}
