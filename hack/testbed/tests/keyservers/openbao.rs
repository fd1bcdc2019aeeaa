//! OpenBao starts, signs, restarts and ends.

use serde_json::json;
use signet_testbed::OpenBao;
use signet_testbed::pki::Ca;

#[test]
fn it_signs_by_its_own_tool_and_a_restart_keeps_its_keys() {
    let bao = OpenBao::start().unwrap();
    bao.enable_transit("transit").unwrap();
    for key_type in [
        "ecdsa-p256",
        "ecdsa-p384",
        "ecdsa-p521",
        "rsa-2048",
        "rsa-3072",
        "rsa-4096",
        "ed25519",
    ] {
        bao.make_key("transit", key_type, key_type).unwrap();
        let before = bao.public_key("transit", key_type, 1).unwrap();
        assert!(!before.is_empty());
    }
    let policy = bao.signing_policy("transit", "ecdsa-p256").unwrap();
    let token = bao.token(&policy, &["-ttl=1h"]).unwrap();
    let before = bao.public_key("transit", "ecdsa-p256", 1).unwrap();

    bao.restart().unwrap();

    assert_eq!(before, bao.public_key("transit", "ecdsa-p256", 1).unwrap());
    let body = json!({ "input": "aGVsbG8=" }).to_string();
    let sign = |key: &str| bao.api("POST", &format!("/v1/transit/sign/{key}"), &token, &body);
    let (status, answer) = sign("ecdsa-p256").unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("vault:v1:"), "{answer}");
    assert_eq!(sign("ed25519").unwrap().0, 403);

    bao.seal().unwrap();
    assert_eq!(sign("ecdsa-p256").unwrap().0, 503);
    bao.unseal().unwrap();
    bao.revoke(&token).unwrap();
    assert_eq!(sign("ecdsa-p256").unwrap().0, 403);
}

#[test]
fn every_auth_method_can_be_set_up() {
    let bao = OpenBao::start().unwrap();
    bao.enable_transit("transit").unwrap();
    bao.make_key("transit", "ca", "ecdsa-p256").unwrap();
    let policy = bao.signing_policy("transit", "ca").unwrap();

    bao.enable_auth("approle").unwrap();
    let role = bao.app_role("signet", &policy, "1h").unwrap();
    let login = json!({ "role_id": role.role_id, "secret_id": role.secret_id }).to_string();
    let path = "/v1/auth/approle/login";
    assert_eq!(bao.api("POST", path, "", &login).unwrap().0, 200);
    bao.destroy_secret_id("signet", &role.secret_id).unwrap();
    assert_eq!(bao.api("POST", path, "", &login).unwrap().0, 400);

    let ca = Ca::new("clients").unwrap();
    let client = ca.client("signet", None).unwrap();
    bao.enable_auth("cert").unwrap();
    bao.cert_role("signet", ca.certificate_pem(), &policy)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("crt"), folder.path().join("key"));
    std::fs::write(&certificate, client.certificate_pem).unwrap();
    std::fs::write(&key, client.key_pem).unwrap();
    let mut login = bao.command("");
    login.args(["login", "-method=cert", "-token-only", "-no-store"]);
    login.arg(format!("-client-cert={}", certificate.display()));
    login.arg(format!("-client-key={}", key.display()));
    let login = login.output().unwrap();
    assert!(login.status.success(), "{login:?}");

    bao.enable_auth("jwt").unwrap();
    let public = bao.public_key("transit", "ca", 1).unwrap();
    bao.configure_jwt(&[&public], Some("https://issuer.test"))
        .unwrap();
    bao.jwt_role("signet", "subject", "audience", &policy)
        .unwrap();

    bao.enable_kubernetes("https://127.0.0.1:1", ca.certificate_pem(), "a.b.c")
        .unwrap();
    bao.kubernetes_role("signet", "ns", "sa", "signet://ns/issuer", &policy)
        .unwrap();
}
