//! The key that a reference names, and whether it can sign.

use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};
use signet_core::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use signet_core::x509::public_key::PublicKey;

use super::algorithm::{KEY_SPECS, in_kms};
use super::error::Failure;
use super::session::Session;
use crate::error::{ErrorClass, KeyError};

/// The key that a reference names.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The key's ARN.
    pub(super) arn: String,
    /// What is to be said of the reference.
    pub(super) notices: Vec<String>,
    metadata: KeyMetadata,
}

/// Longer than any that AWS makes.
const MAX_ARN: usize = 256;
const MAX_WORD: usize = 40;

/// Whether the reference is an alias, by its name or by its ARN.
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

/// What is to be said of an alias that KMS does not describe, where that is the alias's fault. A
/// policy may well name one key, and an alias lead to another by now.
fn not_told(failure: Failure) -> Result<&'static str, Failure> {
    match failure.error.class {
        ErrorClass::KeyNotFound => Ok("names no key any longer"),
        ErrorClass::CredentialsRefused if failure.remedy.is_none() => {
            Ok("names a key that may not be described")
        }
        _ => Err(failure),
    }
}

impl Resolved {
    /// Asks KMS for the key. An alias is followed only while there is no pin: the CA certificate
    /// is over one key.
    pub(super) async fn find(
        session: &Session,
        key_id: &str,
        pin: Option<&str>,
    ) -> Result<Self, Failure> {
        let Some(pin) = pin.filter(|_| is_alias(key_id)) else {
            return Self::described(session, key_id).await;
        };
        let notice = match Self::described(session, key_id).await {
            Ok(named) if named.arn == pin => return Ok(named),
            Ok(named) => format!("names {} now", named.arn),
            Err(failure) => not_told(failure)?.to_owned(),
        };
        let mut key = Self::described(session, pin).await?;
        let notice = format!("{key_id} in AWS KMS {notice}; this CA keeps signing with {pin}");
        key.notices.push(notice);
        Ok(key)
    }

    async fn described(session: &Session, key_id: &str) -> Result<Self, Failure> {
        let answer = session.client.describe_key().key_id(key_id).send().await;
        let answer = answer.map_err(|error| session.service.failure(&error))?;
        let metadata = answer.key_metadata;
        let arn = metadata.as_ref().and_then(|key| key.arn()).filter(is_arn);
        let (Some(arn), Some(metadata)) = (arn.map(str::to_owned), metadata.clone()) else {
            let why = "describes the key without its ARN";
            return Err(session.service.wrong(why).into());
        };
        // What was asked for by its ARN or id is not another one.
        if !is_alias(key_id) && arn != key_id && !arn.ends_with(&format!(":key/{key_id}")) {
            let why = "describes another key than the one that was asked for";
            return Err(session.service.wrong(why).into());
        }
        let notices = Vec::new();
        Ok(Self {
            arn,
            notices,
            metadata,
        })
    }

    /// Whether the key can sign now, and is for signing.
    pub(super) fn usable(&self) -> Result<(), KeyError> {
        let arn = &self.arn;
        let unusable = |why: String| Err(KeyError::new(ErrorClass::KeyUnusable, why));
        let state = self.metadata.key_state();
        if state != Some(&KeyState::Enabled) {
            let state = word(state.map(KeyState::as_str));
            let todo = match self.metadata.key_state() {
                Some(KeyState::Disabled) => "enable it",
                Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                    "cancel its deletion and enable it, or name another key"
                }
                Some(KeyState::PendingImport) => "import its key material",
                Some(KeyState::Unavailable) => "connect its key store",
                _ => "wait until it is Enabled",
            };
            return unusable(format!("the key {arn} is {state}; {todo}"));
        }
        match self.metadata.key_usage() {
            Some(KeyUsageType::SignVerify) => {}
            other => {
                let usage = word(other.map(KeyUsageType::as_str));
                return unusable(format!(
                    "the key {arn} is for {usage}, which cannot be changed; make one for \
                     SIGN_VERIFY"
                ));
            }
        }
        match self.spec() {
            Some(_) => Ok(()),
            None => {
                let spec = word(self.metadata.key_spec().map(KeySpec::as_str));
                unusable(format!(
                    "the key {arn} is of the spec {spec}, which certificates are not signed with; \
                     make one of {KEY_SPECS}"
                ))
            }
        }
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

    /// Whether KMS signs with this key in this way.
    pub(super) fn signs(&self, algorithm: SignatureAlgorithm) -> Result<(), KeyError> {
        let name = in_kms(algorithm);
        if self.metadata.signing_algorithms().contains(&name) {
            return Ok(());
        }
        let sentence = format!(
            "the key {} does not sign with {name}; use another",
            self.arn
        );
        Err(KeyError::new(ErrorClass::KeyUnusable, sentence))
    }

    /// The key's public half, which is of the type that its description says.
    pub(super) async fn public_key(&self, session: &Session) -> Result<PublicKey, Failure> {
        let public_key = public_key(session, &self.arn).await?;
        if Some(public_key.algorithm()) == self.spec() {
            return Ok(public_key);
        }
        let why = "gives a public key of another type than it describes";
        Err(session.service.wrong(why).into())
    }
}

/// The public half of a key.
pub(super) async fn public_key(session: &Session, arn: &str) -> Result<PublicKey, Failure> {
    let answer = session.client.get_public_key().key_id(arn).send().await;
    let answer = answer.map_err(|error| session.service.failure(&error))?;
    if answer.key_id() != Some(arn) {
        let why = "gives the public key of another key than the one that was asked for";
        return Err(session.service.wrong(why).into());
    }
    let spki = answer.public_key().map(AsRef::as_ref).unwrap_or_default();
    PublicKey::from_spki_der(spki).map_err(|error| {
        let why = format!("gives a public key that cannot be read: {error}");
        session.service.wrong(why).into()
    })
}
