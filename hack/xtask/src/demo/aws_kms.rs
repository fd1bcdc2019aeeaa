//! A key in an emulator of AWS KMS.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use signet_testbed::keyservers::ministack::REGION;

use super::commands;
use super::sample::{Sample, text};
use super::servers::Server;
use crate::session::Session;

/// What can be tried with AWS's tool.
pub(super) const NEXT: &str = "aws kms list-keys";
/// The user as whom Signet calls KMS.
const USER: &str = "signet";

/// Makes a key, a user that may do nothing but use it, and a Secret with that user's access key.
pub(super) fn prepare(session: &Session, server: &Server, sample: &mut Sample) -> Result<()> {
    let issuer = sample.issuer()?;
    let key = sample.key()?;
    println!("(aws is here AWS's library botocore, on which the AWS CLI stands)");
    let create = [
        "kms",
        "create-key",
        "--key-spec",
        "ECC_NIST_P256",
        "--key-usage",
        "SIGN_VERIFY",
    ];
    let made: Value = serde_json::from_str(&server.run("aws", &create)?)?;
    let arn = text(&made["KeyMetadata"]["Arn"])?;
    let id = text(&made["KeyMetadata"]["KeyId"])?;
    let named = text(&key["keyId"])?;
    let alias = named.find("alias/").map(|at| &named[at..]);
    let mut resources = vec![arn.to_owned()];
    let key_id = match alias {
        Some(alias) => {
            let names = ["--alias-name", alias, "--target-key-id", id];
            server.run("aws", &[&["kms", "create-alias"], &names[..]].concat())?;
            println!(
                "(AWS asks whether the key behind an alias is allowed; the emulator wants both)"
            );
            resources.push(arn.replace(&format!("key/{id}"), alias));
            alias
        }
        None => arn,
    };
    let key_id = key_id.to_owned();
    let secret = access_key(server, &resources)?;
    let name = "aws-kms";
    let [id, secret] = &secret;
    let entries = [
        ("access-key-id", id.as_str()),
        ("secret-access-key", secret),
    ];
    commands::secret(session, (issuer.secrets(), name), &entries)?;
    key["keyId"] = key_id.into();
    for (field, value) in [
        ("region", json!(REGION)),
        ("endpoint", json!(server.facts.address)),
        ("credentials", json!({ "secretRef": { "name": name } })),
    ] {
        key.insert(field.to_owned(), value);
    }
    server.trust(session, issuer.secrets(), key)
}

/// The least that Signet needs.
fn access_key(server: &Server, resources: &[String]) -> Result<[String; 2]> {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            "Resource": resources,
        }],
    });
    server.run("aws", &["iam", "create-user", "--user-name", USER])?;
    let put = [
        "iam",
        "put-user-policy",
        "--user-name",
        USER,
        "--policy-name",
        "sign",
    ];
    server.run(
        "aws",
        &[&put[..], &["--policy-document", &policy.to_string()]].concat(),
    )?;
    let create = ["iam", "create-access-key", "--user-name", USER];
    let made: Value = serde_json::from_str(&server.run_unseen("aws", &create, "")?)?;
    let part = |name: &str| Ok(text(&made["AccessKey"][name])?.to_owned());
    let key: Result<_> = part("AccessKeyId").and_then(|id| Ok([id, part("SecretAccessKey")?]));
    key.context("create-access-key says no key")
}
