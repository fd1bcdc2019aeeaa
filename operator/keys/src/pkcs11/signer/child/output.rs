//! What goes to the operator.

use std::os::unix::net::UnixStream;

use parking_lot::Mutex;

use super::end;
use crate::pkcs11::signer::wire::{self, MAX_REPORT, Report};

/// The stream of reports.
pub(super) struct Output(Mutex<UnixStream>);

impl Output {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(Mutex::new(stream))
    }

    /// Sends a report. Without an operator that reads it, there is nothing left to do.
    pub(super) fn send(&self, report: &Report) {
        if let Err(error) = wire::write(&mut *self.0.lock(), report, MAX_REPORT) {
            let cause = error.kind();
            end(&format!("a report cannot be sent ({cause})"));
        }
    }
}
