//! What an administrator of IAM does.

use anyhow::{Context, Result};
use reqwest::Url;
use serde_json::Value;

use super::{ACCOUNT, Ministack, authorization};

/// The credentials of an IAM user.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct AccessKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

/// Credentials that end.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it holds secrets")]
pub struct Session {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token.
    pub token: String,
}

impl Ministack {
    /// Makes a user with an inline policy and a first access key. The policy holds only if the
    /// emulator was started with IAM.
    pub fn make_user(&self, name: &str, policy: &Value) -> Result<AccessKey> {
        self.iam("CreateUser", &[("UserName", name)])?;
        self.put_user_policy(name, policy)?;
        self.make_access_key(name)
    }

    /// Replaces a user's policy.
    pub fn put_user_policy(&self, user: &str, policy: &Value) -> Result<()> {
        let policy = policy.to_string();
        let parameters = [
            ("UserName", user),
            ("PolicyName", "inline"),
            ("PolicyDocument", &policy),
        ];
        self.iam("PutUserPolicy", &parameters)?;
        Ok(())
    }

    /// Makes another access key of a user.
    pub fn make_access_key(&self, user: &str) -> Result<AccessKey> {
        let response = self.iam("CreateAccessKey", &[("UserName", user)])?;
        Ok(AccessKey {
            id: element(&response, "AccessKeyId")?,
            secret: element(&response, "SecretAccessKey")?,
        })
    }

    /// Deletes an access key of a user.
    pub fn delete_access_key(&self, user: &str, id: &str) -> Result<()> {
        self.iam(
            "DeleteAccessKey",
            &[("UserName", user), ("AccessKeyId", id)],
        )?;
        Ok(())
    }

    /// Makes a role with a trust policy and an inline policy, and returns its ARN.
    pub fn make_role(&self, name: &str, trust: &Value, policy: &Value) -> Result<String> {
        let (trust, policy) = (trust.to_string(), policy.to_string());
        let role = [("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
        self.iam("CreateRole", &role)?;
        let inline = [
            ("RoleName", name),
            ("PolicyName", "inline"),
            ("PolicyDocument", &policy),
        ];
        self.iam("PutRolePolicy", &inline)?;
        Ok(format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
    }

    /// Assumes a role as the account's root, by STS.
    pub fn assume_role(&self, role: &str) -> Result<Session> {
        let parameters = [("RoleArn", role), ("RoleSessionName", "session")];
        let response = self.query("sts", "2011-06-15", "AssumeRole", &parameters)?;
        Ok(Session {
            id: element(&response, "AccessKeyId")?,
            secret: element(&response, "SecretAccessKey")?,
            token: element(&response, "SessionToken")?,
        })
    }

    /// One call of IAM; the response is XML.
    pub fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.query("iam", "2010-05-08", action, parameters)
    }

    /// One call in AWS's query protocol.
    fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let action_and_version = [("Action", action), ("Version", version)];
        let parameters = action_and_version.iter().chain(parameters);
        let url = Url::parse_with_params("http://localhost", parameters)?;
        let body = url.query().unwrap_or_default().to_owned();
        let authorization = authorization(service);
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", &authorization),
        ];
        self.post(&headers, body, action)
    }
}

/// The text of the first element of a name.
fn element(xml: &str, name: &str) -> Result<String> {
    let text = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once('<'));
    Ok(text
        .with_context(|| format!("no {name} in {xml}"))?
        .0
        .to_owned())
}
