//! Faults that the shim injects.

use std::fmt::{self, Write};
use std::fs;

use anyhow::Result;

use super::SoftHsm;
use crate::pki::write_private;

/// A fault, until it is removed. Functions are named as in the standard; the
/// shim knows `C_Initialize`, `C_GetSlotList`, `C_GetTokenInfo`, `C_OpenSession`,
/// `C_CloseSession`, `C_GetSessionInfo`, `C_Login`, `C_FindObjectsInit`, `C_GetAttributeValue`, `C_SignInit` and
/// `C_Sign`.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A function does not return until the fault is gone.
    Hang(&'static str),
    /// A function ends its process with SIGSEGV. The call is recorded before.
    Crash(&'static str),
    /// A function returns an error, such as `0x30` (CKR_DEVICE_ERROR).
    Fail(&'static str, u64),
    /// A function takes this many milliseconds longer.
    DelayMs(&'static str, u64),
    /// Signatures come with every byte changed.
    Garbage,
    /// Signatures are cut in half.
    Short,
    /// The token is taken out: no slot has one, and with the next call its sessions are closed and
    /// return CKR_DEVICE_REMOVED.
    Remove,
    /// Keys have CKA_SIGN false.
    NoSign,
    /// The token also has these flags, such as CKF_USER_PIN_LOCKED.
    Flags(u64),
    /// The token locks itself after this many wrong PINs, and warns before the last one.
    PinTries(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hang(function) => write!(f, "hang {function}"),
            Self::Crash(function) => write!(f, "crash {function}"),
            Self::Fail(function, error) => write!(f, "fail {function} {error:#x}"),
            Self::DelayMs(function, time) => write!(f, "delay_ms {function} {time}"),
            Self::Garbage => f.write_str("garbage C_Sign"),
            Self::Short => f.write_str("short C_Sign"),
            Self::Remove => f.write_str("remove"),
            Self::NoSign => f.write_str("nosign"),
            Self::Flags(flags) => write!(f, "flags {flags:#x}"),
            Self::PinTries(tries) => write!(f, "pin_tries {tries}"),
        }
    }
}

/// The contents of the control file.
#[derive(Debug, Default)]
pub(super) struct Control {
    faults: Vec<Fault>,
    /// The last one-time action, numbered.
    once: Option<(&'static str, u64)>,
}

impl SoftHsm {
    /// Replaces the faults.
    pub fn set_faults(&self, faults: &[Fault]) -> Result<()> {
        self.change(|control| control.faults = faults.to_vec())
    }

    /// Logs the token out, at the next call with a session, in each process that has the module.
    pub fn log_out(&self) -> Result<()> {
        self.once("logout")
    }

    /// Closes all sessions, at the next call.
    pub fn close_sessions(&self) -> Result<()> {
        self.once("close")
    }

    /// Finalizes the module at the next call, as another user of it in the process may do: it
    /// returns CKR_CRYPTOKI_NOT_INITIALIZED until it is initialized again.
    pub fn finalize(&self) -> Result<()> {
        self.once("finalize")
    }

    /// The return values of a function, by call, in all processes.
    pub fn calls(&self, function: &str) -> Vec<u64> {
        let text = fs::read_to_string(self.home.join("calls")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(" 0x"))
            .filter(|(name, _)| *name == function)
            .filter_map(|(_, value)| u64::from_str_radix(value, 16).ok())
            .collect()
    }

    /// The number of login attempts.
    pub fn logins(&self) -> usize {
        self.calls("C_Login").len()
    }

    fn once(&self, what: &'static str) -> Result<()> {
        self.change(|control| {
            let number = control.once.map_or(1, |(_, number)| number + 1);
            control.once = Some((what, number));
        })
    }

    /// The file changes as a whole, since the shim may read it at any time.
    fn change(&self, change: impl FnOnce(&mut Control)) -> Result<()> {
        let mut control = self.faults.lock();
        change(&mut control);
        let mut text = String::new();
        for fault in &control.faults {
            writeln!(text, "{fault}")?;
        }
        if let Some((what, number)) = control.once {
            writeln!(text, "{what} {number}")?;
        }
        let fresh = self.home.join("control.new");
        write_private(&fresh, &text)?;
        Ok(fs::rename(fresh, self.home.join("control"))?)
    }
}
