//! Runs the trials on one runtime, then looks at what all of them have shown, and ends with the
//! table. The command line is libtest's.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};
use signet_testbed::wait::MAX_TEST;
use tokio::runtime::{Builder, Runtime};

use crate::backends::{BACKENDS, Running};
use crate::table::Table;
use crate::{checks, faults, types, wiretap};

/// Trials mostly wait for servers, so there are more of them at a time than processors.
const THREADS: usize = 4;

/// The runtime of all trials: a client lives no longer than the runtime that it was made on.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().enable_all().build().unwrap())
}

/// A trial of this name.
pub(crate) fn trial<F>(name: impl Into<String>, test: F) -> Trial
where
    F: AsyncFnOnce() + Send + 'static,
{
    Trial::test(name, move || runtime().block_on(guarded(test())))
}

/// A panic must not unwind through the runtime's thread before the trial's guards were dropped on
/// it, and a trial that hangs must end too.
async fn guarded(test: impl Future<Output = ()>) -> Result<(), Failed> {
    let test = AssertUnwindSafe(test).catch_unwind();
    match tokio::time::timeout(MAX_TEST, test).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(format!("not done in {} s", MAX_TEST.as_secs()).into()),
    }
}

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    wiretap::install();
    let table = Arc::new(Table::default());
    let trials = libtest_mimic::run(&arguments, trials(&table));
    let closing = vec![trial("no_secret_was_shown", async || wiretap::search())];
    if !arguments.list {
        // Whatever part was run, it must not have shown a secret.
        arguments.filter = None;
        arguments.skip.clear();
    }
    let closing = libtest_mimic::run(&arguments, closing);
    let failed = trials.has_failed() || closing.has_failed();
    if !arguments.list {
        let _ = write!(std::io::stdout(), "{table}");
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// The trials hold the servers: with the last trial of a backend they end.
fn trials(table: &Arc<Table>) -> Vec<Trial> {
    let of_backend = |backend| {
        let running = Running::new(backend);
        let mut trials = checks::trials(&running, table);
        trials.extend(faults::trials(&running, table));
        trials.extend((backend.own)());
        trials
    };
    let mut trials = types::tests();
    trials.extend(wiretap::tests());
    trials.extend(BACKENDS.iter().flat_map(of_backend));
    #[cfg(feature = "vault")]
    trials.extend(crate::vault_pki::tests());
    trials
}
