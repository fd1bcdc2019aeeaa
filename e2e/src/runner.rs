//! Runs the tests of this crate.
//!
//! libtest gives each test a runtime of its own and knows no order. A client of the API server
//! lives no longer than the runtime that it was made on, and least privilege can only be judged
//! once all else has run. So here all tests share one runtime, and there are two rounds: the
//! tests, in parallel, and after the last of them the closing ones. The command line is libtest's.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use anyhow::Result;
use futures::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::installation::{Profile, operator_binary};
use signet_testbed::wait::MAX_TEST;

use crate::bed::Setup;
use crate::runtime::runtime;
use crate::{Bed, Kubernetes, OwnBed, TestNamespace};

/// Tests mostly wait for the operator, so there are more of them at a time than processors.
const THREADS: usize = 8;

/// A test on the shared [`Bed`], in a namespace of its own.
pub fn shared<F>(module: &str, name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(&TestNamespace) -> Result<()> + Send + 'static,
{
    let short = name.to_owned();
    trial(module, name, async move || {
        let bed = Bed::shared().await?;
        let namespace = TestNamespace::create(bed, &short).await?;
        Box::pin(test(&namespace)).await
    })
}

/// A test on a control plane other than the shared one. The time until it is free is not the test's.
pub fn own<F>(kubernetes: Kubernetes, module: &str, name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(OwnBed) -> Result<()> + Send + 'static,
{
    named(module, name, async move || {
        match Bed::own(kubernetes).await {
            Ok(bed) => guarded(Box::pin(test(bed))).await,
            Err(error) => Err(failed(&error)),
        }
    })
}

/// A test that needs no bed.
pub fn trial<F>(module: &str, name: &str, test: F) -> Trial
where
    F: AsyncFnOnce() -> Result<()> + Send + 'static,
{
    named(module, name, async move || guarded(Box::pin(test())).await)
}

fn named<F>(module: &str, name: &str, test: F) -> Trial
where
    F: AsyncFnOnce() -> Result<(), Failed> + Send + 'static,
{
    let module = module.split_once("::").map_or("", |(_, module)| module);
    Trial::test(format!("{module}::{name}"), move || {
        runtime().block_on(Box::pin(test()))
    })
}

/// The future of a long test does not fit on a thread's stack, so it is boxed.
///
/// A panic must not unwind through the runtime's thread before the test's guards were dropped on
/// it, and a test that hangs must end too.
async fn guarded(test: impl Future<Output = Result<()>>) -> Result<(), Failed> {
    let test = AssertUnwindSafe(test).catch_unwind();
    match tokio::time::timeout(MAX_TEST, test).await {
        Ok(Ok(result)) => result.map_err(|error| failed(&error)),
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => Err(Failed::from(format!(
            "not done in {} s",
            MAX_TEST.as_secs()
        ))),
    }
}

/// The error with its causes, and of its backtrace, where there is one, what lies in the tests.
fn failed(error: &anyhow::Error) -> Failed {
    /// An API error repeats the whole object that it is about.
    const MOST: usize = 4000;
    let causes: Vec<_> = error
        .chain()
        .map(|cause| cut(&cause.to_string(), MOST))
        .collect();
    let mut text = causes.join("\nbecause: ");
    let backtrace = error.backtrace().to_string();
    for line in backtrace
        .lines()
        .filter(|line| line.contains("/e2e/tests/"))
    {
        text.push_str(&format!("\n{}", line.trim()));
    }
    Failed::from(text)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Builds all that the tests start: minutes, where nothing is cached yet.
fn build() -> Result<()> {
    operator_binary(Profile::Dev)?;
    Toolchain::new()?.build_all()
}

/// Runs the tests, and then what `closing` makes of whether all of them ran.
pub fn run(tests: Vec<Trial>, closing: impl FnOnce(bool) -> Vec<Trial>) -> ExitCode {
    run_prepared(tests, closing, THREADS, || Ok(()))
}

/// As [`run`], with a shared bed that is set up.
pub fn run_on(
    setup: Setup,
    tests: Vec<Trial>,
    closing: impl FnOnce(bool) -> Vec<Trial>,
) -> ExitCode {
    Bed::set_up(setup);
    run_prepared(tests, closing, setup.threads, setup.prepare)
}

fn run_prepared(
    tests: Vec<Trial>,
    closing: impl FnOnce(bool) -> Vec<Trial>,
    threads: usize,
    prepare: fn() -> Result<()>,
) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(threads);
    if !arguments.list
        && let Err(error) = build().and_then(|()| prepare())
    {
        // Nothing is there that could report it.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        return ExitCode::FAILURE;
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    let complete = conclusion.num_filtered_out + conclusion.num_ignored == 0;
    let closing = libtest_mimic::run(&arguments, closing(complete && !arguments.list));
    match (conclusion.has_failed(), closing.has_failed()) {
        (false, false) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
