//! The pages on the sources of CA certificates, whose commands are run as printed.

mod issuer_ref;
mod vault_pki;

use libtest_mimic::Trial;

pub(crate) fn tests() -> Vec<Trial> {
    [issuer_ref::tests(), vault_pki::tests()]
        .into_iter()
        .flatten()
        .collect()
}
