//! The body of a response, which must end in time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body as HttpBody, Frame, SizeHint};
use kube::client::DynBody;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower::BoxError;

use super::proof::Proof;
use super::{Calls, NoAnswer};
use crate::api_health::{Failure, watch_timeout};

/// The API server ends a watch at its timeout, and this is for the way.
const MARGIN: Duration = Duration::from_secs(2);

/// A body that ends in time; that of a watch goes on for as long as it delivers something.
pub(super) struct Limited {
    body: Box<DynBody>,
    end: Pin<Box<Sleep>>,
    /// How long it may deliver nothing; none if all of it has to come by its end.
    idle: Option<Duration>,
    /// Of a watch of which it is not known yet whether it works.
    proof: Option<Proof>,
    calls: Arc<Calls>,
}

impl Limited {
    pub(super) fn watched(body: Box<DynBody>, resource: String, calls: Arc<Calls>) -> Self {
        let idle = Duration::from_secs(watch_timeout(calls.timeout).into()) + MARGIN;
        Self {
            body,
            end: Box::pin(sleep(idle)),
            idle: Some(idle),
            proof: Some(Proof::new(resource)),
            calls,
        }
    }

    pub(super) fn until(deadline: Instant, body: Box<DynBody>, calls: Arc<Calls>) -> Self {
        Self {
            body,
            end: Box::pin(sleep_until(deadline)),
            idle: None,
            proof: None,
            calls,
        }
    }

    /// Reports that the watch works, if that is known now.
    fn prove(&mut self, is_proven: impl FnOnce(&mut Proof) -> bool) {
        if let Some(proof) = self.proof.take_if(is_proven) {
            self.calls.health.watch_works(&proof.resource);
        }
    }
}

impl HttpBody for Limited {
    type Data = <Box<DynBody> as HttpBody>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        let limited = &mut *self;
        match Pin::new(&mut limited.body).poll_frame(context) {
            Poll::Ready(Some(Err(error))) => {
                // A watch that is cut is opened again, which counts if it fails.
                if limited.idle.is_none() {
                    limited.calls.health.failed(Failure::Unreachable);
                }
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(frame) => {
                if let Some(Ok(frame)) = &frame {
                    let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
                    limited.prove(|proof| proof.delivered(data));
                }
                if let Some(idle) = limited.idle {
                    limited.end.as_mut().reset(Instant::now() + idle);
                }
                Poll::Ready(frame)
            }
            Poll::Pending => {
                limited.prove(|proof| proof.is_idle(context));
                ready!(limited.end.as_mut().poll(context));
                limited.calls.health.failed(Failure::Timeout);
                let limit = limited.idle.unwrap_or(limited.calls.timeout);
                Poll::Ready(Some(Err(NoAnswer(limit).into())))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
