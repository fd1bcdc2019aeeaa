//! Credentials that passed through the proxies of this process.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use hyper::header::HeaderMap;

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Headers of requests whose whole value is one.
const HEADERS: [&str; 2] = ["x-vault-token", "x-amz-security-token"];

/// What stands before one in a body, and the character with which it ends: Vault's JSON, and AWS'
/// queries and XML.
const FIELDS: [(&str, char); 10] = [
    ("\"client_token\":\"", '"'),
    ("\"secret_id\":\"", '"'),
    ("\"jwt\":\"", '"'),
    ("\"SecretAccessKey\":\"", '"'),
    ("\"Token\":\"", '"'),
    ("\"SessionToken\":\"", '"'),
    ("<SecretAccessKey>", '<'),
    ("<SessionToken>", '<'),
    ("WebIdentityToken=", '&'),
    ("SecretAccessKey=", '&'),
];

/// Every credential that passed through a proxy of this process so far: tokens of Vault, sessions
/// of AWS, and what they were obtained with.
pub fn secrets() -> Vec<String> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter().cloned().collect()
}

/// Notes the credentials in a request or an answer.
pub(super) fn note(headers: &HeaderMap, body: &[u8]) {
    let body = String::from_utf8_lossy(body);
    let found = in_headers(headers).chain(in_body(&body)).map(str::to_owned);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.extend(found.filter(|secret| !secret.is_empty()));
}

fn in_headers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = HEADERS.iter().filter_map(|name| headers.get(*name));
    values.filter_map(|value| value.to_str().ok())
}

fn in_body(body: &str) -> impl Iterator<Item = &str> {
    FIELDS.iter().flat_map(move |(field, end)| {
        let after = body.split(field).skip(1);
        after.filter_map(|rest| rest.split(*end).next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_in_every_form() {
        for (body, expected) in [
            (r#"{"auth":{"client_token":"s.1","renewable":true}}"#, "s.1"),
            (r#"{"role":"signet","jwt":"a.b.c"}"#, "a.b.c"),
            (
                "<Credentials><SessionToken>t</SessionToken></Credentials>",
                "t",
            ),
            ("Action=X&WebIdentityToken=a.b.c&Version=1", "a.b.c"),
            ("Action=X&WebIdentityToken=a.b.c", "a.b.c"),
        ] {
            assert_eq!(in_body(body).collect::<Vec<_>>(), [expected], "{body}");
        }
        assert_eq!(in_body("{\"data\":{}}").count(), 0);
        let mut headers = HeaderMap::new();
        headers.insert("X-Vault-Token", "s.2".parse().unwrap());
        headers.insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(in_headers(&headers).collect::<Vec<_>>(), ["s.2"]);
    }
}
