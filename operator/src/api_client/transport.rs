//! What sends calls to the API server, and sends one again.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use http::{Request, Response};
use kube::client::{Body, DynBody};
use parking_lot::Mutex;
use tower::util::BoxService;
use tower::{BoxError, Service};

/// The service of a [`kube::client::ClientBuilder`].
type Sender = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// A service that is shared. [`kube::Client`] shares one by means of a task, which is woken for each
/// call.
#[derive(Clone)]
pub(super) struct Transport(Arc<Mutex<Sender>>);

impl Transport {
    pub(super) fn new(sender: Sender) -> Self {
        Self(Arc::new(Mutex::new(sender)))
    }

    pub(super) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Box<DynBody>>, BoxError> {
        let sender = poll_fn(|context| {
            let mut sender = self.0.lock();
            ready!(sender.poll_ready(context))?;
            // Still locked: it is ready for one call.
            Poll::Ready(Ok::<_, BoxError>(sender))
        });
        let response = sender.await?.call(request);
        response.await
    }
}
