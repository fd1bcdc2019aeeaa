//! One suite for every key backend. [`backends::BACKENDS`] is the list; [`contract`] holds for
//! every key of each, [`faults`] has the error of each for what goes wrong, and what is special about
//! a backend stands in its own module. At the end there is a table of what was proven.
//!
//! The names of the trials begin with the backend, so that
//! `cargo test -p signet-keys --test conformance -- vaultTransit` starts no other server.
#![allow(clippy::unwrap_used, reason = "a failing test shows where")]

/// The tests of a module that are not checks or faults: async functions without arguments.
macro_rules! own {
    ($group:literal: $($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$(crate::runner::trial(concat!($group, "::", stringify!($name)), $name)),*]
        }
    };
}

#[cfg(feature = "aws-kms")]
mod aws_kms;
mod backends;
mod checks;
mod contract;
mod faults;
mod memory;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod rig;
mod root;
mod runner;
mod software;
mod table;
mod types;
#[cfg(feature = "vault")]
mod vault_pki;
#[cfg(feature = "vault")]
mod vault_transit;
mod wiretap;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "pkcs11")]
    if std::env::args_os().nth(1).as_deref() == Some(pkcs11::MODULE.as_ref()) {
        return pkcs11::run_module();
    }
    runner::run()
}
