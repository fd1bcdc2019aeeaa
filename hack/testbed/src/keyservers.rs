//! The servers and tokens that key backends talk to: real ones where that is possible.
//!
//! - [`OpenBao`]: a real server with TLS, storage and every auth method, set up by its own tool.
//! - [`Ministack`]: an emulator of AWS KMS, STS and IAM.
//! - [`SoftHsm`]: tokens in files, behind a shim that injects faults.
//!
//! The programs come from the registries of Python and Debian at their first use and stay in the
//! cache folder. They need Linux with `apt-get`, `setpriv` and `cc`, and Python 3.11, but not root.
//!
//! Every server listens on loopback, on a free port that it keeps over restarts, and has its own
//! folder. It ends with its handle, and with the process however that ends. All methods block
//! and take `&self`, so that tests with a runtime each can share a server.

pub mod ministack;
pub mod openbao;
pub mod softhsm;

use anyhow::{Result, ensure};
use parking_lot::Mutex;

use crate::supervise::Process;

pub use ministack::Ministack;
pub use openbao::OpenBao;
pub use softhsm::SoftHsm;

/// The process of a server that may be stopped and started again.
#[derive(Debug, Default)]
struct Slot(Mutex<Option<Process>>);

impl Slot {
    fn pid(&self) -> Option<u32> {
        self.0.lock().as_ref().map(Process::pid)
    }

    fn fill(&self, start: impl FnOnce() -> Result<Process>) -> Result<()> {
        let mut slot = self.0.lock();
        ensure!(slot.is_none(), "the server runs already");
        *slot = Some(start()?);
        Ok(())
    }

    fn stop(&self) -> Result<()> {
        if let Some(process) = self.0.lock().take() {
            process.stop()?;
        }
        Ok(())
    }
}
