//! The checks that each key of each backend goes through, and their trials.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::Trial;
use signet_core::x509::algorithm::KeyAlgorithm;

use crate::backends::{ALGORITHMS, Running};
use crate::contract;
use crate::rig::Subject;
use crate::runner::trial;
use crate::table::{Cell, Table};

/// A check.
pub(crate) struct Check {
    name: &'static str,
    /// What it proves, as in the table.
    pub(crate) proves: &'static str,
    run: fn(Subject) -> BoxFuture<'static, ()>,
    rsa_alone: bool,
}

macro_rules! check {
    ($name:ident, $proves:literal) => {
        Check {
            name: stringify!($name),
            proves: $proves,
            run: |subject| contract::$name(subject).boxed(),
            rsa_alone: false,
        }
    };
}

/// Every check, in the order of the table.
pub(crate) const CHECKS: &[Check] = &[
    check!(
        public_key,
        "the public key is what the backend's tool returns"
    ),
    check!(certificate, "OpenSSL reads it from the certificate"),
    check!(signature, "OpenSSL, pure Rust and aws-lc verify"),
    check!(form, "signatures have the form of X.509 (DER)"),
    check!(strict_root, "openssl verify -x509_strict takes its root"),
    Check {
        rsa_alone: true,
        ..check!(rsa_hashes, "rsaHash SHA384 and SHA512 do as SHA256 does")
    },
    check!(fifty_at_once, "50 at once each belong to their bytes"),
    check!(looked_at_again, "a check finds it the same"),
    check!(pinned, "with the pin, it is the same key"),
    check!(debug, "Debug shows the public half, and no secret"),
];

/// Why a check is only for RSA keys.
const HASH_OF_THE_CURVE: &str = "only an RSA key leaves the hash open";

/// A trial for each algorithm and check.
pub(crate) fn trials(running: &Arc<Running>, table: &Arc<Table>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for algorithm in ALGORITHMS {
        for (row, check) in CHECKS.iter().enumerate() {
            if applies(check, algorithm) {
                trials.push(of_check(running, table, algorithm, row));
            }
        }
    }
    trials
}

fn applies(check: &Check, algorithm: KeyAlgorithm) -> bool {
    !check.rsa_alone || matches!(algorithm, KeyAlgorithm::Rsa { .. })
}

/// What stands in the table without being tried.
pub(crate) fn without_trial(row: usize, algorithm: KeyAlgorithm) -> Option<Cell> {
    (!applies(&CHECKS[row], algorithm)).then_some(Cell::Empty(HASH_OF_THE_CURVE))
}

fn of_check(
    running: &Arc<Running>,
    table: &Arc<Table>,
    algorithm: KeyAlgorithm,
    row: usize,
) -> Trial {
    let (running, table) = (Arc::clone(running), Arc::clone(table));
    let backend = running.backend.name;
    let check = &CHECKS[row];
    trial(
        format!("{backend}::{algorithm}::{}", check.name),
        async move || {
            let cell = (backend, row, algorithm);
            table.check(cell, Cell::Failed);
            match running.key(algorithm).await {
                Ok(subject) => {
                    (check.run)(subject).await;
                    table.check(cell, Cell::Proven(None));
                }
                Err(reason) => table.check(cell, Cell::Empty(reason)),
            }
        },
    )
}
