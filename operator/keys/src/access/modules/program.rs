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
}

impl ModuleProgram {
    /// As long as a signature may take with all its retries: nothing waits any longer for a call that
    /// began then, and an HSM that fails over has had its time.
    pub const MAX_CALL: Duration = DEADLINE;
}

impl Default for ModuleProgram {
    /// The program that is running, without arguments.
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            arguments: Vec::new(),
            max_call: Self::MAX_CALL,
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
