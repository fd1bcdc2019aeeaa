//! Every secret of the run, for the check at its end that none was shown.

use std::collections::BTreeSet;

use parking_lot::Mutex;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes a secret, and gives it back.
pub fn note(secret: impl Into<String>) -> String {
    let secret = secret.into();
    let mut known = KNOWN.lock();
    known.insert(secret.clone());
    secret
}

/// All that were noted so far.
pub fn known() -> Vec<String> {
    let known = KNOWN.lock();
    known.iter().cloned().collect()
}
