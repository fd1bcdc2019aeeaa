//! With which credentials AWS is called.

use std::env;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Access, Checked, ErrorClass, KeyConfig, KeyError, ServiceAccountToken};
use signet_testbed::keyservers::ministack::{ACCOUNT, AccessKey};
use signet_testbed::proxy::Requests;

use super::{Aws, LEAST, key_config, policy, put_access_key, trust};
use crate::memory::{Memory, access};
use crate::rig::Subject;
use crate::root::to_be_signed;

own!["awsKms":
    a_role_is_assumed_with_its_external_id,
    a_service_account_assumes_a_role_by_its_token,
    a_rotated_secret_is_taken_at_once,
    the_error_names_what_a_secret_lacks,
    a_wrong_access_key_is_refused_in_a_sentence,
    ambient_credentials_follow_the_flags,
    with_a_secret_nothing_of_the_environment_is_used,
    sts_is_called_in_the_region_of_the_operators_environment,
];

fn count(aws: &Aws, action: &str) -> usize {
    aws.proxy.count(&Requests::Action(action.to_owned()))
}

async fn a_role_is_assumed_with_its_external_id() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, _) = aws.p256();
    // A user who may assume the role, and nothing else.
    let name = format!("assumer-{key}");
    let aws = aws.called_by(&name, &["sts:AssumeRole"]);
    let trust = trust(
        "sts:AssumeRole",
        &json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:user/{name}") }),
        &json!({ "StringEquals": { "sts:ExternalId": "cluster-7", "sts:RoleSessionName": "ca" } }),
    );
    let role = format!("signer-{}", &key[..8]);
    let role = aws
        .server
        .make_role(&role, &trust, &policy(&LEAST))
        .unwrap();
    let subject = aws.subject(&key, &key, KeyAlgorithm::EcP256);
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");

    let with = |external_id: &str, session_name: &str| {
        let mut config = aws.config(&key);
        config["roleArn"] = json!(role);
        config["externalId"] = json!(external_id);
        config["sessionName"] = json!(session_name);
        subject.with(key_config(config))
    };
    let signer = with("cluster-7", "ca").connected().await.signer;
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    signer.check().await.unwrap();
    assert_eq!(count(&aws, "AssumeRole"), 1, "a session is used again");
    for (external_id, session_name) in [("cluster-8", "ca"), ("cluster-7", "signet")] {
        let error = with(external_id, session_name).connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
        assert_eq!(error.code, "Denied", "{error}");
        assert!(error.message.starts_with("AWS STS in us-east-1"), "{error}");
        assert!(error.message.contains(&role), "{error}");
    }
}

/// The emulator reads the claims of a token and not its signature.
fn token(subject: &str, audience: &str) -> ServiceAccountToken {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "RS256" }));
    let claims = json!({ "iss": "https://oidc.example.org", "aud": audience, "sub": subject });
    ServiceAccountToken(format!("{header}.{}.c2lnbmF0dXJl", part(claims)).into())
}

async fn a_service_account_assumes_a_role_by_its_token() {
    const SUBJECT: &str = "system:serviceaccount:team:signer";
    let aws = Aws::shared().behind_another_proxy();
    let (key, subject) = aws.p256();
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.org");
    let trust = trust(
        "sts:AssumeRoleWithWebIdentity",
        &json!({ "Federated": provider }),
        &json!({ "StringEquals": {
            "oidc.example.org:sub": SUBJECT,
            "oidc.example.org:aud": "signet://team/ca",
        } }),
    );
    let role = format!("web-{}", &key[..8]);
    let role = aws
        .server
        .make_role(&role, &trust, &policy(&LEAST))
        .unwrap();
    let mut config = aws.config(&key);
    config["credentials"] = json!({
        "webIdentity": { "roleArn": role, "serviceAccountRef": { "name": "signer" } },
    });
    let memory = Arc::<Memory>::default();
    let subject = Subject {
        access: access(memory.clone()),
        config: key_config(config),
        secrets: vec![token(SUBJECT, "signet://team/ca").0.to_string()],
        ..subject
    };
    memory.set_tokens(|_| async { Ok(token(SUBJECT, "signet://team/ca")) });
    let signer = subject.connected().await.signer;
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    assert_eq!(memory.asked(), ["token/signer"]);
    assert_eq!(count(&aws, "AssumeRoleWithWebIdentity"), 1);

    memory.set_tokens(|_| async { Ok(token(SUBJECT, "signet://another/ca")) });
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");

    // The API server's error about the token is passed on as it is.
    let refusal = KeyError::new(ErrorClass::CredentialsRefused, "no such ServiceAccount");
    let expected = refusal.clone();
    memory.set_tokens(move |_| {
        let refusal = refusal.clone();
        async move { Err(refusal) }
    });
    assert_eq!(subject.connect().await.unwrap_err(), expected);
}

async fn a_rotated_secret_is_taken_at_once() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, _) = aws.p256();
    let name = format!("rotated-{key}");
    let aws = aws.called_by(&name, &LEAST);
    let memory = aws.namespace();
    let subject = Subject {
        access: access(memory.clone()),
        ..aws.subject(&key, &key, KeyAlgorithm::EcP256)
    };
    let signer = subject.connected().await.signer;
    let tbs = to_be_signed(&*signer, "a");
    signer.sign(&tbs).await.unwrap();

    // The old one is gone, and there is no new one yet.
    let new = aws.server.make_access_key(&name).unwrap();
    aws.server.delete_access_key(&name, &aws.user.id).unwrap();
    let before = count(&aws, "Sign");
    let error = signer.sign(&tbs).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    assert_eq!(
        count(&aws, "Sign"),
        before + 1,
        "the same is not tried again"
    );

    put_access_key(&memory, &new);
    signer.sign(&tbs).await.unwrap();
    assert_eq!(
        signer.check().await.unwrap(),
        Checked::Unchanged { notices: vec![] }
    );

    // A change that nothing was refused for is seen by the next look.
    put_access_key(&memory, &new);
    assert_eq!(signer.check().await.unwrap(), Checked::Reconnect);
    memory.remove("aws");
    assert_eq!(signer.check().await.unwrap(), Checked::Reconnect);
}

async fn the_error_names_what_a_secret_lacks() {
    let aws = Aws::shared();
    let (key, subject) = aws.p256();
    let refusal = async |entries: &[(&str, &[u8])], config: Value| {
        let memory = Arc::<Memory>::default();
        memory.put("aws", entries);
        let subject = Subject {
            access: access(memory),
            ..subject.with(key_config(config))
        };
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused);
        (error.code, error.message)
    };
    let id: (&str, &[u8]) = ("access-key-id", b"id");
    let secret: (&str, &[u8]) = ("secret-access-key", b"a secret access key");
    let mut with_token = aws.config(&key);
    with_token["credentials"]["secretRef"]["sessionTokenKey"] = json!("token");
    for (entries, config, lacks) in [
        (vec![secret], aws.config(&key), "access-key-id"),
        (vec![id], aws.config(&key), "secret-access-key"),
        (
            vec![id, ("secret-access-key", b" \n")],
            aws.config(&key),
            "secret-access-key",
        ),
        (vec![id, secret], with_token, "token"),
    ] {
        let (code, message) = refusal(&entries, config).await;
        assert_eq!(code, "NoEntry");
        assert!(message.contains(&format!("under {lacks}")), "{message}");
    }
    let subject = Subject {
        access: access(Arc::default()),
        ..subject
    };
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused);
    assert_eq!(error.code, "NoSecret");
}

async fn a_wrong_access_key_is_refused_in_a_sentence() {
    let aws = Aws::shared();
    let (_, subject) = aws.p256();
    for (id, secret) in [
        (aws.user.id.as_str(), "a wrong secret access key"),
        ("AKIAIOSFODNN7EXAMPLE", aws.user.secret.as_str()),
    ] {
        let memory = Memory::default();
        let [id, secret] = [id, secret].map(str::to_owned);
        put_access_key(&memory, &AccessKey { id, secret });
        let subject = Subject {
            access: access(Arc::new(memory)),
            ..subject.clone()
        };
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused);
        let code = ["WrongSecretKey", "UnknownCredentials", "Denied"];
        assert!(code.contains(&error.code), "{error}");
        assert!(!error.message.contains("kms:Sign"), "{error}");
        let place = "the access key in the Secret aws";
        assert!(error.message.contains(place), "{error}");
    }
}

async fn ambient_credentials_follow_the_flags() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, subject) = aws.p256();
    let mut config = aws.config(&key);
    config.as_object_mut().unwrap().remove("credentials");
    let subject = subject.with(key_config(config));
    let refusal = async |access: Access| {
        let subject = Subject {
            access,
            ..subject.clone()
        };
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused);
        error.message
    };
    let message = refusal(subject.access.clone()).await;
    assert!(
        message.contains("--cluster-issuer-ambient-credentials"),
        "{message}"
    );
    let of_tenant = Access {
        tenant: Some("team".to_owned()),
        ..subject.access.clone()
    };
    let message = refusal(of_tenant.clone()).await;
    assert!(
        message.contains("--issuer-ambient-credentials"),
        "{message}"
    );
    // Also with the flag, the operator's session token goes to no endpoint of a tenant's choice.
    let allowed = Access {
        ambient_credentials: true,
        ..of_tenant
    };
    let message = refusal(allowed.clone()).await;
    assert!(message.contains("remove endpoint"), "{message}");
    // Nor to whom a CA of its choice vouches for.
    let mut config = aws.config(&key);
    for field in ["credentials", "endpoint", "stsEndpoint"] {
        config.as_object_mut().unwrap().remove(field);
    }
    let subject = Subject {
        access: allowed,
        ..subject.with(key_config(config))
    };
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused);
    assert_eq!(error.code, "AmbientElsewhere", "{error}");
    assert!(error.message.contains("caBundle"), "{error}");
    assert_eq!(aws.proxy.requests().len(), 0);
}

/// What the child of the last test receives.
const CHILD: &str = "SIGNET_TEST_AWS_KMS_CHILD";

/// The environment belongs to the whole process, so the test has a child of its own for each.
async fn with_a_secret_nothing_of_the_environment_is_used() {
    if let Ok(input) = env::var(CHILD) {
        return child(&serde_json::from_str(&input).unwrap()).await;
    }
    let aws = Aws::shared().behind_another_proxy();
    let (key, _) = aws.p256();
    let mut without = aws.config(&key);
    without.as_object_mut().unwrap().remove("credentials");
    let elsewhere = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "the operator's own key"),
        ("AWS_SESSION_TOKEN", "the operator's own token"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1"),
        ("AWS_PROFILE", "absent"),
        ("AWS_CONFIG_FILE", "/nonexistent"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ];
    let of_the_user = [
        ("AWS_ACCESS_KEY_ID", aws.user.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", aws.user.secret.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    for (config, environment) in [
        (aws.config(&key), &elsewhere[..]),
        (without, &of_the_user[..]),
    ] {
        let input = json!({ "config": config, "id": aws.user.id, "secret": aws.user.secret });
        let before = count(&aws, "Sign");
        sign_in_child(&input, environment);
        assert_eq!(count(&aws, "Sign"), before + 1);
    }
}

/// Runs the test above with an environment of its own, in which it connects and signs.
fn sign_in_child(input: &Value, environment: &[(&str, &str)]) {
    let mut child = Command::new(env::current_exe().unwrap());
    let name = "awsKms::with_a_secret_nothing_of_the_environment_is_used";
    child.args(["--exact", name]).env(CHILD, input.to_string());
    let output = child.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The pod's network may have an endpoint of STS in its own region and no way to another's. The key
/// is called where it is, and with other credentials than the operator's STS is too.
async fn sts_is_called_in_the_region_of_the_operators_environment() {
    let aws = Aws::shared().behind_another_proxy();
    let (key, _) = aws.p256();
    let name = format!("pod-{key}");
    let aws = aws.called_by(&name, &["sts:AssumeRole"]);
    let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:user/{name}") });
    let trust = trust("sts:AssumeRole", &principal, &json!({}));
    let role = format!("region-{}", &key[..8]);
    let role = aws
        .server
        .make_role(&role, &trust, &policy(&LEAST))
        .unwrap();
    let mut with_secret = aws.config(&key);
    with_secret["roleArn"] = json!(role);
    let mut ambient = with_secret.clone();
    ambient.as_object_mut().unwrap().remove("credentials");
    let environment = [
        ("AWS_ACCESS_KEY_ID", aws.user.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", aws.user.secret.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_REGION", "eu-north-1"),
    ];
    for (config, region) in [(ambient, "eu-north-1"), (with_secret, "us-east-1")] {
        let before = aws.proxy.requests().len();
        let input = json!({ "config": config, "id": aws.user.id, "secret": aws.user.secret });
        sign_in_child(&input, &environment);
        let requests = aws.proxy.requests();
        let find = |action: &str| {
            let found = requests[before..]
                .iter()
                .find(|it| it.action.as_deref() == Some(action));
            found.and_then(|it| it.aws_region()).map(str::to_owned)
        };
        assert_eq!(find("AssumeRole").as_deref(), Some(region));
        assert_eq!(find("Sign").as_deref(), Some("us-east-1"));
    }
}

async fn child(input: &Value) {
    let memory = Memory::default();
    let [id, secret] = ["id", "secret"].map(|key| input[key].as_str().unwrap().to_owned());
    put_access_key(&memory, &AccessKey { id, secret });
    let access = Access {
        ambient_credentials: true,
        ..access(Arc::new(memory))
    };
    let config: KeyConfig = key_config(input["config"].clone());
    let connected = config.connect(&access, &Default::default()).await;
    let signer = connected.unwrap().signer;
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
}
