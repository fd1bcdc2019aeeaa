//! Faults between a client and its server.

use std::time::Duration;

use super::record::Seen;

/// Which requests a fault is for.
#[derive(Clone, Debug)]
pub enum Requests {
    /// All.
    All,
    /// Those whose path contains this, such as `/transit/sign/`.
    Path(String),
    /// Those of an AWS action, such as `Sign`.
    Action(String),
    /// Those that list objects of the Kubernetes API, at a path that ends with this.
    List(String),
    /// Those with this method whose path contains this.
    Method(&'static str, String),
    /// Watches of the Kubernetes API whose path contains this.
    Watch(String),
    /// Those whose path contains this, with a header of this name and value.
    Carrying {
        /// A part of the path.
        path: String,
        /// The header's name, in lower case.
        header: &'static str,
        /// All of its value.
        value: String,
    },
}

impl Requests {
    pub(super) fn matches(&self, request: &Seen) -> bool {
        match self {
            Self::All => true,
            Self::Path(part) => request.path.contains(part),
            Self::Method(method, part) => request.method == *method && request.path.contains(part),
            Self::List(end) => {
                request.method == "GET" && !request.is_watch && request.path.ends_with(end)
            }
            Self::Watch(part) => request.is_watch && request.path.contains(part),
            Self::Action(action) => request.action.as_ref() == Some(action),
            Self::Carrying {
                path,
                header,
                value,
            } => request.path.contains(path) && request.carries(header, value),
        }
    }
}

/// A fault of a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The response is delayed.
    Latency(Duration),
    /// This is the response; the server does not get the request.
    Response {
        /// The status.
        status: u16,
        /// Headers beyond the content's length.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The server's response, with a text in it replaced by another.
    Replace {
        /// The text to replace.
        from: String,
        /// The replacement.
        to: String,
    },
    /// The server's response ends in the middle of its body.
    Truncated,
    /// The connection is reset.
    Reset,
    /// There is no response, and the connection stays open.
    Silence,
    /// The server handles the request, and the connection is reset instead of a response.
    Lost,
}

impl Fault {
    /// A response with a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        Self::Response {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_owned(),
        }
    }

    /// Vault's 429, with the seconds to wait.
    pub fn too_many_requests(retry_after: u32) -> Self {
        Self::Response {
            status: 429,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("retry-after".into(), retry_after.to_string()),
            ],
            body: r#"{"errors":["request path \"transit/sign\": rate limit quota exceeded"]}"#
                .into(),
        }
    }

    /// An error of the Kubernetes API server, with the seconds to wait if it names them.
    pub fn status(code: u16, reason: &str, retry_after: Option<u32>) -> Self {
        let body = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": format!("{reason} by a fault"),
        });
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
        Self::Response {
            status: code,
            headers,
            body: body.to_string(),
        }
    }

    /// A watch whose resourceVersion the API server has no longer: it ends with one event.
    pub fn gone() -> Self {
        Self::delivered(410, "Expired")
    }

    /// A watch that is accepted, and ends with an error as its one event.
    pub fn delivered(code: u16, reason: &str) -> Self {
        let status = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": format!("{reason} by a fault"),
        });
        let event = serde_json::json!({ "type": "ERROR", "object": status });
        Self::json(200, &format!("{event}\n"))
    }

    /// An error in AWS's JSON protocol, such as `ThrottlingException`, which AWS
    /// sends with status 400, or `AccessDeniedException`.
    pub fn aws_error(status: u16, code: &str, message: &str) -> Self {
        Self::Response {
            status,
            headers: vec![
                ("content-type".into(), "application/x-amz-json-1.1".into()),
                ("x-amzn-errortype".into(), code.to_owned()),
            ],
            body: serde_json::json!({ "__type": code, "message": message }).to_string(),
        }
    }

    /// 302 to another address.
    pub fn redirect(location: &str) -> Self {
        Self::Response {
            status: 302,
            headers: vec![("location".into(), location.to_owned())],
            body: String::new(),
        }
    }

    /// 200 with something that is not JSON.
    pub fn not_json() -> Self {
        Self::json(200, "<html>not JSON</html>")
    }

    /// 200 with a JSON string of this length.
    pub fn oversized(bytes: usize) -> Self {
        Self::json(200, &format!("\"{}\"", "x".repeat(bytes)))
    }
}

/// A fault and its requests.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) requests: Requests,
    pub(super) fault: Fault,
    /// How many more requests it is for; `None` is unlimited.
    pub(super) left: Option<usize>,
}
