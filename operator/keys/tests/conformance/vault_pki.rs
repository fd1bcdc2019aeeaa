//! CA certificates from the PKI engine, on a real OpenBao.

mod attacks;
mod bed;
mod errors;
mod signing;

pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
    [signing::tests(), errors::tests(), attacks::tests()]
        .into_iter()
        .flatten()
        .collect()
}
