//! One request through a proxy.

use std::future::pending;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use rustix::net::sockopt::set_socket_linger;

use super::fault::Fault;
use super::record::Seen;
use super::{Shared, secret};

/// The body of an answer: whole, or broken off.
pub(super) enum Answer {
    Whole(Full<Bytes>),
    Broken {
        /// What comes of it.
        part: Option<Bytes>,
        /// The length that the head of the answer says.
        promised: u64,
        /// Whether there was a time to send the part.
        sent: bool,
    },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Self::Broken { part, sent, .. } => match part.take() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                None if *sent => {
                    let broken = std::io::Error::other("broken off, as asked");
                    Poll::Ready(Some(Err(broken)))
                }
                // Before it waits for more, hyper sends what it has.
                None => {
                    *sent = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Broken { promised, .. } => SizeHint::with_exact(*promised),
        }
    }
}

/// Answers a request, through its faults. An error closes the connection, and resets it where the
/// fault says so.
pub(super) async fn answer(
    shared: &Shared,
    socket: &TcpStream,
    request: Request<Incoming>,
) -> Result<Response<Answer>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    secret::note(&head.headers, &body);
    let seen = Seen::of(&head, &body);
    let (mut replaced, mut truncated, mut lost) = (Vec::new(), false, false);
    for fault in shared.faults(seen) {
        match fault {
            Fault::Latency(time) => tokio::time::sleep(time).await,
            Fault::Silence => pending().await,
            Fault::Reset => return reset(socket),
            Fault::Lost => lost = true,
            Fault::Truncated => truncated = true,
            Fault::Replace { from, to } => replaced.push((from, to)),
            Fault::Answer {
                status,
                headers,
                body,
            } => {
                secret::note(&HeaderMap::new(), body.as_bytes());
                return made(status, &headers, body);
            }
        }
    }
    let Ok((head, mut body)) = shared.upstream.ask(head, body).await else {
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
    let length = body.len();
    let body = if truncated {
        Answer::Broken {
            part: Some(body.slice(..length / 2)),
            promised: u64::try_from(length)?,
            sent: false,
        }
    } else {
        Answer::Whole(Full::new(body))
    };
    Ok(Response::from_parts(head, body))
}

fn made(status: u16, headers: &[(String, String)], body: String) -> Result<Response<Answer>> {
    let mut response = Response::builder().status(StatusCode::from_u16(status)?);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(Answer::Whole(Full::new(body.into())))?)
}

/// A socket that does not linger is reset when it is closed.
fn reset<T>(socket: &TcpStream) -> Result<T> {
    set_socket_linger(socket, Some(Duration::ZERO))?;
    bail!("reset, as asked")
}
