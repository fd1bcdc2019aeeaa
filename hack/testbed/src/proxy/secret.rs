//! Credentials that passed through the proxies of this process.

use std::collections::BTreeSet;

use hyper::header::HeaderMap;
use parking_lot::Mutex;
use serde_json::Value;

/// Each credential, with each place that it was found in.
static SEEN: Mutex<BTreeSet<Credential>> = Mutex::new(BTreeSet::new());

/// A credential, and the header, field or tag that it was found in.
type Credential = (String, &'static str);

/// Headers of requests whose whole value is one.
const HEADERS: [&str; 2] = ["x-vault-token", "x-amz-security-token"];

/// Fields of JSON: Vault's, and those of AWS' agents and metadata services.
const FIELDS: [&str; 6] = [
    "client_token",
    "jwt",
    "secret_id",
    "SecretAccessKey",
    "SessionToken",
    "Token",
];

/// The prefix of one in AWS's queries and XML, and the character that ends it.
const TAGS: [(&str, char); 3] = [
    ("<SecretAccessKey>", '<'),
    ("<SessionToken>", '<'),
    ("WebIdentityToken=", '&'),
];

/// Every credential that passed through a proxy of this process so far: tokens of Vault, sessions
/// of AWS, and what they were obtained with.
pub fn secrets() -> BTreeSet<String> {
    SEEN.lock()
        .iter()
        .map(|(secret, _)| secret.clone())
        .collect()
}

/// Where credentials were found so far: names of headers and fields, and prefixes.
pub fn places() -> BTreeSet<&'static str> {
    SEEN.lock().iter().map(|(_, place)| *place).collect()
}

/// Records the credentials in a request or a response.
pub(super) fn note(headers: &HeaderMap, body: &[u8]) {
    let mut found = in_headers(headers);
    match serde_json::from_slice(body) {
        Ok(json) => in_json(&json, &mut found),
        Err(_) => in_text(&String::from_utf8_lossy(body), &mut found),
    }
    let found = found.into_iter().filter(|(secret, _)| !secret.is_empty());
    SEEN.lock().extend(found);
}

fn in_headers(headers: &HeaderMap) -> Vec<Credential> {
    let values = HEADERS
        .iter()
        .filter_map(|name| Some((headers.get(*name)?.to_str().ok()?.to_owned(), *name)));
    values.collect()
}

fn in_json(value: &Value, found: &mut Vec<Credential>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let known = FIELDS.iter().find(|field| *field == name);
                if let (Some(field), Value::String(secret)) = (known, value) {
                    found.push((secret.clone(), field));
                }
                in_json(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| in_json(value, found)),
        _ => {}
    }
}

fn in_text(text: &str, found: &mut Vec<Credential>) {
    for (tag, end) in TAGS {
        let after = text.split(tag).skip(1);
        let secrets = after.filter_map(|rest| rest.split(end).next());
        found.extend(secrets.map(|secret| (secret.to_owned(), tag)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_credentials_in_every_form() {
        let headers: HeaderMap = [("x-vault-token", "s.2"), ("content-type", "text/plain")]
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .into_iter()
            .collect();
        for body in [
            r#"{"auth":{"secret_id":"s.1","renewable":true}}"#,
            r#"{"role": "signet", "jwt": "a.b.c"}"#,
            "<Credentials><SessionToken>t</SessionToken></Credentials>",
            "Action=X&WebIdentityToken=d.e.f&Version=1",
            "Action=X&WebIdentityToken=g.h.i",
            r#"{"data":{"token":"none"}}"#,
        ] {
            note(&headers, body.as_bytes());
        }
        // The same credential in another place.
        note(&headers, br#"{"client_token":"s.2"}"#);
        let found: Vec<_> = secrets().into_iter().collect();
        assert_eq!(found, ["a.b.c", "d.e.f", "g.h.i", "s.1", "s.2", "t"]);
        let places: Vec<_> = places().into_iter().collect();
        let expected = [
            "<SessionToken>",
            "WebIdentityToken=",
            "client_token",
            "jwt",
            "secret_id",
            "x-vault-token",
        ];
        assert_eq!(places, expected);
    }
}
