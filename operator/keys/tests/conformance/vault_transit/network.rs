//! The way to the server: what is called, by what it is known, and what comes back.

use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Access, Addresses, Checked, ErrorClass};
use signet_testbed::OpenBao;
use signet_testbed::pki::Ca;
use signet_testbed::proxy::{Fault, Proxy, Requests};

use super::bed::{Bed, MOUNT, server};
use crate::contract::verifies_over_its_bytes_alone;
use crate::rig::Subject;
use crate::root::to_be_signed;

own!("vaultTransit::network":
    reports_a_sealed_server_until_it_is_unsealed,
    a_redirect_is_not_followed,
    a_tenant_does_not_reach_loopback_by_whatever_name,
    an_address_is_https,
    the_given_ca_alone_counts,
    nothing_comes_from_the_environment,
    a_changed_ca_bundle_reconnects,
    an_endless_response_is_not_read_to_its_end,
    a_signature_of_another_key_is_never_given,
    what_stands_at_an_address_is_not_shown,
    a_hostile_login_is_an_invalid_response,
    a_connection_without_a_handshake_ends,
    reports_an_unavailable_server,
);

async fn reports_a_sealed_server_until_it_is_unsealed() {
    let own = Arc::new(OpenBao::start().unwrap());
    own.enable_transit(MOUNT).unwrap();
    let subject = Bed::with(own.clone(), KeyAlgorithm::EcP256).subject();
    let signer = subject.connected().await.signer;
    own.seal().unwrap();
    let signed = signer.sign(&to_be_signed(&*signer, "a")).await.map(|_| ());
    let checked = signer.check().await.map(|_| ());
    let connected = subject.connect().await.map(|_| ());
    for result in [signed, checked, connected] {
        let error = result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
        assert_eq!(error.code, "Sealed", "{error}");
    }
    own.unseal().unwrap();
    verifies_over_its_bytes_alone(&subject, &*signer).await;
}

async fn a_redirect_is_not_followed() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let elsewhere = Proxy::https(&server().address(), Some(server().ca_pem())).unwrap();
    let location = format!("{}/v1/transit/keys/{}", elsewhere.address(), bed.key);
    proxy.add(Requests::All, Fault::redirect(&location));
    let error = bed.subject().connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    assert_eq!(error.code, "Redirect", "{error}");
    assert!(
        !error.message.contains(&elsewhere.port().to_string()),
        "{error}"
    );
    assert_eq!(elsewhere.connections(), 0);
}

fn of_a_tenant(subject: Subject) -> Subject {
    let access = Access {
        tenant: Some("team-a".to_owned()),
        addresses: Addresses::Outside {
            api_server: Arc::default(),
        },
        ..subject.access.clone()
    };
    Subject { access, ..subject }
}

async fn a_tenant_does_not_reach_loopback_by_whatever_name() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let port = proxy.port();
    for address in [
        format!("https://127.0.0.1:{port}"),
        format!("https://127.1:{port}"),
        format!("https://2130706433:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        format!("https://localhost:{port}"),
        format!("https://LOCALHOST:{port}"),
    ] {
        let subject = of_a_tenant(bed.subject_with(&json!({ "address": address })));
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{address}: {error}");
        assert_eq!(error.code, "Forbidden", "{error}");
    }
    assert_eq!(proxy.connections(), 0);
    let named = bed.subject_with(&json!({ "address": bed.by_name() }));
    let connected = named.connected().await;
    verifies_over_its_bytes_alone(&named, &*connected.signer).await;
}

async fn an_address_is_https() {
    let bed = Bed::new();
    let clear = Proxy::http(&server().address(), Some(server().ca_pem())).unwrap();
    let subject = bed.subject_with(&json!({ "address": clear.address() }));
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
    assert_eq!(error.code, "NotAServer", "{error}");
    assert_eq!(clear.connections(), 0);
}

async fn the_given_ca_alone_counts() {
    let bed = Bed::new();
    let other = Ca::new("another CA").unwrap();
    let in_secret = json!({ "caBundle": { "secretRef": { "name": "bundle" } } });
    let put = |pem: &str| bed.memory.put("bundle", &[("ca.crt", pem.as_bytes())]);
    put(other.certificate_pem());
    let bundles = [
        json!({ "caBundle": { "inline": other.certificate_pem() } }),
        json!({ "caBundle": null }),
        in_secret.clone(),
    ];
    for bundle in bundles {
        let error = bed.subject_with(&bundle).connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
        assert_eq!(error.code, "Untrusted", "{error}");
    }
    let both = format!("{}{}", other.certificate_pem(), server().ca_pem());
    put(&both);
    for bundle in [json!({ "caBundle": { "inline": both } }), in_secret] {
        let subject = bed.subject_with(&bundle);
        let connected = subject.connected().await;
        verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
    }
}

/// The test before, run by itself in an environment that sets everything otherwise.
async fn nothing_comes_from_the_environment() {
    let trial = "vaultTransit::network::the_given_ca_alone_counts";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", trial])
        .env("VAULT_ADDR", "http://127.0.0.1:9")
        .env("VAULT_TOKEN", "s.from-the-environment")
        .env("VAULT_NAMESPACE", "from-the-environment")
        .env("VAULT_SKIP_VERIFY", "true")
        .env("VAULT_CACERT", "/nonexistent")
        .env("VAULT_CLIENT_CERT", "/nonexistent")
        .env("VAULT_CLIENT_KEY", "/nonexistent")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("1 passed"), "{shown}");
}

async fn a_changed_ca_bundle_reconnects() {
    let bed = Bed::new();
    bed.memory
        .put_config_map("roots", &[("ca.crt", server().ca_pem())]);
    let bundle = json!({ "caBundle": { "configMapRef": { "name": "roots" } } });
    let subject = bed.subject_with(&bundle);
    let signer = subject.connected().await.signer;
    assert!(matches!(
        signer.check().await.unwrap(),
        Checked::Unchanged { .. }
    ));
    let other = Ca::new("another CA").unwrap();
    let both = format!("{}{}", other.certificate_pem(), server().ca_pem());
    bed.memory.put_config_map("roots", &[("ca.crt", &both)]);
    assert_eq!(signer.check().await.unwrap(), Checked::Reconnect);
    subject.connected().await;
    bed.memory
        .put_config_map("roots", &[("ca.crt", other.certificate_pem())]);
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
}

async fn an_endless_response_is_not_read_to_its_end() {
    let (bed, proxy) = Bed::behind_a_proxy();
    proxy.add(Requests::All, Fault::oversized(8 << 20));
    let error = bed.subject().connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
    assert_eq!(error.code, "TooLarge", "{error}");
}

async fn a_signature_of_another_key_is_never_given() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let subject = bed.subject();
    let signer = subject.connected().await.signer;
    let sign = Requests::Path("/transit/sign/".to_owned());
    let other = "MEUCIQDhMSYDY0pz5O0MVNr62cWnsViMAF2tGDMIadPBSlyrUQIgZ/Nm8DHD4Yfe2YCBvG8wtrC3PGiWk9xL\
                 Y2nJLnEKjZY=";
    for signature in [
        format!("vault:v1:{other}"),
        format!("vault:v2:{other}"),
        format!("vault:v01:{other}"),
        other.to_owned(),
        "vault:v1:".to_owned(),
        "vault:v1:?".to_owned(),
    ] {
        let response = json!({ "data": { "signature": signature } });
        proxy.add(sign.clone(), Fault::json(200, &response.to_string()));
        let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
        assert_eq!(
            error.class,
            ErrorClass::InvalidResponse,
            "{signature}: {error}"
        );
        proxy.clear();
    }
    verifies_over_its_bytes_alone(&subject, &*signer).await;
}

async fn what_stands_at_an_address_is_not_shown() {
    let (bed, proxy) = Bed::behind_a_proxy();
    for (status, body) in [
        (200, r#"{"data":{"intranet":"salaries"}}"#),
        (200, "salaries"),
        (404, "<h1>salaries</h1>"),
        (400, r#"{"message":"salaries"}"#),
        (500, r#"["salaries"]"#),
    ] {
        proxy.add(Requests::All, Fault::json(status, body));
        let error = bed.subject().connect().await.unwrap_err();
        assert!(!error.message.contains("salaries"), "{error}");
        assert!(!error.message.contains("intranet"), "{error}");
        proxy.clear();
    }
    let echo = json!({ "errors": [format!("bad token {}", bed.token)] });
    proxy.add(Requests::All, Fault::json(400, &echo.to_string()));
    let error = bed.subject().connect().await.unwrap_err();
    assert!(error.message.contains("bad token …"), "{error}");
}

async fn a_connection_without_a_handshake_ends() {
    let (bed, proxy) = Bed::behind_a_proxy();
    proxy.silence_connections();
    let error = bed.subject().connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    assert_eq!(error.code, "Timeout", "{error}");
}

async fn reports_an_unavailable_server() {
    let (bed, proxy) = Bed::behind_a_proxy();
    let subject = bed.subject();
    let signer = subject.connected().await.signer;
    proxy.refuse().unwrap();
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    proxy.accept().unwrap();
    verifies_over_its_bytes_alone(&subject, &*signer).await;
    let unknown = json!({ "address": "https://vault.invalid:8200" });
    let error = bed.subject_with(&unknown).connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    assert_eq!(error.code, "Unresolved", "{error}");
    assert!(error.cause.is_some(), "for administrators");
}

async fn a_hostile_login_is_an_invalid_response() {
    let (bed, proxy) = Bed::behind_a_proxy();
    bed.memory.put("approle", &[("id", b"a-secret-id")]);
    let subject = bed.subject_by(&json!({ "appRole": {
        "roleId": "role",
        "secretIdRef": { "name": "approle", "key": "id" },
    }}));
    for token in [
        json!(""),
        json!("two\nlines"),
        json!("two words"),
        json!("ü"),
        json!(7),
    ] {
        let response = json!({ "auth": { "client_token": token, "lease_duration": 60 } });
        let login = Requests::Path("/auth/approle/login".to_owned());
        proxy.add(login, Fault::json(200, &response.to_string()));
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::InvalidResponse, "{token}: {error}");
        proxy.clear();
    }
    let endless = json!({ "auth": { "client_token": bed.token, "lease_duration": u64::MAX } });
    proxy.add(
        Requests::Path("/login".to_owned()),
        Fault::json(200, &endless.to_string()),
    );
    let connected = subject.connected().await;
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
}
