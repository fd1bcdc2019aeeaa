//! The client of the API server: every call has a deadline and is counted when it fails.

mod body;
mod page;
mod proof;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use kube::client::{Body, ClientBuilder, DynBody};
use kube::{Client, Config};
use tokio::time::{Instant, sleep, timeout_at};
use tower::layer::layer_fn;
use tower::{BoxError, service_fn};

use crate::api_health::{ApiHealth, Failure};
use body::Limited;
use transport::Transport;

/// How often a call is sent again that the API server asked to send again later.
const MAX_RETRIES: u32 = 3;
/// The first wait before that, doubled each time, if the API server does not say how long.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Calls {
    /// How long a call may take, from its start to the last byte of the response. Of a watch, it is
    /// the time to the response's headers.
    pub timeout: Duration,
    pub health: Arc<ApiHealth>,
    /// Whether the credentials are the operator's, so that a rejected token is one of its own.
    pub own_credentials: bool,
}

/// A call that was not answered in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the API server did not answer within {} s", .0.as_secs_f32())]
pub(crate) struct NoAnswer(Duration);

impl Calls {
    /// Returns a client for this configuration.
    ///
    /// # Errors
    /// The configuration is not valid.
    pub fn client(self, mut config: Config) -> kube::Result<Client> {
        // Its retries take longer than any deadline, and are not counted.
        config.default_retry = false;
        let calls = Arc::new(self);
        let with_deadlines = layer_fn(move |transport| {
            let (calls, transport) = (calls.clone(), Transport::new(transport));
            service_fn(move |request| calls.clone().call(transport.clone(), request))
        });
        let client = ClientBuilder::try_from(config)?;
        Ok(client.with_layer(&with_deadlines).build())
    }

    async fn call(
        self: Arc<Self>,
        transport: Transport,
        request: Request<Body>,
    ) -> Result<Response<Limited>, BoxError> {
        let deadline = Instant::now() + self.timeout;
        let watched = watched(request.uri());
        let answer = timeout_at(deadline, self.answer(&transport, request, deadline)).await;
        let response = match answer {
            Ok(response) => response?,
            Err(_) => {
                self.health.failed(Failure::Timeout);
                return Err(NoAnswer(self.timeout).into());
            }
        };
        let is_accepted = response.status().is_success();
        Ok(response.map(|body| match watched {
            Some(resource) if is_accepted => {
                self.health.watch_accepted(&resource);
                Limited::watched(body, resource, self)
            }
            _ => Limited::until(deadline, body, self),
        }))
    }

    /// Sends a request, and again if the response is a page of a list that is too large.
    async fn answer(
        &self,
        transport: &Transport,
        mut request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Box<DynBody>>, BoxError> {
        loop {
            let smaller = page::smaller(&request);
            let response = self.attempts(transport, request, deadline).await?;
            let is_page = response.status().is_success();
            let Some(smaller) = smaller.filter(|_| is_page) else {
                return Ok(response);
            };
            let (parts, body) = response.into_parts();
            match page::read(body).await {
                Ok(Some(body)) => return Ok(Response::from_parts(parts, body)),
                Ok(None) => request = smaller,
                Err(error) => {
                    self.health.failed(Failure::Unreachable);
                    return Err(error);
                }
            }
        }
    }

    /// Sends a request, and again if the API server is too busy for it.
    async fn attempts(
        &self,
        transport: &Transport,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Box<DynBody>>, BoxError> {
        let mut request = request;
        let mut wait = MIN_WAIT;
        for _ in 0..MAX_RETRIES {
            let again = copy(&request);
            let result = transport.send(request).await;
            self.note(&result);
            let (Ok(response), Some(again)) = (&result, again) else {
                return result;
            };
            let is_read = again.method().is_safe();
            let Some(wait_now) = wait_before_retry(response, is_read, wait) else {
                return result;
            };
            if wait_now >= deadline.saturating_duration_since(Instant::now()) {
                return result;
            }
            sleep(wait_now).await;
            (request, wait) = (again, wait * 2);
        }
        let result = transport.send(request).await;
        self.note(&result);
        result
    }

    fn note<T>(&self, result: &Result<Response<T>, BoxError>) {
        let failure = match result {
            Ok(response) => Failure::of_status(response.status()),
            Err(_) => Some(Failure::Unreachable),
        };
        match failure {
            Some(Failure::Unauthorized) if !self.own_credentials => {}
            Some(failure) => self.health.failed(failure),
            None => self.health.answered(),
        }
    }
}

/// Returns how long to wait before the same request is sent again; none if it was answered. A 503
/// that does not say when to try again may be that of a load balancer, which has lost the response:
/// a write may have been done, and the next one would meet a conflict.
fn wait_before_retry<T>(response: &Response<T>, is_read: bool, wait: Duration) -> Option<Duration> {
    let after = response.headers().get(RETRY_AFTER);
    let is_busy = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => is_read || after.is_some(),
        _ => false,
    };
    let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
    is_busy.then(|| after.map_or(wait, Duration::from_secs).max(wait))
}

/// Copies a request; none if its body is a stream.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

/// Returns the resource that a request watches in all namespaces, such as `issuers.signet.dev`.
fn watched(uri: &http::Uri) -> Option<String> {
    let mut parameters = uri.query()?.split('&');
    let is_watch = parameters.any(|one| one == "watch=true" || one == "watch=1");
    is_watch.then(|| resource(uri.path())).flatten()
}

/// Returns the resource at a path of all its objects, such as `issuers.signet.dev` at
/// `/apis/signet.dev/v1alpha1/issuers`.
pub(crate) fn resource(path: &str) -> Option<String> {
    let mut path = path.rsplit('/');
    let (plural, _version, group) = (path.next()?, path.next()?, path.next()?);
    Some(format!("{plural}.{group}"))
}

#[cfg(test)]
mod tests;
