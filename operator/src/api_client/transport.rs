//! What sends calls to the API server, and sends one again.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use parking_lot::Mutex;
use tower::Service;

/// A service that is shared. [`kube::Client`] shares one by means of a task, which is woken for each
/// call.
pub(super) struct Transport<S>(Arc<Mutex<S>>);

impl<S> Transport<S> {
    pub(super) fn new(service: S) -> Self {
        Self(Arc::new(Mutex::new(service)))
    }

    pub(super) async fn send<R>(&self, request: R) -> Result<S::Response, S::Error>
    where
        S: Service<R>,
    {
        let service = poll_fn(|context| {
            let mut service = self.0.lock();
            ready!(service.poll_ready(context))?;
            // Still locked: it is ready for one call.
            Poll::Ready(Ok(service))
        });
        let response = service.await?.call(request);
        response.await
    }
}

impl<S> Clone for Transport<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
