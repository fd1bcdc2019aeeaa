//! The runtime of all tests.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

/// The runtime of all tests.
///
/// # Panics
/// The system gives no threads.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().enable_all().build();
        runtime.expect("the system gives threads")
    })
}

/// Runs what blocks where it may.
///
/// # Errors
/// Those of `work`, and its panic.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    runtime()
        .spawn_blocking(work)
        .await
        .context("it panicked")?
}
