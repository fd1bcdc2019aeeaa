use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use signet_api::external::certificate_request::CertificateRequest;
use signet_core::reason::Reason;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::fixtures::csr;
use crate::requests::fixtures::{denial, issued, waiting};
use crate::requests::outcome::Trail;

type Object = Observed<CertificateRequest>;

/// A request of a user, with fields of its spec.
fn object(spec: &Value) -> Object {
    let mut object = json!({
        "metadata": { "name": "web-1", "namespace": "shop", "uid": "uid-1" },
        "spec": {
            "request": "",
            "issuerRef": { "group": "signet.dev", "kind": "Issuer", "name": "ca" },
            "username": "alice",
            "uid": "alice-1",
        },
        "status": { "conditions": [{ "type": "Approved", "status": "True" }] },
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged in each format, as JSON and as text.
fn logged(log: impl Fn()) -> [String; 2] {
    let (json, text) = (Buffer::default(), Buffer::default());
    let lines = tracing_subscriber::fmt();
    let as_json = lines
        .json()
        .flatten_event(true)
        .with_writer(json.clone())
        .finish();
    tracing::subscriber::with_default(as_json, &log);
    let lines = tracing_subscriber::fmt().with_ansi(false);
    let as_text = lines.with_writer(text.clone()).finish();
    tracing::subscriber::with_default(as_text, &log);
    [json, text].map(|buffer| String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap())
}

fn decided(object: &Object, outcome: &Outcome) -> [String; 2] {
    let subject = Subject {
        object,
        due: object.due().unwrap(),
        bare_key: None,
    };
    logged(|| decision(&subject, outcome))
}

/// The one line, as JSON.
fn line([json, _]: &[String; 2]) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn granted() -> Outcome {
    let Outcome::Issued(mut certificate) = issued() else {
        panic!("it is issued");
    };
    certificate.spiffe_id = Some("spiffe://example.org/ns/shop/sa/web".to_owned());
    certificate.trail = Box::new(Trail {
        rule: "shops".to_owned(),
        serial: "0a0b".to_owned(),
        certificate: "c0ffee".to_owned(),
        key: "beef".to_owned(),
        not_after: crate::fixtures::NOW,
        generation: "issuer-ca-1".to_owned(),
    });
    Outcome::Issued(certificate)
}

#[test]
fn a_grant_has_all_that_identifies_its_certificate() {
    let line = line(&decided(&object(&json!({})), &granted()));
    for (field, value) in [
        ("message", "CertificateRequest"),
        ("api", "CertificateRequest"),
        ("namespace", "shop"),
        ("name", "web-1"),
        ("uid", "uid-1"),
        ("issuer", "Issuer shop/ca"),
        ("outcome", "issued"),
        ("reason", "Issued"),
        ("requester", "alice"),
        ("requester_uid", "alice-1"),
        ("rule", "shops"),
        ("spiffe_id", "spiffe://example.org/ns/shop/sa/web"),
        ("serial", "0a0b"),
        ("certificate_sha256", "c0ffee"),
        ("key_sha256", "beef"),
        ("not_after", "2026-09-01T12:00:00Z"),
        ("ca_generation", "issuer-ca-1"),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    assert!(line.get("written").is_none(), "{line}");
    assert!(line.get("requested_uri").is_none(), "{line}");
}

#[test]
fn a_refusal_has_the_key_the_uri_and_the_closest_rule() {
    let uri = "spiffe://example.org/ns/pay/sa/web";
    let key = KeyPair::generate().unwrap();
    let request = json!({ "request": STANDARD.encode(csr::with_uri(&key, uri)) });
    let Outcome::Denied(mut refused) = denial(Reason::IdentityNotAllowed, "no") else {
        panic!("it is denied");
    };
    refused.rule = Some("shops".to_owned());
    let line = line(&decided(&object(&request), &Outcome::Denied(refused)));
    let hash = digest::digest(&digest::SHA256, &key.subject_public_key_info());
    assert_eq!(line["key_sha256"], hex::encode(hash), "{line}");
    assert_eq!(line["requested_uri"], uri, "{line}");
    assert_eq!(line["rule"], "shops", "{line}");
    assert_eq!(line["detail"], "no", "{line}");
    for absent in ["serial", "certificate_sha256", "not_after", "ca_generation"] {
        assert!(line.get(absent).is_none(), "{absent}: {line}");
    }
}

#[test]
fn a_request_that_waits_has_neither_rule_nor_key() {
    let outcome = waiting(Reason::IssuerNotReady, "soon");
    let line = line(&decided(&object(&json!({})), &outcome));
    assert_eq!(line["outcome"], "waiting", "{line}");
    for absent in ["rule", "key_sha256", "serial"] {
        assert!(line.get(absent).is_none(), "{absent}: {line}");
    }
}

/// The API server restricts neither usernames nor the name in `spec.issuerRef`.
#[test]
fn a_name_forges_no_line_and_no_field() {
    let forged = "eve\n{\"outcome\":\"issued\"}\r\u{1b}[2Kx\" serial=\"1\u{2028}\u{9b}";
    let spec = json!({
        "username": forged,
        "uid": forged,
        "issuerRef": { "group": "signet.dev", "kind": "Issuer", "name": forged },
    });
    let logged = decided(&object(&spec), &waiting(Reason::IssuerNotFound, forged));
    for text in &logged {
        assert_eq!(text.lines().count(), 1, "{text}");
        let body = text.trim_end_matches('\n');
        let controls: Vec<_> = body.chars().filter(|c| c.is_control()).collect();
        assert!(text.starts_with('{') || controls.is_empty(), "{text:?}");
    }
    let line = line(&logged);
    assert_eq!(line["requester"], forged);
    assert_eq!(line["requester_uid"], forged);
    assert_eq!(line["outcome"], "waiting");
    assert!(!logged[1].contains(" serial=\"1"), "{}", logged[1]);
}

#[test]
fn a_long_name_is_cut_off() {
    let long = "ü".repeat(100_000);
    let spec = json!({ "username": long, "uid": long });
    let logged = decided(&object(&spec), &waiting(Reason::IssuerNotFound, "none"));
    assert!(logged[0].len() < 6 * MAX_TEXT, "{}", logged[0].len());
    let requester = line(&logged)["requester"].as_str().unwrap().to_owned();
    assert_eq!(requester, format!("{}…", "ü".repeat(MAX_TEXT)));
}

#[test]
fn the_contents_of_a_csr_are_not_logged() {
    let pem = csr::pem("a common name", &["shop.example"]);
    let request = json!({ "request": STANDARD.encode(&pem) });
    let [json, text] = decided(&object(&request), &denial(Reason::NameNotAllowed, "no"));
    let body = String::from_utf8(pem).unwrap();
    for found in [
        "CERTIFICATE REQUEST",
        body.lines().nth(1).unwrap(),
        "a common name",
    ] {
        assert!(!json.contains(found) && !text.contains(found), "{json}");
    }
}

/// The connection broke off, or the deadline passed: the requester may have the certificate.
#[test]
fn a_certificate_whose_write_has_no_result_is_logged() {
    let object = object(&json!({}));
    let subject = Subject {
        object: &object,
        due: object.due().unwrap(),
        bare_key: None,
    };
    let (granted, refused) = (granted(), denial(Reason::NameNotAllowed, "no"));
    let line = line(&logged(|| drop(Unsettled::new(&subject, &granted))));
    assert_eq!(line["written"], "unknown", "{line}");
    assert_eq!(line["serial"], "0a0b", "{line}");
    let [json, _] = logged(|| Unsettled::new(&subject, &granted).settle());
    assert_eq!(json, "");
    let [json, _] = logged(|| drop(Unsettled::new(&subject, &refused)));
    assert_eq!(json, "");
}
