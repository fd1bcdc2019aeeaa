//! What starter and keeper say to each other: one JSON value per line, orders on the keeper's
//! standard input, one reply to each on its standard output. The first reply comes unasked, when
//! the control plane is ready.

use serde::{Deserialize, Serialize};

use crate::controlplane::{CertManagerOptions, State};

/// What a starter may ask for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Stops cert-manager's controller, if it runs, and starts it with these options.
    StartCertManager(CertManagerOptions),
    /// Stops cert-manager's controller.
    StopCertManager,
}

/// How things stand now, or what went wrong, in words.
pub(crate) type Reply = Result<State, String>;
