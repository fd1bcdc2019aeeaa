//! SPIRE servers with a CA under Signet's, and SVIDs from the Workload API of their agents.

mod cert_manager;
mod disk;
mod nested;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::json;
use signet_api::IssuerKind::ClusterIssuer;
use signet_api::IssuerStatus;
use signet_e2e::spire::Spire;
use signet_e2e::verify::Certificate;
use signet_e2e::{IssuerRef, TestNamespace, spec};
use signet_testbed::spire::Svid;

pub(crate) fn tests() -> Vec<Trial> {
    let tests = [nested::tests(), disk::tests(), cert_manager::tests()];
    tests.into_iter().flatten().collect()
}

/// The issuer of docs/meshes/spire.md, for the account of a test's namespace. Its next root signs
/// when the test says so.
async fn issuer(test: &TestNamespace, preset: &str, path_length: u8) -> Result<IssuerRef> {
    let spec = spec::self_signed(&test.unique("spire"));
    let mut spec = test.spec_for_spire(spec, preset, path_length);
    spec["rotation"] = json!({ "activation": "Manual" });
    test.issuer(ClusterIssuer, "spire", spec).await
}

/// The trust bundle of an issuer, once it has so many roots.
async fn bundle_of(test: &TestNamespace, issuer: &IssuerRef, count: usize) -> Result<String> {
    let bundle = |status: &IssuerStatus| status.bundle.clone().unwrap_or_default();
    let holds = |status: &IssuerStatus| {
        let roots = Certificate::read_pem(&bundle(status));
        roots.is_ok_and(|roots| roots.len() == count)
    };
    let what = format!("with {count} roots");
    let status = test.wait_for_status(issuer, &what, holds).await?;
    Ok(bundle(&status))
}

/// Workloads of one phase after the other, each of which connects with the one before.
struct Phases<'a> {
    spire: &'a Spire<'a>,
    before: Option<(&'static str, Svid)>,
}

impl<'a> Phases<'a> {
    const fn of(spire: &'a Spire<'a>) -> Self {
        Self {
            spire,
            before: None,
        }
    }

    /// The next one. Its SVID is below the first roots, and it was told to trust the second ones, in
    /// any order, and no others.
    async fn next(
        &mut self,
        workload: &'static str,
        (above, trusted): (&str, &str),
    ) -> Result<Svid> {
        let svid = self.spire.svid(workload).await?;
        self.spire.check(&svid, workload, above)?;
        ensure!(set(&svid.bundle)? == set(trusted)?, "{}", svid.bundle);
        if let Some((name, before)) = &self.before {
            let pair = ((*name, before), (workload, &svid));
            self.spire.connect(pair.0, pair.1).await?;
        }
        self.before = Some((workload, svid.clone()));
        Ok(svid)
    }
}

fn set(roots: &str) -> Result<BTreeSet<Vec<u8>>> {
    let roots = Certificate::read_pem(roots)?;
    Ok(roots.iter().map(|root| root.der().to_vec()).collect())
}
