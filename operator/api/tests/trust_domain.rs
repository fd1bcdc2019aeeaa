//! The schema and the parser accept the same trust domains, and their SPIFFE IDs can be read.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use regex::Regex;
use serde_json::Value;
use signet_core::spiffe::{MAX_TRUST_DOMAIN_LENGTH, SpiffeId, TrustDomain};
use signet_core::x509::names::SubjectAltNames;

/// The trust domain's part of the schema, one for each kind of issuer.
fn schemas() -> Vec<Value> {
    let crds = signet_api::crds::all().into_iter();
    let schemas: Vec<_> = crds
        .filter(|crd| crd.spec.names.kind.ends_with("Issuer"))
        .map(|crd| serde_json::to_value(&crd.spec.versions[0].schema).unwrap())
        .map(|schema| {
            let path = "/openAPIV3Schema/properties/spec/properties/spiffe/properties/trustDomain";
            schema.pointer(path).unwrap().clone()
        })
        .collect();
    assert_eq!(schemas.len(), 2);
    schemas
}

/// The pattern of the one CEL rule. CEL's patterns are RE2's, as those of this library are.
fn pattern(schema: &Value) -> Regex {
    let validations = schema["x-kubernetes-validations"].as_array().unwrap();
    assert_eq!(validations.len(), 1);
    let expression = validations[0]["rule"].as_str().unwrap();
    let pattern = expression
        .strip_prefix("self.matches('")
        .and_then(|rest| rest.strip_suffix("')"));
    Regex::new(pattern.unwrap()).unwrap()
}

/// Every name of up to five characters from the alphabet and what borders on it, and names of the
/// greatest length.
fn names() -> Vec<String> {
    let mut names = vec![String::new()];
    let mut last = names.clone();
    for _ in 0..5 {
        let longer = |name: &String| {
            let name = name.clone();
            ['a', '7', '.', '-', '_', 'A', '/'].map(|c| format!("{name}{c}"))
        };
        last = last.iter().flat_map(longer).collect();
        names.extend(last.iter().cloned());
    }
    for length in [63, 64, 253, 254, MAX_TRUST_DOMAIN_LENGTH, 256] {
        names.push("a".repeat(length));
        names.push(format!("{}b", "a.".repeat(length / 2)));
    }
    names
}

#[test]
fn ids_of_every_trust_domain_that_the_schema_accepts_are_readable() {
    for schema in schemas() {
        let pattern = pattern(&schema);
        let lengths = schema["minLength"].as_u64().unwrap()..=schema["maxLength"].as_u64().unwrap();
        let mut accepted = 0;
        for name in names() {
            let length = u64::try_from(name.len()).unwrap();
            let valid = lengths.contains(&length) && pattern.is_match(&name);
            let parsed = TrustDomain::parse(&name);
            assert_eq!(parsed.is_ok(), valid, "{name:?}: {parsed:?}");
            if let Ok(trust_domain) = parsed {
                check_readable(&trust_domain);
                accepted += 1;
            }
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}

fn check_readable(trust_domain: &TrustDomain) {
    let leaf = SpiffeId::from_segments(trust_domain, ["ns", "shop", "sa", "web"]).unwrap();
    for id in [trust_domain.id(), leaf] {
        let names = SubjectAltNames::with_uri(None, &id);
        let read = SubjectAltNames::from_der(names.der()).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(read.uris(), [id.to_string()]);
    }
}

#[test]
fn names_that_go_does_not_parse_in_a_uri_are_refused() {
    for schema in schemas() {
        let pattern = pattern(&schema);
        for name in ["example.org.", "a..b", ".example", "."] {
            assert!(!pattern.is_match(name), "{name}");
        }
    }
}
