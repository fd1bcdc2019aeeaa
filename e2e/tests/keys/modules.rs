//! The processes in which PKCS#11 modules run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use signet_api::IssuerKind::ClusterIssuer;
use signet_e2e::csr::Csr;
use signet_e2e::keys::{self, RemoteKey};
use signet_e2e::{Ask, OwnBed, TestNamespace, stop};
use signet_testbed::installation::Operator;
use signet_testbed::keyservers::softhsm::Fault;
use signet_testbed::wait::{Observation, until};

shared![a_module_that_crashes_in_a_signature_is_restarted];

/// What is requested meanwhile is issued afterwards, and other modules do not notice.
async fn a_module_that_crashes_in_a_signature_is_restarted(test: &TestNamespace) -> Result<()> {
    let key = keys::token("crash").await?;
    let issuer = test.issuer_over(ClusterIssuer, "crash", &*key).await?;
    let steady = keys::token("steady").await?;
    let other = test.issuer_over(ClusterIssuer, "steady", &*steady).await?;
    key.hsm().set_faults(&[Fault::Crash("C_Sign")])?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    let message = test.wait_until_not_ready(&issuer, "KeyUnreachable").await?;
    ensure!(
        message.contains("the PKCS#11 module crash stopped") && message.contains("SIGSEGV"),
        "{message}"
    );
    ensure!(!message.contains(".so"), "{message}");
    test.obtain(&other).await?;
    test.obtain(&test.root().await?).await?;
    let operator = test
        .bed()
        .operator()
        .context("one runs on the shared bed")?;
    let restarts = async |module: &str| {
        let series = "signet_pkcs11_module_restarts_total";
        let series = format!(r#"{series}{{module="{module}",reason="crashed"}}"#);
        operator
            .metric(&series)
            .await
            .map(Option::unwrap_or_default)
    };
    ensure!(restarts("crash").await? >= 1.0, "no restart is counted");
    ensure!(restarts("steady").await? == 0.0, "another module crashed");
    key.bring_back()?;
    test.issued(&request, &csr).await?;
    test.wait_until_ready(&issuer).await?;
    let resident = r#"signet_pkcs11_module_resident_bytes{module="crash"}"#;
    let resident = operator.metric(resident).await?;
    ensure!(resident.is_some_and(|bytes| bytes > 1e6), "{resident:?}");
    Ok(())
}

/// Also while the library does not return, and whatever the operator cannot do any more.
pub(crate) async fn a_module_that_hangs_ends_with_an_operator_that_is_killed(
    bed: OwnBed,
) -> Result<()> {
    let operator = start(&bed).await?;
    let test = TestNamespace::create(bed.bed(), "orphan").await?;
    let key = keys::token("orphan").await?;
    let issuer = test.issuer_over(ClusterIssuer, "orphan", &*key).await?;
    let processes = children(operator.pid())?;
    let modules: Vec<_> = processes.iter().filter(|it| is_module(it)).collect();
    ensure!(modules.len() == 1, "{processes:?}");
    let module = modules[0].clone();
    has_no_pin(&module, &key.pin())?;
    key.hsm().set_faults(&[Fault::Hang("C_Sign")])?;
    let csr = Csr::for_dns("shop.example")?;
    let request = test.ask(&Ask::new(&issuer, &csr)).await?;
    test.wait_until_not_ready(&issuer, "KeyUnreachable").await?;
    let module = match runs(&module) {
        true => module,
        // It was restarted because it hangs.
        false => next_module(&operator).await?,
    };
    operator.kill()?;
    ends(&module).await?;
    key.bring_back()?;
    let operator = start(&bed).await?;
    test.issued(&request, &csr).await?;
    let module = next_module(&operator).await?;
    stop(operator).await?;
    ends(&module).await
}

async fn ends(process: &Path) -> Result<()> {
    let gone = async || Ok(Observation::reached_if(!runs(process), "it runs"));
    until("the end of the module's process", gone).await
}

/// Whether it has not ended. Whether an orphan that did is waited for is not the operator's.
fn runs(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

async fn next_module(operator: &Operator) -> Result<PathBuf> {
    let observe = async || {
        let processes = children(operator.pid())?;
        Ok(match processes.into_iter().find(|it| is_module(it)) {
            Some(module) => Observation::Reached(module),
            None => Observation::Progress("no process of a module"),
        })
    };
    until("a process of the module", observe).await
}

/// The folders of the processes that this one started.
fn children(parent: u32) -> Result<Vec<PathBuf>> {
    let line = format!("PPid:\t{parent}\n");
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        // It may end meanwhile.
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        children.extend(status.contains(&line).then_some(folder));
    }
    Ok(children)
}

fn is_module(process: &Path) -> bool {
    let arguments = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    arguments.contains("pkcs11-module")
}

fn has_no_pin(process: &Path, pin: &str) -> Result<()> {
    for file in ["cmdline", "environ"] {
        let text = fs::read(process.join(file))?;
        let text = String::from_utf8_lossy(&text);
        ensure!(!text.contains(pin), "{file} has the PIN");
        ensure!(
            !text.contains("SIGNET_"),
            "{file} has the operator's settings"
        );
    }
    Ok(())
}

async fn start(bed: &OwnBed) -> Result<Operator> {
    let flags = keys::modules::flags()?;
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    // So that the next one takes over soon after one is killed.
    flags.extend(["--leader-election-lease-duration", "4s"]);
    bed.start_operator(&flags).await
}
