//! The async side: waits for a pool's threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::error::Pkcs11Fault;
use super::pool::{Pool, Reply};
use super::worker::Worker;
use crate::guard::ATTEMPT;

/// How long a call may take. Less than the guard waits, whose error does not name the module.
const MAX_CALL: Duration = ATTEMPT.saturating_sub(Duration::from_millis(500));

/// Has a thread of the pool do this. Dropping the future abandons the work.
pub(super) async fn call<T: Send + 'static>(
    pool: &Arc<Pool>,
    work: impl FnOnce(&mut Worker) -> Result<T, Pkcs11Fault> + Send + 'static,
) -> Result<T, Pkcs11Fault> {
    let (reply, result) = oneshot::channel();
    let work = move |worker: &mut Worker| -> Reply {
        let result = work(worker);
        // Fails if the caller no longer waits.
        Box::new(move || drop(reply.send(result)))
    };
    let ticket = pool.submit(Box::new(work))?;
    match timeout(MAX_CALL, result).await {
        Ok(Ok(result)) => result,
        // It panicked.
        Ok(Err(_)) => Err(Pkcs11Fault::InvalidResponse),
        Err(_) => Err(ticket.timed_out()),
    }
}
