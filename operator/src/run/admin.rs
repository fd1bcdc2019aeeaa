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

pub trait AdminState: Send + Sync + 'static {
    fn live(&self) -> Result<(), String>;

    fn ready(&self) -> Result<(), String>;

    fn metrics(&self) -> Result<String, std::fmt::Error>;
}

type Shared = State<Arc<dyn AdminState>>;

/// Serves until `stop`, and returns the address: that of a free port where `address` names 0.
pub async fn serve(
    address: SocketAddr,
    state: Arc<dyn AdminState>,
    stop: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("the admin server cannot listen on {address}: {error}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "admin server is listening");
    let live = |State(of): Shared| async move { probe(of.live()) };
    let ready = |State(of): Shared| async move { probe(of.ready()) };
    let app = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state);
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "admin server failed");
        }
    });
    Ok(address)
}

fn probe(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(message) => (StatusCode::SERVICE_UNAVAILABLE, format!("{message}\n")).into_response(),
    }
}

async fn metrics(State(state): Shared) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match state.metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    /// A process whose probes return this.
    struct Fixed(Result<(), String>);

    impl AdminState for Fixed {
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

    async fn start(state: Fixed) -> (SocketAddr, CancellationToken) {
        let stop = CancellationToken::new();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = serve(free, Arc::new(state), stop.clone()).await.unwrap();
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
    async fn probes_return_200_or_503_with_a_message() {
        let (well, _stop) = start(Fixed(Ok(()))).await;
        let (ill, _stop) = start(Fixed(Err("it hangs".to_owned()))).await;
        for (path, message) in [
            ("/livez", "not live: it hangs"),
            ("/readyz", "not ready: it hangs"),
        ] {
            let answer = get(well, path).await;
            assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
            let answer = get(ill, path).await;
            assert!(answer.starts_with("http/1.1 503 "), "{answer}");
            assert!(
                answer.ends_with(&format!("\r\n\r\n{message}\n")),
                "{answer}"
            );
        }
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_text() {
        let (well, _stop) = start(Fixed(Ok(()))).await;
        let answer = get(well, "/metrics").await;
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
        let type_ = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(answer.contains(type_), "{answer}");
        assert!(answer.ends_with("\r\n\r\n# eof\n"), "{answer}");
        let (ill, _stop) = start(Fixed(Err("it hangs".to_owned()))).await;
        assert!(get(ill, "/metrics").await.starts_with("http/1.1 500 "));
    }

    #[tokio::test]
    async fn serves_nothing_else() {
        let (well, _stop) = start(Fixed(Ok(()))).await;
        for path in ["/", "/debug/pprof", "/livez/x", "/secrets"] {
            let answer = get(well, path).await;
            assert!(answer.starts_with("http/1.1 404 "), "{path}: {answer}");
        }
    }

    #[tokio::test]
    async fn names_an_address_that_is_in_use() {
        let (taken, _stop) = start(Fixed(Ok(()))).await;
        let error = serve(taken, Arc::new(Fixed(Ok(()))), CancellationToken::new()).await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(&format!("cannot listen on {taken}")),
            "{error}"
        );
    }
}
