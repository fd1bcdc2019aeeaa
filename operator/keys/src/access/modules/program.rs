//! The processes in which the modules run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::guard::DEADLINE;

/// A program that runs one module, for as long as the other end of its standard input is open:
/// `run_pkcs11_module`.
#[derive(Clone, Debug)]
pub struct ModuleProgram {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// How long a call may take before the process is ended, with the calls of all others.
    pub max_call: Duration,
    /// How long it may take while the process has not answered any call, or during a login.
    pub max_start: Duration,
}

impl ModuleProgram {
    /// As long as a signature may take with all its retries. What waits for a signature then is
    /// an attempt that began later.
    pub const MAX_CALL: Duration = DEADLINE;
    /// Loading a library may connect to an HSM, which may fail over. A login that is ended may cost a
    /// try of the PIN.
    pub const MAX_START: Duration = Duration::from_secs(120);
}

impl Default for ModuleProgram {
    /// The program that is running, without arguments.
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            arguments: Vec::new(),
            max_call: Self::MAX_CALL,
            max_start: Self::MAX_START,
        }
    }
}

/// The process of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleProcess {
    /// The module's name in the operator's list.
    pub module: String,
    /// Its number, if it runs.
    pub pid: Option<u32>,
    /// Its resident memory, if it runs.
    pub resident_bytes: Option<u64>,
    /// How many processes before this one stopped, by reason: `crashed`, `hung` or `invalid`.
    pub restarts: Vec<(&'static str, u64)>,
}
