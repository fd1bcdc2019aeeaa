//! What an administrator of KMS does.

use anyhow::{Context, Result};
use serde_json::json;

use super::{ACCOUNT, Ministack, REGION};

impl Ministack {
    /// Makes a signing key and returns its id. The spec is AWS's: `ECC_NIST_P256`,
    /// `ECC_NIST_P384`, `ECC_NIST_P521`, `ECC_NIST_EDWARDS25519`, `RSA_2048`, `RSA_3072` or
    /// `RSA_4096`.
    pub fn make_key(&self, spec: &str) -> Result<String> {
        self.make_key_for(spec, "SIGN_VERIFY")
    }

    /// Makes a key with a usage, such as an RSA key with `ENCRYPT_DECRYPT`.
    pub fn make_key_for(&self, spec: &str, usage: &str) -> Result<String> {
        let key = self.kms("CreateKey", &json!({ "KeySpec": spec, "KeyUsage": usage }))?;
        let id = key["KeyMetadata"]["KeyId"].as_str();
        Ok(id.context("CreateKey returned no KeyId")?.to_owned())
    }

    /// The ARN of a key.
    pub fn key_arn(&self, id: &str) -> String {
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
    }

    /// The ARN of an alias, whose name begins with `alias/`.
    pub fn alias_arn(&self, alias: &str) -> String {
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:{alias}")
    }

    /// Makes an alias, whose name begins with `alias/`.
    pub fn make_alias(&self, alias: &str, key: &str) -> Result<()> {
        let input = json!({ "AliasName": alias, "TargetKeyId": key });
        self.kms("CreateAlias", &input).map(drop)
    }

    /// Makes an alias name another key.
    pub fn point_alias(&self, alias: &str, key: &str) -> Result<()> {
        let input = json!({ "AliasName": alias, "TargetKeyId": key });
        self.kms("UpdateAlias", &input).map(drop)
    }

    /// Deletes an alias.
    pub fn delete_alias(&self, alias: &str) -> Result<()> {
        self.kms("DeleteAlias", &json!({ "AliasName": alias }))
            .map(drop)
    }

    /// Disables a key.
    pub fn disable_key(&self, key: &str) -> Result<()> {
        self.kms("DisableKey", &json!({ "KeyId": key })).map(drop)
    }

    /// Enables a disabled key.
    pub fn enable_key(&self, key: &str) -> Result<()> {
        self.kms("EnableKey", &json!({ "KeyId": key })).map(drop)
    }

    /// Schedules the deletion of a key, which then waits for it and signs no more. KMS has no
    /// deletion at once.
    pub fn delete_key(&self, key: &str) -> Result<()> {
        let input = json!({ "KeyId": key, "PendingWindowInDays": 7 });
        self.kms("ScheduleKeyDeletion", &input).map(drop)
    }

    /// Takes a scheduled deletion back; the key is disabled then.
    pub fn cancel_deletion(&self, key: &str) -> Result<()> {
        self.kms("CancelKeyDeletion", &json!({ "KeyId": key }))
            .map(drop)
    }

    /// The public key of a key: a SubjectPublicKeyInfo in base64.
    pub fn public_key(&self, key: &str) -> Result<String> {
        let response = self.kms("GetPublicKey", &json!({ "KeyId": key }))?;
        let public = response["PublicKey"].as_str();
        Ok(public
            .context("GetPublicKey returned no PublicKey")?
            .to_owned())
    }
}
