//! Measures Signet beside cert-manager's CA issuer and beside the ceiling, slow keys beside the
//! software key, issuers with rules beside one without, backlogs of three sizes, or the memory that
//! requests cost, in turn, on one real control plane. `docs/performance.md` says how to read the report.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints"
)]

mod backlog;
mod bed;
mod ca;
mod driver;
mod memory;
mod observe;
mod plot;
mod process;
mod report;
mod round;
mod rules;
mod slow;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use bed::Bed;
use round::{Figures, Sizes};
use slow::SlowKeys;

/// Measures Signet beside cert-manager's CA issuer and beside the ceiling, slow keys beside the
/// software key, or issuers with rules beside one without.
#[derive(Parser)]
struct Arguments {
    /// What to measure. Default: Signet beside cert-manager and the ceiling.
    what: Option<What>,
    /// Rounds to measure; the report has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Numbers of requests that wait.
    #[arg(
        long,
        hide = true,
        value_delimiter = ',',
        default_value = "2000,10000,40000"
    )]
    backlogs: Vec<usize>,
    /// Requests that wait, and finished ones, for the memory that they cost.
    #[arg(long, hide = true, default_value_t = 20_000)]
    waiting: usize,
    #[arg(long, hide = true, default_value_t = 100_000)]
    finished: usize,
    #[command(flatten)]
    sizes: Sizes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Keys that take 20 ms for a signature beside the software key.
    Keys,
    /// 2,000, 10,000 and 40,000 requests that wait when the operator starts.
    Backlog,
    /// What waiting and finished requests cost in memory.
    Memory,
    /// Issuers with one and with 50 rules, the last of which allows the requests, beside one
    /// without.
    Rules,
}

/// The namespace of the requests.
const REQUESTS: &str = "bench";
/// The namespace of requests that arrive during a backlog.
const OTHERS: &str = "bench-others";
/// The name of the ClusterIssuers over the CA in a Secret.
const ISSUER: &str = "bench";

/// The program that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signer {
    /// The driver writes the finished status itself: the ceiling.
    Driver,
    /// cert-manager's CA issuer, with 20 workers and its approver off.
    CertManager,
    /// Signet, built for release.
    Signet,
}

/// What is measured: requests to a ClusterIssuer.
#[derive(Clone, Copy, Debug)]
struct Subject {
    name: &'static str,
    signer: Signer,
    issuer: &'static str,
}

const fn subject(name: &'static str, signer: Signer, issuer: &'static str) -> Subject {
    Subject {
        name,
        signer,
        issuer,
    }
}

const SIGNET: Subject = subject("signet", Signer::Signet, ISSUER);

const CONTENDERS: [Subject; 3] = [
    subject("ceiling", Signer::Driver, ISSUER),
    subject("cert-manager", Signer::CertManager, ISSUER),
    SIGNET,
];

/// Slow keys must reach the rate that the API server allows, not that of one signature at a time.
const KEYS: [Subject; 3] = [
    subject("software", Signer::Signet, ISSUER),
    subject("vaultTransit", Signer::Signet, slow::VAULT),
    subject("pkcs11", Signer::Signet, slow::PKCS11),
];

/// Rules must cost next to nothing beside a signature.
const RULES: [Subject; 3] = [
    subject("none", Signer::Signet, ISSUER),
    subject("1", Signer::Signet, rules::ONE),
    subject("50", Signer::Signet, rules::MANY),
];

/// Figures of one subject in one round.
type Round = (&'static str, Figures);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another crypto provider was installed before"))?;
    let mut bed = Bed::prepare().await?;
    match arguments.what {
        None => {
            let rounds = measure(&mut bed, CONTENDERS, &arguments, &[]).await?;
            report::contenders(&CONTENDERS.map(|it| it.name), &rounds)
        }
        Some(What::Keys) => {
            eprintln!("starting OpenBao, and making a token in SoftHSM2");
            let slow = SlowKeys::prepare(&bed.client).await?;
            let rounds = measure(&mut bed, KEYS, &arguments, &slow.flags()).await?;
            report::keys(&KEYS.map(|it| it.name), &rounds)
        }
        Some(What::Backlog) => {
            let mut figures = Vec::new();
            for requests in &arguments.backlogs {
                eprintln!("{requests} requests wait");
                figures.push(backlog::measure(&mut bed, *requests).await?);
                report::backlog(&figures)?;
            }
            Ok(())
        }
        Some(What::Memory) => {
            let (waiting, finished) = (arguments.waiting, arguments.finished);
            report::memory(&memory::measure(&mut bed, waiting, finished).await?)
        }
        Some(What::Rules) => {
            rules::prepare(&bed.client).await?;
            let rounds = measure(&mut bed, RULES, &arguments, &[]).await?;
            report::rules(&RULES.map(|it| it.name), &rounds)
        }
    }
}

/// Measures each subject in turn, in each round, while no other signs. `flags` are Signet's.
async fn measure(
    bed: &mut Bed,
    subjects: [Subject; 3],
    arguments: &Arguments,
    flags: &[String],
) -> Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for round in 1..=arguments.rounds {
        for subject in subjects {
            eprintln!("round {round} of {}: {}", arguments.rounds, subject.name);
            let running = bed.start(subject, flags).await?;
            let driver = bed.driver(subject);
            let figures = round::measure(&bed.client, &driver, running.pid, arguments.sizes);
            let figures = figures.await?;
            running.stop().await?;
            eprintln!("  {}", report::line(&figures));
            rounds.push((subject.name, figures));
        }
    }
    Ok(rounds)
}
