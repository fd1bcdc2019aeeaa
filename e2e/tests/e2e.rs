//! The end-to-end tests: Signet on a real control plane.
//!
//! One binary, so that one control plane serves them all; [`signet_e2e::runner`] says how they are
//! run. A test's name begins with the rule that it shows, where a rule has a number.

/// The tests of a module, each in a namespace of its own on the shared bed.
macro_rules! shared {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$(signet_e2e::runner::shared(module_path!(), stringify!($name), $name)),*]
        }
    };
}

#[path = "e2e/certificate_request.rs"]
mod certificate_request;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [certificate_request::tests()].into_iter().flatten().collect();
    signet_e2e::runner::run(tests, |_| Vec::new())
}
