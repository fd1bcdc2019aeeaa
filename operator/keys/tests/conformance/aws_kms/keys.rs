//! How a key is named, what becomes of an alias, and which keys are refused.

use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Checked, ErrorClass, KeyPin};

use super::{Aws, LEAST, key_config, policy};
use crate::root::to_be_signed;

own!["awsKms":
    a_key_is_the_same_by_id_arn_alias_and_alias_arn,
    an_alias_to_another_key_is_reported_and_not_followed,
    an_alias_may_lead_to_a_key_that_the_policy_does_not_name,
    a_key_that_is_not_there_is_not_found,
    a_disabled_or_pending_deletion_key_has_advice,
    a_key_that_is_not_for_signing_certificates_is_unusable,
    only_three_operations_are_called,
];

async fn a_key_is_the_same_by_id_arn_alias_and_alias_arn() {
    let aws = Aws::shared();
    let (key, _) = aws.p256();
    let alias = format!("alias/team/{key}");
    aws.server.make_alias(&alias, &key).unwrap();
    let arn = aws.server.key_arn(&key);
    let references = [
        key.clone(),
        arn.clone(),
        alias.clone(),
        aws.server.alias_arn(&alias),
    ];
    for reference in references {
        let subject = aws.subject(&key, &reference, KeyAlgorithm::EcP256);
        let connected = subject.connected().await;
        assert_eq!(connected.pin.as_ref(), Some(&arn), "{reference}");
        assert!(connected.notices.is_empty(), "{:?}", connected.notices);
        let public_key = connected.signer.public_key();
        assert_eq!(public_key.spki_der(), subject.spki_der, "{reference}");
        let tbs = to_be_signed(&*connected.signer, "a");
        connected.signer.sign(&tbs).await.unwrap();
    }
    let [by_id, by_arn] = [&key, &arn].map(|reference| key_config(aws.config(reference)));
    assert!(by_id.same_key(&by_arn));
    assert_eq!(
        by_arn.backend().reference(),
        format!("awsKms/us-east-1/{key}")
    );
}

async fn an_alias_to_another_key_is_reported_and_not_followed() {
    let aws = Aws::shared();
    let [(ours, _), (other, _)] = [aws.p256(), aws.p256()];
    let alias = format!("alias/{ours}");
    aws.server.make_alias(&alias, &ours).unwrap();
    let subject = aws.subject(&ours, &alias, KeyAlgorithm::EcP256);
    let first = subject.connected().await;
    let known = KeyPin {
        pin: first.pin,
        ..KeyPin::default()
    };
    let [arn, other_arn] = [&ours, &other].map(|key| aws.server.key_arn(key));

    aws.server.point_alias(&alias, &other).unwrap();
    let notice =
        format!("{alias} in AWS KMS names {other_arn} now; this CA keeps signing with {arn}");
    let same = |notice: String| Checked::Unchanged {
        notices: vec![notice],
    };
    assert_eq!(first.signer.check().await.unwrap(), same(notice.clone()));
    let again = subject.connect_knowing(&known).await.unwrap();
    assert_eq!(again.notices, [notice]);
    assert_eq!(again.pin, Some(arn.clone()));
    assert_eq!(again.signer.public_key().spki_der(), subject.spki_der);
    let tbs = to_be_signed(&*again.signer, "a");
    again.signer.sign(&tbs).await.unwrap();
    first.signer.sign(&tbs).await.unwrap();

    aws.server.delete_alias(&alias).unwrap();
    let notice =
        format!("{alias} in AWS KMS names no key any longer; this CA keeps signing with {arn}");
    assert_eq!(first.signer.check().await.unwrap(), same(notice));
    // Without a pin there is nothing to keep.
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyNotFound, "{error}");
}

/// AWS judges a call by the key behind the alias; the emulator does not see that it is this key, so
/// that the policy comes after the first connection.
async fn an_alias_may_lead_to_a_key_that_the_policy_does_not_name() {
    let aws = Aws::shared();
    let [(ours, _), (other, _)] = [aws.p256(), aws.p256()];
    let arn = aws.server.key_arn(&ours);
    let name = format!("of-{ours}");
    let aws = Aws {
        user: aws.server.make_user(&name, &policy(&LEAST)).unwrap(),
        ..aws
    };
    let alias = format!("alias/{ours}");
    aws.server.make_alias(&alias, &ours).unwrap();
    let subject = aws.subject(&ours, &alias, KeyAlgorithm::EcP256);
    let signer = subject.connected().await.signer;

    aws.server.point_alias(&alias, &other).unwrap();
    let mut of_one_key = policy(&LEAST);
    of_one_key["Statement"][0]["Resource"] = json!(arn);
    aws.server.put_user_policy(&name, &of_one_key).unwrap();
    let notice = format!(
        "{alias} in AWS KMS names a key that may not be described; this CA keeps signing with {arn}"
    );
    let notices = vec![notice];
    assert_eq!(
        signer.check().await.unwrap(),
        Checked::Unchanged { notices }
    );
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
}

async fn a_key_that_is_not_there_is_not_found() {
    let aws = Aws::shared();
    let (_, subject) = aws.p256();
    let absent = "00000000-0000-4000-8000-000000000000".to_owned();
    for reference in [
        absent.clone(),
        aws.server.key_arn(&absent),
        "alias/absent".to_owned(),
    ] {
        let config = key_config(aws.config(&reference));
        let error = subject.with(config).connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyNotFound, "{error}");
        assert_eq!(error.code, "KeyNotFound", "{error}");
    }
}

async fn a_disabled_or_pending_deletion_key_has_advice() {
    let aws = Aws::shared();
    let (key, subject) = aws.p256();
    let arn = aws.server.key_arn(&key);
    let signer = subject.connected().await.signer;
    aws.server.disable_key(&key).unwrap();
    for error in [
        subject.connect().await.unwrap_err(),
        signer.check().await.unwrap_err(),
    ] {
        assert_eq!(error.class, ErrorClass::KeyUnusable);
        let message = format!("the key {arn} is Disabled; enable it");
        assert_eq!(error.message, message);
    }
    aws.server.delete_key(&key).unwrap();
    for error in [
        subject.connect().await.unwrap_err(),
        signer.check().await.unwrap_err(),
    ] {
        assert_eq!(error.class, ErrorClass::KeyUnusable);
        let message = format!(
            "the key {arn} is PendingDeletion; cancel its deletion and enable it, or name another \
             key"
        );
        assert_eq!(error.message, message);
    }
}

async fn a_key_that_is_not_for_signing_certificates_is_unusable() {
    let aws = Aws::shared();
    let (_, subject) = aws.p256();
    let made = [
        ("RSA_2048", "ENCRYPT_DECRYPT", "KeyUsage"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "KeyUsage"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "KeySpec"),
    ];
    for (spec, usage, code) in made {
        let key = aws.server.make_key_for(spec, usage).unwrap();
        let config = key_config(aws.config(&key));
        let error = subject.with(config).connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
        assert_eq!(error.code, code, "{error}");
    }
}

async fn only_three_operations_are_called() {
    let aws = Aws::shared().behind_another_proxy();
    let (_, subject) = aws.p256();
    let signer = subject.connected().await.signer;
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    signer.check().await.unwrap();
    let seen = aws.proxy.requests();
    let actions: Vec<_> = seen.iter().filter_map(|it| it.action.as_deref()).collect();
    let expected = ["DescribeKey", "GetPublicKey", "Sign", "DescribeKey"];
    assert_eq!(actions, expected);
    assert_eq!(seen.len(), actions.len());
}
