//! Requests that passed through a proxy.

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
    /// Its AWS action, such as `Sign`.
    pub action: Option<String>,
    /// Whether it is a watch of the Kubernetes API, whose response has no end.
    pub is_watch: bool,
    headers: Headers,
}

/// Headers, whose values may be secrets: `Debug` shows only the names.
#[derive(Clone)]
struct Headers(HeaderMap);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Seen {
    pub(super) fn of(head: &Parts, body: &[u8]) -> Self {
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            is_watch: head
                .uri
                .query()
                .is_some_and(|query| query.contains("watch=true")),
            action: target(&head.headers).or_else(|| parameter(body)),
            headers: Headers(head.headers.clone()),
        }
    }

    /// Whether it has this header, in lower case.
    pub fn has(&self, header: &str) -> bool {
        self.headers.0.contains_key(header)
    }

    /// The time that a request to AWS is signed for.
    pub fn amz_date(&self) -> Option<&str> {
        self.headers.0.get("x-amz-date")?.to_str().ok()
    }

    /// The region that a request to AWS is signed for.
    pub fn aws_region(&self) -> Option<&str> {
        let signature = self.headers.0.get("authorization")?.to_str().ok()?;
        let scope = signature.split_once("Credential=")?.1;
        scope.split('/').nth(2)
    }

    /// Whether it has a header of this value.
    pub(super) fn carries(&self, header: &str, value: &str) -> bool {
        self.headers.0.get(header).is_some_and(|it| it == value)
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
