//! The admin server: probes and metrics.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the server shows.
pub trait Shown: Send + Sync + 'static {
    /// Whether the process is alive.
    ///
    /// # Errors
    /// A sentence that says why not.
    fn live(&self) -> Result<(), String>;

    /// Whether the process is ready.
    ///
    /// # Errors
    /// A sentence that says why not.
    fn ready(&self) -> Result<(), String>;

    /// The metrics in OpenMetrics text.
    ///
    /// # Errors
    /// The text cannot be formed.
    fn metrics(&self) -> Result<String, std::fmt::Error>;
}

/// Serves until `stop`, and returns the address: that of a free port where `address` names 0.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    shown: Arc<dyn Shown>,
    stop: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("the admin server cannot listen on {address}: {error}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "the admin server listens");
    let app = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shown);
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the admin server ended");
        }
    });
    Ok(address)
}

async fn live(State(shown): State<Arc<dyn Shown>>) -> Response {
    probe(shown.live())
}

async fn ready(State(shown): State<Arc<dyn Shown>>) -> Response {
    probe(shown.ready())
}

fn probe(answer: Result<(), String>) -> Response {
    match answer {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(sentence) => (StatusCode::SERVICE_UNAVAILABLE, format!("{sentence}\n")).into_response(),
    }
}

async fn metrics(State(shown): State<Arc<dyn Shown>>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match shown.metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
