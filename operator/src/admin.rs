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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    /// A process whose probes answer as it is told.
    struct Told(Result<(), String>);

    impl Shown for Told {
        fn live(&self) -> Result<(), String> {
            self.0.clone().map_err(|why| format!("not live: {why}"))
        }

        fn ready(&self) -> Result<(), String> {
            self.0.clone().map_err(|why| format!("not ready: {why}"))
        }

        fn metrics(&self) -> Result<String, std::fmt::Error> {
            match self.0 {
                Ok(()) => Ok("# EOF\n".to_owned()),
                Err(_) => Err(std::fmt::Error),
            }
        }
    }

    async fn start(shown: Told) -> (SocketAddr, CancellationToken) {
        let stop = CancellationToken::new();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = serve(free, Arc::new(shown), stop.clone()).await.unwrap();
        (address, stop)
    }

    /// The answer as it comes over the wire, headers in lower case.
    async fn get(address: SocketAddr, path: &'static str) -> String {
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        answer.await.unwrap().to_lowercase()
    }

    #[tokio::test]
    async fn the_probes_answer_200_or_503_with_a_sentence() {
        let (well, _stop) = start(Told(Ok(()))).await;
        let (ill, _stop) = start(Told(Err("it hangs".to_owned()))).await;
        for (path, sentence) in [
            ("/livez", "not live: it hangs"),
            ("/readyz", "not ready: it hangs"),
        ] {
            let answer = get(well, path).await;
            assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
            let answer = get(ill, path).await;
            assert!(answer.starts_with("http/1.1 503 "), "{answer}");
            assert!(
                answer.ends_with(&format!("\r\n\r\n{sentence}\n")),
                "{answer}"
            );
        }
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_text() {
        let (well, _stop) = start(Told(Ok(()))).await;
        let answer = get(well, "/metrics").await;
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
        let type_ = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(answer.contains(type_), "{answer}");
        assert!(answer.ends_with("\r\n\r\n# eof\n"), "{answer}");
        let (ill, _stop) = start(Told(Err("it hangs".to_owned()))).await;
        assert!(get(ill, "/metrics").await.starts_with("http/1.1 500 "));
    }

    #[tokio::test]
    async fn nothing_else_is_served() {
        let (well, _stop) = start(Told(Ok(()))).await;
        for path in ["/", "/debug/pprof", "/livez/x", "/secrets"] {
            let answer = get(well, path).await;
            assert!(answer.starts_with("http/1.1 404 "), "{path}: {answer}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let (taken, _stop) = start(Told(Ok(()))).await;
        let error = serve(taken, Arc::new(Told(Ok(()))), CancellationToken::new()).await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(&format!("cannot listen on {taken}")),
            "{error}"
        );
    }
}
