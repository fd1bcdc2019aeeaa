//! One request through a proxy.

use std::future::pending;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::{Request, Response, StatusCode};
use rustix::net::sockopt::set_socket_linger;

use super::fault::Fault;
use super::record::Seen;
use super::{Shared, secret};

/// The body of a response.
type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// Responds to a request, through its faults. An error closes or resets the connection.
pub(super) async fn respond(
    shared: &Shared,
    socket: &TcpStream,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    secret::note(&head.headers, &body);
    let seen = Seen::of(&head, &body);
    let is_watch = seen.is_watch;
    let (mut replaced, mut truncated, mut lost) = (Vec::new(), false, false);
    for fault in shared.faults(seen) {
        match fault {
            Fault::Latency(time) => tokio::time::sleep(time).await,
            Fault::Silence => pending().await,
            Fault::Reset => return reset(socket),
            Fault::Lost => lost = true,
            Fault::Truncated => truncated = true,
            Fault::Replace { from, to } => replaced.push((from, to)),
            Fault::Response {
                status,
                headers,
                body,
            } => {
                secret::note(&HeaderMap::new(), body.as_bytes());
                return response(status, &headers, body);
            }
        }
    }
    if is_watch {
        return match shared.upstream.open(head, body).await {
            Ok((head, body)) => Ok(Response::from_parts(head, shared.streams.pass(body))),
            Err(_) => reset(socket),
        };
    }
    let Ok((mut head, mut body)) = shared.upstream.send(head, body).await else {
        // The server is unavailable, and so is the proxy then.
        return reset(socket);
    };
    if lost {
        return reset(socket);
    }
    secret::note(&head.headers, &body);
    for (from, to) in replaced {
        body = String::from_utf8_lossy(&body).replace(&from, &to).into();
    }
    let body = if truncated {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        half(&body)
    } else {
        whole(body)
    };
    Ok(Response::from_parts(head, body))
}

fn whole(body: Bytes) -> ResponseBody {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The first half of a body, then an error. hyper sends what it has before it waits for more.
fn half(body: &Bytes) -> ResponseBody {
    let first = stream::iter([Ok(Frame::data(body.slice(..body.len() / 2)))]);
    let error = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::other("truncated by a fault"))
    });
    StreamBody::new(first.chain(error)).boxed_unsync()
}

fn response(
    status: u16,
    headers: &[(String, String)],
    body: String,
) -> Result<Response<ResponseBody>> {
    let mut response = Response::builder().status(StatusCode::from_u16(status)?);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(whole(body.into()))?)
}

/// A socket that does not linger is reset when it is closed.
fn reset<T>(socket: &TcpStream) -> Result<T> {
    set_socket_linger(socket, Some(Duration::ZERO))?;
    bail!("reset by a fault")
}
