//! Each way to log in.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet_keys::{Checked, ErrorClass, ServiceAccountToken};
use signet_testbed::pki::Ca;
use signet_testbed::proxy::{Fault, Requests};

use super::bed::{Bed, server};
use crate::contract::verifies_over_its_bytes_alone;
use crate::rig::Subject;
use crate::root::to_be_signed;
use signet_readers::OpenSsl;

own!("vaultTransit::login":
    an_app_role_logs_in,
    an_invalid_secret_id_is_refused_and_its_change_is_picked_up,
    a_jwt_in_a_secret_logs_in,
    a_jwt_of_a_service_account_logs_in,
    a_jwt_of_another_audience_is_refused,
    a_service_account_logs_in_by_the_kubernetes_method,
    a_client_certificate_logs_in,
    another_client_certificate_reconnects,
    reports_a_method_that_is_not_mounted,
    reports_missing_credentials,
);

async fn signs(subject: &Subject) {
    let connected = subject.connected().await;
    verifies_over_its_bytes_alone(subject, &*connected.signer).await;
}

fn app_role(bed: &Bed, secret_id: &str) -> (Subject, String) {
    let role = server().app_role(&bed.key, &bed.policy, "1h").unwrap();
    bed.memory.put("approle", &[("id", secret_id.as_bytes())]);
    let auth = json!({ "appRole": {
        "roleId": role.role_id,
        "secretIdRef": { "name": "approle", "key": "id" },
    }});
    let mut subject = bed.subject_by(&auth);
    subject.secrets.push(role.secret_id.clone());
    (subject, role.secret_id)
}

async fn an_app_role_logs_in() {
    let bed = Bed::new();
    let (subject, secret_id) = app_role(&bed, "");
    // As `kubectl create secret --from-file` leaves it.
    let with_newline = format!("{secret_id}\n");
    bed.memory
        .put("approle", &[("id", with_newline.as_bytes())]);
    signs(&subject).await;
}

async fn an_invalid_secret_id_is_refused_and_its_change_is_picked_up() {
    let bed = Bed::new();
    let (subject, secret_id) = app_role(&bed, "5c0ffee5-no-secret-id");
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    assert_eq!(error.code, "LoginRefused", "{error}");
    assert!(
        error.message.contains("invalid role or secret ID"),
        "{error}"
    );
    bed.memory.put("approle", &[("id", secret_id.as_bytes())]);
    signs(&subject).await;
}

/// Keys that sign tokens, and the tokens.
struct Issuer {
    openssl: OpenSsl,
    public_pem: String,
}

impl Issuer {
    fn new() -> Self {
        let openssl = OpenSsl::new();
        let key = openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048");
        openssl.write("key.pem", &key);
        let public_pem = openssl.run("pkey -in key.pem -pubout");
        Self {
            openssl,
            public_pem: String::from_utf8(public_pem).unwrap(),
        }
    }

    fn token(&self, subject: &str, audience: &str) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "alg": "RS256", "typ": "JWT" }));
        let body = part(json!({
            "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 24 * 3600,
        }));
        let signed = format!("{head}.{body}");
        self.openssl.write("signed", signed.as_bytes());
        let signature = self.openssl.run("dgst -sha256 -sign key.pem signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// One issuer for all, since the method has one configuration.
fn issuer() -> parking_lot::MutexGuard<'static, Issuer> {
    use std::sync::OnceLock;

    use parking_lot::Mutex;

    static ISSUER: OnceLock<Mutex<Issuer>> = OnceLock::new();
    let issuer = ISSUER.get_or_init(|| {
        let issuer = Issuer::new();
        server().configure_jwt(&[&issuer.public_pem], None).unwrap();
        Mutex::new(issuer)
    });
    issuer.lock()
}

const AUDIENCE: &str = "signet://team-a/ca";

fn jwt_role(bed: &Bed) {
    server()
        .jwt_role(&bed.key, &bed.key, AUDIENCE, &bed.policy)
        .unwrap();
}

async fn a_jwt_in_a_secret_logs_in() {
    let bed = Bed::new();
    let token = issuer().token(&bed.key, AUDIENCE);
    jwt_role(&bed);
    bed.memory.put("jwt", &[("token", token.as_bytes())]);
    let mut subject = bed.subject_by(&json!({ "jwt": {
        "role": bed.key,
        "tokenRef": { "name": "jwt", "key": "token" },
    }}));
    subject.secrets.push(token);
    signs(&subject).await;
}

async fn a_jwt_of_a_service_account_logs_in() {
    let bed = Bed::new();
    let token = issuer().token(&bed.key, AUDIENCE);
    jwt_role(&bed);
    gives_tokens(&bed, &token);
    let mut subject = bed.subject_by(&json!({ "jwt": {
        "role": bed.key,
        "serviceAccountRef": { "name": "signet-vault" },
    }}));
    subject.secrets.push(token);
    signs(&subject).await;
    assert_eq!(bed.memory.asked(), ["token/signet-vault"]);
}

async fn a_jwt_of_another_audience_is_refused() {
    let bed = Bed::new();
    let token = issuer().token(&bed.key, "signet://team-b/ca");
    jwt_role(&bed);
    gives_tokens(&bed, &token);
    let mut subject = bed.subject_by(&json!({ "jwt": {
        "role": bed.key,
        "serviceAccountRef": { "name": "signet-vault" },
    }}));
    subject.secrets.push(token);
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    assert_eq!(error.code, "LoginRefused", "{error}");
}

fn gives_tokens(bed: &Bed, token: &str) {
    let token = token.to_owned();
    bed.memory.set_tokens(move |_| {
        let token = ServiceAccountToken(token.clone().into());
        async move { Ok(token) }
    });
}

/// The method itself needs an API server. What Signet sends is seen by a proxy, which responds as
/// the method does.
async fn a_service_account_logs_in_by_the_kubernetes_method() {
    let (bed, proxy) = Bed::behind_a_proxy();
    gives_tokens(&bed, "eyJ-a-service-account-token");
    let login = Requests::Path("/v1/auth/clusters/one/login".to_owned());
    let response = json!({ "auth": {
        "client_token": bed.token, "lease_duration": 3600, "renewable": true,
    }});
    proxy.add(login.clone(), Fault::json(200, &response.to_string()));
    let mut subject = bed.subject_by(&json!({ "kubernetes": {
        "role": "signet",
        "mount": "clusters/one",
        "serviceAccountRef": { "name": "signet-vault" },
    }}));
    subject
        .secrets
        .push("eyJ-a-service-account-token".to_owned());
    signs(&subject).await;
    assert_eq!(bed.memory.asked(), ["token/signet-vault"]);
    assert_eq!(proxy.count(&login), 1);
}

fn by_certificate(bed: &Bed, ca: &Ca) -> Subject {
    server()
        .cert_role(&bed.key, ca.certificate_pem(), &bed.policy)
        .unwrap();
    let secret = put_pair(bed, ca, "tls");
    let mut subject = bed.subject_by(&json!({ "certificate": {
        "name": bed.key,
        "secretName": "tls",
    }}));
    subject.secrets.push(secret);
    subject
}

fn put_pair(bed: &Bed, ca: &Ca, name: &str) -> String {
    let pair = ca.client("signet", None).unwrap();
    let (certificate, key) = (pair.certificate_pem.as_bytes(), pair.key_pem.as_bytes());
    bed.memory
        .put(name, &[("tls.crt", certificate), ("tls.key", key)]);
    pair.key_pem
}

async fn a_client_certificate_logs_in() {
    let bed = Bed::new();
    let subject = by_certificate(&bed, &Ca::new("another CA").unwrap());
    signs(&subject).await;
}

async fn another_client_certificate_reconnects() {
    let bed = Bed::new();
    let ca = Ca::new("another CA").unwrap();
    let subject = by_certificate(&bed, &ca);
    let signer = subject.connected().await.signer;
    assert!(matches!(
        signer.check().await.unwrap(),
        Checked::Unchanged { .. }
    ));
    put_pair(&bed, &ca, "tls");
    assert_eq!(signer.check().await.unwrap(), Checked::Reconnect);
    signs(&subject).await;
    put_pair(&bed, &Ca::new("another CA").unwrap(), "tls");
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    bed.memory
        .put("tls", &[("tls.crt", b"x"), ("tls.key", b"y")]);
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    assert_eq!(error.code, "InvalidClientCertificate", "{error}");
}

async fn reports_a_method_that_is_not_mounted() {
    let bed = Bed::new();
    bed.memory.put("approle", &[("id", b"secret")]);
    let subject = bed.subject_by(&json!({ "appRole": {
        "roleId": "role",
        "mount": "elsewhere",
        "secretIdRef": { "name": "approle", "key": "id" },
    }}));
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
    assert!(error.message.contains("at auth/elsewhere"), "{error}");
}

async fn reports_missing_credentials() {
    let bed = Arc::new(Bed::new());
    let subject = bed.subject();
    for (entries, expected) in [
        (None, "NoSecret"),
        (Some(("other", "x")), "NoEntry"),
        (Some(("token", " \n")), "NoEntry"),
        (Some(("token", "two\nlines")), "InvalidToken"),
        (Some(("token", "s.not-a-token")), "TokenRefused"),
    ] {
        match entries {
            Some((key, value)) => {
                bed.memory.put("vault", &[(key, value.as_bytes())]);
            }
            None => bed.memory.remove("vault"),
        }
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::CredentialsRefused, "{error}");
        assert_eq!(error.code, expected, "{error}");
    }
    bed.memory.put("vault", &[("token", bed.token.as_bytes())]);
    let signer = subject.connected().await.signer;
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
}
