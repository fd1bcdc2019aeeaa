//! The emulator of AWS starts, signs, restarts and ends.

use serde_json::{Value, json};
use signet_testbed::Ministack;
use signet_testbed::keyservers::ministack::{AccessKey, REGION};

fn sign(server: &Ministack, key: &str, algorithm: &str) -> anyhow::Result<Value> {
    let input = json!({
        "KeyId": key,
        "Message": "aGVsbG8=",
        "MessageType": "RAW",
        "SigningAlgorithm": algorithm,
    });
    server.kms("Sign", &input)
}

#[test]
fn every_spec_signs_and_a_restart_keeps_keys_and_aliases() {
    let server = Ministack::start().unwrap();
    let keys = [
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
        ("ECC_NIST_P384", "ECDSA_SHA_384"),
        ("ECC_NIST_P521", "ECDSA_SHA_512"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("RSA_3072", "RSASSA_PKCS1_V1_5_SHA_384"),
        ("RSA_4096", "RSASSA_PKCS1_V1_5_SHA_512"),
    ]
    .map(|(spec, algorithm)| (server.make_key(spec).unwrap(), algorithm));
    server.make_alias("alias/ca", &keys[0].0).unwrap();
    let public = |key: &str| server.public_key(key).unwrap();
    let before: Vec<_> = keys.iter().map(|(key, _)| public(key)).collect();

    server.restart().unwrap();

    for ((key, algorithm), before) in keys.iter().zip(&before) {
        assert_eq!(*before, public(key));
        sign(&server, key, algorithm).unwrap();
    }
    assert_eq!(before[0], public("alias/ca"));
    assert_eq!(before[0], public(&server.alias_arn("alias/ca")));
    assert_eq!(before[0], public(&server.key_arn(&keys[0].0)));
    server.point_alias("alias/ca", &keys[1].0).unwrap();
    assert_eq!(before[1], public("alias/ca"));
    server.delete_alias("alias/ca").unwrap();
    assert!(server.public_key("alias/ca").is_err());
}

#[test]
fn a_key_is_disabled_enabled_and_deleted() {
    let server = Ministack::start().unwrap();
    let key = server.make_key("ECC_NIST_P256").unwrap();
    let refusal = || {
        sign(&server, &key, "ECDSA_SHA_256")
            .unwrap_err()
            .to_string()
    };
    server.disable_key(&key).unwrap();
    assert!(refusal().contains("DisabledException"));
    server.enable_key(&key).unwrap();
    sign(&server, &key, "ECDSA_SHA_256").unwrap();
    server.delete_key(&key).unwrap();
    assert!(refusal().contains("KMSInvalidStateException"));
    server.cancel_deletion(&key).unwrap();
    assert!(refusal().contains("DisabledException"));
}

/// Calls KMS with AWS's own library, which signs as AWS wants it.
fn botocore(server: &Ministack, caller: &AccessKey, call: &str) -> String {
    let script = format!(
        "import botocore.session, botocore.exceptions, sys\n\
         s = botocore.session.get_session()\n\
         c = lambda n: s.create_client(n, region_name='{REGION}', endpoint_url=sys.argv[1],\n\
         \x20   aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])\n\
         try:\n\
         \x20   {call}\n\
         \x20   print('ok')\n\
         except botocore.exceptions.ClientError as e:\n\
         \x20   print(e.response['Error']['Code'])\n"
    );
    let mut command = server.command();
    command.args([
        "-c",
        &script,
        &server.endpoint(),
        &caller.id,
        &caller.secret,
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn iam_checks_signatures_and_permissions() {
    let server = Ministack::start_with_iam().unwrap();
    let key = server.make_key("ECC_NIST_P256").unwrap();
    let allowing = |actions: &[&str]| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        })
    };
    let user = server
        .make_user("signet", &allowing(&["kms:DescribeKey"]))
        .unwrap();
    let describe = format!("c('kms').describe_key(KeyId='{key}')");
    let sign = format!(
        "c('kms').sign(KeyId='{key}', Message=b'x', MessageType='RAW', \
         SigningAlgorithm='ECDSA_SHA_256')"
    );
    assert_eq!(botocore(&server, &user, &describe), "ok");
    assert_eq!(botocore(&server, &user, &sign), "AccessDeniedException");
    server
        .put_user_policy("signet", &allowing(&["kms:DescribeKey", "kms:Sign"]))
        .unwrap();
    assert_eq!(botocore(&server, &user, &sign), "ok");

    let stranger = AccessKey {
        id: user.id.clone(),
        secret: "wrong".to_owned(),
    };
    assert_eq!(
        botocore(&server, &stranger, &sign),
        "InvalidSignatureException"
    );
    server.delete_access_key("signet", &user.id).unwrap();
    assert_eq!(
        botocore(&server, &user, &sign),
        "UnrecognizedClientException"
    );
}
