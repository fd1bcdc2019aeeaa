//! Keys that take their time: the rate is to be what the API server allows, and not what one
//! signature at a time would.

mod slow;

use std::fmt;

use anyhow::Result;
use serde_json::json;

use crate::contender::Bench;
use crate::driver::{Asked, Driver};
use crate::observe::wait_for_condition;
use crate::report::{line, median_of, save};
use crate::round::{Figures, Sizes, of_driver};
use slow::{DELAY, SESSIONS, SlowKeys};

/// Which key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// In a Secret, so in the operator's memory.
    Software,
    /// In OpenBao, behind a proxy that lets each signature wait.
    Vault,
    /// In SoftHSM2, behind a shim that does.
    Pkcs11,
}

impl Key {
    const ALL: [Self; 3] = [Self::Software, Self::Vault, Self::Pkcs11];

    fn asked(self) -> Asked {
        Asked {
            group: "signet.dev",
            issuer: match self {
                Self::Software => crate::ISSUER,
                Self::Vault => slow::VAULT,
                Self::Pkcs11 => slow::PKCS11,
            },
            finished_by_driver: false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Software => "software",
            Self::Vault => "vaultTransit",
            Self::Pkcs11 => "pkcs11",
        })
    }
}

/// Measures each key in turn, with one Signet that has them all.
pub(crate) async fn measure(bench: &mut Bench, rounds_wanted: usize, sizes: Sizes) -> Result<()> {
    eprintln!("starting OpenBao, and making a token in SoftHSM2");
    let slow = SlowKeys::prepare(&bench.client).await?;
    bench.stop_cert_manager()?;
    let mut rounds = Vec::new();
    for round in 1..=rounds_wanted {
        for key in Key::ALL {
            eprintln!("round {round} of {rounds_wanted}: {key}");
            let signet = bench.start_signet(slow.flags()).await?;
            let asked = key.asked();
            wait_for_condition(&bench.client, asked.group, asked.issuer).await?;
            let driver = Driver::new(bench.client.clone(), &bench.material, asked);
            let figures = of_driver(&bench.client, &driver, signet.pid, sizes).await?;
            signet.stop().await?;
            eprintln!("  {}", line(&figures));
            rounds.push((key, figures));
        }
    }
    finish(&rounds)
}

fn finish(rounds: &[(Key, Figures)]) -> Result<()> {
    let medians = Key::ALL.map(|key| {
        let own = rounds.iter().filter(|(of, _)| *of == key);
        median_of(&own.map(|(_, figures)| *figures).collect::<Vec<_>>())
    });
    let one_by_one = 1.0 / DELAY.as_secs_f64();
    println!(
        "Each signature of vaultTransit and pkcs11 takes {} ms longer; one at a time, these are \
         {one_by_one:.0} a second. pkcs11 has {SESSIONS} sessions.\n",
        DELAY.as_millis()
    );
    println!(
        "| key | burst, per s | of the software key's | of one signature at a time | p50, ms | \
         p99, ms |\n|---|---|---|---|---|---|"
    );
    let software = medians[0].rate;
    for (key, figures) in Key::ALL.into_iter().zip(&medians) {
        let alone = match key {
            Key::Software => "-".to_owned(),
            Key::Vault | Key::Pkcs11 => format!("{:.1}", figures.rate / one_by_one),
        };
        println!(
            "| {key} | {:.0} | {:.2} | {alone} | {:.0} | {:.0} |",
            figures.rate,
            figures.rate / software,
            figures.p50_ms,
            figures.p99_ms,
        );
    }
    let named = |key: Key, figures: &Figures| json!({ "key": key.to_string(), "figures": figures });
    let rounds: Vec<_> = rounds
        .iter()
        .map(|(key, figures)| named(*key, figures))
        .collect();
    let medians = Key::ALL.into_iter().zip(&medians);
    let medians: Vec<_> = medians.map(|(key, figures)| named(key, figures)).collect();
    save(
        "keys.json",
        &json!({ "medians": medians, "rounds": rounds }),
    )
}
