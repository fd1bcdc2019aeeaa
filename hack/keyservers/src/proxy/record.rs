//! What passed through a proxy.

use std::fmt;

use hyper::header::HeaderMap;
use hyper::http::request::Parts;

/// A request, without what could be secret in it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The action of AWS that it asks for, such as `Sign`.
    pub action: Option<String>,
    /// The names of its headers, in small letters.
    pub headers: Vec<String>,
    values: Values,
}

/// Headers, which may hold secrets. `Debug` shows none.
#[derive(Clone)]
struct Values(HeaderMap);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Seen {
    pub(super) fn of(head: &Parts, body: &[u8]) -> Self {
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            action: target(&head.headers).or_else(|| parameter(body)),
            headers: head.headers.keys().map(ToString::to_string).collect(),
            values: Values(head.headers.clone()),
        }
    }

    /// Whether it has a header of this value.
    pub(super) fn carries(&self, header: &str, value: &str) -> bool {
        let Values(headers) = &self.values;
        headers.get(header).is_some_and(|it| it == value)
    }
}

/// The action in AWS's JSON protocol, which KMS speaks.
fn target(headers: &HeaderMap) -> Option<String> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.rsplit('.').next().unwrap_or(target).to_owned())
}

/// The action in AWS's query protocol, which STS speaks.
fn parameter(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let mut parameters = body.split('&');
    let action = parameters.find_map(|it| it.strip_prefix("Action="))?;
    Some(action.to_owned())
}
