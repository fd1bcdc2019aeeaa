//! Where requests go, and which responses are believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet_keys::{Checked, ErrorClass, KeyError, RsaHash};
use signet_testbed::pki::Ca;
use signet_testbed::proxy::{Fault as Wrong, Proxy, Requests};

use super::{Aws, key_config, tenant};
use crate::rig::Subject;
use crate::root::to_be_signed;

own!["awsKms":
    a_tenant_reaches_no_address_of_this_host,
    no_redirect_is_followed,
    an_endpoint_that_is_not_https_gets_nothing,
    only_the_ca_bundle_decides_which_server_is_trusted,
    a_signature_of_another_key_is_not_accepted,
    rejects_a_response_about_another_key,
    an_endless_response_is_not_read,
    rejects_a_truncated_response,
    every_error_of_aws_has_its_class,
];

/// What comes of a signature when the proxy responds so.
async fn signing(aws: &Aws, subject: &Subject, wrong: Wrong) -> KeyError {
    aws.proxy.clear();
    let signer = subject.connected().await.signer;
    aws.proxy.add(Requests::Action("Sign".to_owned()), wrong);
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    aws.proxy.clear();
    error
}

async fn a_tenant_reaches_no_address_of_this_host() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, subject) = aws.p256();
    let port = aws.proxy.port();
    for (field, endpoint, host) in [
        ("endpoint", aws.proxy.address(), "127.0.0.1"),
        ("endpoint", format!("https://localhost:{port}"), "localhost"),
        (
            "endpoint",
            format!("https://[::ffff:127.0.0.1]:{port}"),
            "::ffff:127.0.0.1",
        ),
        (
            "stsEndpoint",
            format!("https://localhost:{port}"),
            "localhost",
        ),
    ] {
        let mut config = aws.config(&key);
        config["endpoint"] = json!("https://kms.invalid");
        config["stsEndpoint"] = json!("https://sts.invalid");
        if field == "stsEndpoint" {
            config["roleArn"] = json!("arn:aws:iam::000000000000:role/signet");
        }
        config[field] = json!(endpoint);
        let subject = Subject {
            access: tenant(subject.access.clone()),
            ..subject.with(key_config(config))
        };
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
        assert_eq!(error.code, "Forbidden", "{field} {endpoint}: {error}");
        assert!(error.message.contains(host), "{error}");
    }
    assert_eq!(aws.proxy.connections(), 0);
}

async fn no_redirect_is_followed() {
    let [aws, other] = [(); 2].map(|()| Aws::shared().behind_another_proxy());
    let (_, subject) = aws.p256();
    aws.proxy
        .add(Requests::All, Wrong::redirect(&other.proxy.address()));
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InvalidResponse);
    assert_eq!(error.code, "Redirect", "{error}");
    assert!(!error.message.contains(&other.proxy.address()), "{error}");
    assert_eq!(other.proxy.connections(), 0);
}

/// The CRD refuses it too.
async fn an_endpoint_that_is_not_https_gets_nothing() {
    let aws = Aws::shared();
    let (key, subject) = aws.p256();
    let proxy = Proxy::http(&aws.server.endpoint(), None).unwrap();
    let mut config = aws.config(&key);
    config["endpoint"] = json!(proxy.address());
    let error = subject.with(key_config(config)).connect().await;
    let error = error.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable);
    assert_eq!(error.code, "NotAServer", "{error}");
    assert_eq!(proxy.connections(), 0);
}

async fn only_the_ca_bundle_decides_which_server_is_trusted() {
    let aws = Aws::shared();
    let (key, subject) = aws.p256();
    let mut config = aws.config(&key);
    let other = Ca::new("another CA").unwrap();
    config["caBundle"] = json!({ "inline": other.certificate_pem() });
    let error = subject.with(key_config(config)).connect().await;
    let error = error.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    assert_eq!(error.code, "Untrusted", "{error}");
    let cause = error.cause.unwrap();
    assert!(cause.contains("UnknownIssuer"), "{cause}");

    // Without one, the system's roots count, and the proxy's is not one of them.
    let mut config = aws.config(&key);
    config.as_object_mut().unwrap().remove("caBundle");
    let error = subject.with(key_config(config)).connect().await;
    assert_eq!(error.unwrap_err().class, ErrorClass::Unreachable);

    let mut config = aws.config(&key);
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    config["caBundle"] = json!({ "inline": no_certificate });
    let error = subject.with(key_config(config)).connect().await;
    let error = error.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
    assert_eq!(error.code, "InvalidBundle", "{error}");

    // A bundle that is changed is taken up.
    let memory = aws.namespace();
    memory.put_config_map("ca", &[("ca.crt", aws.proxy.ca_pem())]);
    let mut config = aws.config(&key);
    config["caBundle"] = json!({ "configMapRef": { "name": "ca" } });
    let subject = Subject {
        access: crate::memory::access(memory.clone()),
        ..subject.with(key_config(config))
    };
    let signer = subject.connected().await.signer;
    assert_eq!(
        signer.check().await.unwrap(),
        Checked::Unchanged { notices: vec![] }
    );
    memory.put_config_map("ca", &[("ca.crt", other.certificate_pem())]);
    assert_eq!(signer.check().await.unwrap(), Checked::Reconnect);
}

async fn a_signature_of_another_key_is_not_accepted() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, subject) = aws.p256();
    let message = json!({
        "KeyId": aws.server.make_key("ECC_NIST_P256").unwrap(),
        "Message": STANDARD.encode([7; 32]),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    });
    let signed = aws.server.kms("Sign", &message).unwrap();
    let response = json!({
        "KeyId": aws.server.key_arn(&key),
        "Signature": signed["Signature"],
        "SigningAlgorithm": "ECDSA_SHA_256",
    });
    let wrong = Wrong::json(200, &response.to_string());
    let error = signing(&aws, &subject, wrong).await;
    assert_eq!(error.class, ErrorClass::InvalidResponse);
    assert_eq!(error.code, "InvalidSignature", "{error}");

    // The same where the key itself is another one by now, which KMS never does.
    let (other, _) = aws.p256();
    let public = json!({
        "KeyId": aws.server.key_arn(&key),
        "PublicKey": aws.server.public_key(&other).unwrap(),
    });
    let signer = subject.connected().await.signer;
    for (action, response) in [("Sign", response), ("GetPublicKey", public)] {
        let wrong = Wrong::json(200, &response.to_string());
        aws.proxy.add(Requests::Action(action.to_owned()), wrong);
    }
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable);
    assert_eq!(error.code, "KeyChanged", "{error}");
}

async fn rejects_a_response_about_another_key() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, subject) = aws.p256();
    let other = "00000000-0000-4000-8000-000000000000";
    let lie = |action: &str, from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        aws.proxy.clear();
        let wrong = Wrong::Replace { from, to };
        aws.proxy.add(Requests::Action(action.to_owned()), wrong);
    };
    for action in ["DescribeKey", "GetPublicKey"] {
        lie(action, &key, other);
        let error = subject.connect().await.unwrap_err();
        assert_eq!(
            error.class,
            ErrorClass::InvalidResponse,
            "{action}: {error}"
        );
    }
    lie("GetPublicKey", "\"PublicKey\"", "\"Nothing\"");
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    lie("DescribeKey", "ECC_NIST_P256", "ECC_NIST_P384");
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    aws.proxy.clear();
    let signer = subject.connected().await.signer;
    let tbs = to_be_signed(&*signer, "a");
    for (from, to) in [(key.as_str(), other), ("ECDSA_SHA_256", "ECDSA_SHA_384")] {
        lie("Sign", from, to);
        let error = signer.sign(&tbs).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    }
    lie("DescribeKey", "ECDSA_SHA_256", "ECDSA_SHA_384");
    let hashed = subject.with_rsa_hash(RsaHash::Sha512);
    let error = hashed.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
    assert_eq!(error.code, "Algorithm", "{error}");
}

async fn an_endless_response_is_not_read() {
    let aws = Aws::shared().behind_another_proxy();
    let (_, subject) = aws.p256();
    let error = signing(&aws, &subject, Wrong::oversized(8 << 20)).await;
    assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    assert_eq!(error.code, "TooLarge", "{error}");
}

async fn rejects_a_truncated_response() {
    let aws = Aws::shared().behind_another_proxy();
    let (_, subject) = aws.p256();
    for wrong in [Wrong::Truncated, Wrong::Lost] {
        let error = signing(&aws, &subject, wrong).await;
        assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    }
}

/// As AWS responds in its JSON protocol; the emulator has few of them.
async fn every_error_of_aws_has_its_class() {
    let aws = Aws::shared().behind_another_proxy();
    let (_, subject) = aws.p256();
    for (status, code, class) in [
        (400, "ThrottlingException", ErrorClass::Throttled(None)),
        (400, "RequestLimitExceeded", ErrorClass::Throttled(None)),
        (400, "LimitExceededException", ErrorClass::Throttled(None)),
        (429, "Unknown", ErrorClass::Throttled(None)),
        (500, "KMSInternalException", ErrorClass::Unreachable),
        (503, "DependencyTimeoutException", ErrorClass::Unreachable),
        (500, "KeyUnavailableException", ErrorClass::Unreachable),
        (503, "Unknown", ErrorClass::Unreachable),
        (400, "AccessDeniedException", ErrorClass::CredentialsRefused),
        (400, "ExpiredTokenException", ErrorClass::CredentialsRefused),
        (400, "NotFoundException", ErrorClass::KeyNotFound),
        (400, "DisabledException", ErrorClass::KeyUnusable),
        (400, "KMSInvalidStateException", ErrorClass::KeyUnusable),
        (400, "InvalidKeyUsageException", ErrorClass::KeyUnusable),
        (400, "Unknown", ErrorClass::InvalidResponse),
    ] {
        let error = signing(&aws, &subject, Wrong::aws_error(status, code, "why.\n")).await;
        assert_eq!(error.class, class, "{code}: {error}");
        assert!(error.message.contains(&format!("{code}: why")), "{error}");
    }
    for (status, class) in [
        (429, ErrorClass::Throttled(None)),
        (502, ErrorClass::Unreachable),
        (404, ErrorClass::InvalidResponse),
    ] {
        let error = signing(&aws, &subject, Wrong::json(status, "<html>s3cr3t</html>")).await;
        assert_eq!(error.class, class, "{error}");
        assert!(!error.message.contains("s3cr3t"), "{error}");
    }
    let mut traced = Wrong::aws_error(400, "AccessDeniedException", "why");
    if let Wrong::Response { headers, .. } = &mut traced {
        headers.push(("x-amzn-requestid".into(), "5c0ffee5-1".into()));
    }
    let error = signing(&aws, &subject, traced).await;
    assert_eq!(
        error.request_id.as_deref(),
        Some("5c0ffee5-1"),
        "for the log"
    );
    assert!(!error.message.contains("5c0ffee5"), "{error}");
    let error = signing(&aws, &subject, Wrong::too_many_requests(7)).await;
    let delay = std::time::Duration::from_secs(7);
    assert_eq!(error.class, ErrorClass::Throttled(Some(delay)), "{error}");
}
