//! Why the process of a module stopped.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Why the process of a module stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleStop {
    /// It crashed, or was killed: the number of the signal.
    Signal(i32),
    /// It exited with this code.
    Exit(i32),
    /// A call did not return, so the operator ended it.
    Hung,
    /// It sent something else than what was expected, so the operator ended it.
    Invalid,
}

impl ModuleStop {
    /// Every reason of [`Self::reason`].
    pub(crate) const REASONS: [&'static str; 3] = ["crashed", "hung", "invalid"];

    /// The reason in metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Signal(_) | Self::Exit(_) => Self::REASONS[0],
            Self::Hung => Self::REASONS[1],
            Self::Invalid => Self::REASONS[2],
        }
    }
}

impl From<ExitStatus> for ModuleStop {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Exit(status.code().unwrap_or_default()),
        }
    }
}

impl fmt::Display for ModuleStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => match name(*signal) {
                Some(name) => write!(f, "its process was ended by {name}"),
                None => write!(f, "its process was ended by signal {signal}"),
            },
            Self::Exit(code) => write!(f, "its process exited with code {code}"),
            Self::Hung => f.write_str("a call did not return, so its process was ended"),
            Self::Invalid => f.write_str("its process sent an invalid report, and was ended"),
        }
    }
}

fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_how_the_process_ended() {
        for (status, expected) in [
            (11, "its process was ended by SIGSEGV"),
            (64, "its process was ended by signal 64"),
            (3 << 8, "its process exited with code 3"),
        ] {
            let stop = ModuleStop::from(ExitStatus::from_raw(status));
            assert_eq!(
                (stop.to_string().as_str(), stop.reason()),
                (expected, "crashed")
            );
        }
    }
}
