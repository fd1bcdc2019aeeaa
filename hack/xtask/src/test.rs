//! `cargo xtask test`: runs the tiers of the table below, and reports how each ended.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use rustix::process::{Pid, kill_process_group};
use signet_testbed::installation::cargo;
use signet_testbed::{NOTICES, cache};
use tempfile::NamedTempFile;

use crate::interrupt::Signals;

/// A part of `cargo xtask test` that can be run by itself: its name, what it checks, and its
/// commands. A later one runs even if an earlier one failed.
type Tier = (&'static str, &'static str, &'static [&'static str]);

/// In the order in which they run. Test programs always run for the whole workspace: for one
/// package Cargo would choose other features of what they share, and build all of it once more.
const TIERS: [Tier; 15] = [
    (
        "lint",
        "format and lints",
        &[
            "cargo fmt --all --check",
            "cargo clippy --locked --workspace --all-targets -- -D warnings",
        ],
    ),
    (
        "features",
        "the operator without key backends, and the keys crate with each single backend",
        &[
            "cargo clippy --locked -p signet --all-targets --no-default-features -- -D warnings",
            "cargo test --locked -p signet-keys --no-default-features --lib",
            "cargo clippy --locked -p signet-keys --all-targets --no-default-features --features aws-kms -- -D warnings",
            "cargo clippy --locked -p signet-keys --all-targets --no-default-features --features pkcs11 -- -D warnings",
            "cargo clippy --locked -p signet-keys --all-targets --no-default-features --features vault -- -D warnings",
        ],
    ),
    (
        "deny",
        "bans, licenses and sources of dependencies",
        // Without advisories, which change independently of this repository.
        &[
            "cargo install cargo-deny --debug --locked --quiet --no-default-features --version =0.20.2 --root {cache}/cargo-deny-0.20.2-debug",
            "{cache}/cargo-deny-0.20.2-debug/bin/cargo-deny --workspace check --hide-inclusion-graph bans licenses sources",
        ],
    ),
    (
        "verify",
        "generated files, crate directions, samples, links and words",
        &["{xtask} verify"],
    ),
    (
        "unit",
        "tests that need no program but OpenSSL",
        &[
            "cargo test --workspace --no-fail-fast --lib --bins --test crds --test trust_domain --test offline",
            "cargo test --workspace --doc",
        ],
    ),
    (
        "fuzz",
        "libFuzzer on the readers of untrusted input, for a fixed number of inputs",
        &[
            "cargo fmt --manifest-path fuzz/Cargo.toml --check",
            "{xtask} fuzz --short",
        ],
    ),
    (
        "chart",
        "the chart, rendered and linted by Helm, and its alerts",
        &["cargo test --workspace --no-fail-fast --test chart"],
    ),
    (
        "controlplane",
        "the local control plane by itself, and installing Signet on it",
        &[
            // The tests start the operator; a compiler next to them slows a control plane down.
            "cargo build --package signet --bins",
            "cargo test --workspace --no-fail-fast --test controlplane --test installation",
        ],
    ),
    (
        "e2e",
        "Signet on a control plane",
        &["cargo test --workspace --no-fail-fast --test e2e"],
    ),
    (
        "keys",
        "key backends on their real servers, by themselves and under Signet on a control plane",
        &[
            "cargo test --workspace --no-fail-fast --test keyservers --test keys",
            // It ends with a table, so it comes last.
            "cargo test --workspace --no-fail-fast --test conformance",
        ],
    ),
    (
        "image",
        "the operator's image, and that it runs as the chart would run it",
        &["cargo test --workspace --no-fail-fast --test image"],
    ),
    (
        "image-long",
        "the images of all architectures as they are released, and their signatures for cosign",
        &["cargo test --workspace --no-fail-fast --test image -- --ignored"],
    ),
    (
        "mesh",
        "istiod under Signet's CAs, on a control plane",
        &["cargo test --workspace --no-fail-fast --test mesh"],
    ),
    (
        "soak",
        "handshakes while keys and CAs are replaced and the operator is killed",
        &[
            "cargo test --workspace --no-fail-fast --test soak",
            // By itself, so that the two do not slow each other down.
            "cargo test --workspace --no-fail-fast --test mesh_soak",
        ],
    ),
    (
        "demo",
        "the demo and the samples, as users run them",
        &["cargo test --workspace --no-fail-fast --test demo"],
    ),
];

/// Tiers that run only if they are named: this one takes two release builds, one with a cross
/// compiler, and the build of cosign.
const BY_NAME: [&str; 1] = ["image-long"];

/// The arguments of `test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// The tier to run. Default: all of them but `image-long`, in this order.
    #[arg(value_parser = PossibleValuesParser::new(TIERS.map(|(name, _, _)| name)))]
    tier: Option<String>,
    /// Arguments of the tier's test programs, such as part of a test's name.
    #[arg(last = true, requires = "tier")]
    arguments: Vec<String>,
}

/// How a command or a tier ended; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Passed,
    Failed,
    Interrupted,
}

/// Runs the tiers and prints the report, whose last line counts what passed and failed.
pub(crate) async fn run(root: &Path, settings: &Test) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let notices = NamedTempFile::new()?;
    let mut report = Vec::new();
    let mut worst = Verdict::Passed;
    for (name, what, commands) in TIERS {
        let is_chosen = match &settings.tier {
            Some(tier) => tier == name,
            None => !BY_NAME.contains(&name),
        };
        if worst == Verdict::Interrupted || !is_chosen {
            continue;
        }
        println!("\n── {name}: {what} ──");
        let begin = Instant::now();
        let mut verdict = Verdict::Passed;
        for command in commands {
            if verdict != Verdict::Interrupted {
                let mut command = command_of(root, command, &settings.arguments)?;
                command.env(NOTICES, notices.path());
                let ended = execute(command, &mut signals).await?;
                verdict = verdict.max(ended);
            }
        }
        report.push((name, verdict, begin.elapsed()));
        worst = worst.max(verdict);
    }
    print!("\n{}", std::fs::read_to_string(notices.path())?);
    print!("{}", table(&report));
    Ok(ExitCode::from(u8::from(worst != Verdict::Passed)))
}

fn command_of(root: &Path, command: &str, arguments: &[String]) -> Result<Command> {
    let words = words(command, arguments)?;
    let (program, rest) = words.split_first().context("an empty command")?;
    let mut command = match program.as_str() {
        "cargo" => cargo(),
        program => Command::new(program),
    };
    command.args(rest).current_dir(root);
    Ok(command)
}

/// Runs one command of the table. It gets its own process group, to which a signal is passed
/// on: so the test program and what it started get it, and each of them once.
async fn execute(mut command: Command, signals: &mut Signals) -> Result<Verdict> {
    let shown = shown(&command);
    println!("$ {shown}");
    command.stdin(Stdio::null()).process_group(0);
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let mut interrupted = false;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    loop {
        let signal = tokio::select! {
            status = child.wait() => {
                return match (interrupted, status?.success()) {
                    (true, _) => Ok(Verdict::Interrupted),
                    (false, true) => Ok(Verdict::Passed),
                    (false, false) => {
                        eprintln!("error: {shown} failed");
                        Ok(Verdict::Failed)
                    }
                };
            }
            signal = signals.next() => signal,
        };
        interrupted = true;
        if let Some(group) = group {
            // It may have ended just now.
            let _ = kill_process_group(group, signal);
        }
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The words of a command of the table. The arguments of the user go to test programs.
fn words(command: &str, arguments: &[String]) -> Result<Vec<String>> {
    let (xtask, cache) = (std::env::current_exe()?, cache::folder()?);
    let fill = |word: &str| {
        let word = word.replace("{xtask}", &xtask.to_string_lossy());
        word.replace("{cache}", &cache.to_string_lossy())
    };
    let mut words: Vec<_> = command.split(' ').map(fill).collect();
    if command.starts_with("cargo test") && !arguments.is_empty() {
        if !words.iter().any(|word| word == "--") {
            words.push("--".to_owned());
        }
        words.extend_from_slice(arguments);
    }
    Ok(words)
}

fn table(report: &[(&str, Verdict, Duration)]) -> String {
    let mut text = String::new();
    for (tier, verdict, took) in report {
        let verdict = match verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Interrupted => "INTERRUPTED",
        };
        let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
        text += &format!("{tier:<14} {verdict:<12} {minutes:>3} min {seconds:>2} s\n");
    }
    let passed = report.iter().filter(|it| it.1 == Verdict::Passed).count();
    text + &format!("{passed} passed, {} failed\n", report.len() - passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_test_program_once() {
        // A tier of what another one leaves out names the same program.
        let is_whole = |command: &&str| !command.ends_with("--ignored");
        let metadata = ["metadata", "--format-version", "1", "--no-deps"];
        let metadata = signet_testbed::run(cargo().args(metadata)).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let targets = packages
            .iter()
            .flat_map(|it| it["targets"].as_array().unwrap());
        let tests = targets.filter(|it| it["kind"][0] == "test");
        let mut programs: Vec<_> = tests.map(|it| it["name"].as_str().unwrap()).collect();
        let commands = TIERS.iter().flat_map(|(_, _, commands)| *commands);
        let commands = commands.copied().filter(is_whole);
        let words: Vec<_> = commands.flat_map(|it| it.split(' ')).collect();
        let mut named: Vec<_> = words
            .windows(2)
            .filter(|pair| pair[0] == "--test")
            .map(|pair| pair[1])
            .collect();
        programs.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, programs, "add it to a tier of the table");
    }

    #[test]
    fn arguments_go_to_test_programs_only() {
        let arguments = ["restart".to_owned()];
        let shown = |command| words(command, &arguments).unwrap().join(" ");
        assert_eq!(
            shown("cargo test --test e2e"),
            "cargo test --test e2e -- restart"
        );
        assert_eq!(
            shown("cargo test --test image -- --ignored"),
            "cargo test --test image -- --ignored restart"
        );
        assert_eq!(shown("cargo fmt --all"), "cargo fmt --all");
        assert!(!shown("{cache}/x check").contains('{'));
    }

    #[test]
    fn the_last_line_of_the_report_counts() {
        let report = [
            ("unit", Verdict::Passed, Duration::from_secs(75)),
            ("e2e", Verdict::Failed, Duration::ZERO),
        ];
        let text = table(&report);
        assert!(
            text.starts_with("unit           passed         1 min 15 s\n"),
            "{text}"
        );
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed"));
    }
}
