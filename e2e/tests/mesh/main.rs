//! The end-to-end tests about meshes: Signet on a real control plane, with the mesh's own control
//! plane beside it.
//!
//! One binary, so that one control plane serves them all; [`signet_e2e::runner`] runs them. On the
//! shared bed cert-manager's approver approves. There is no kubelet: [`signet_testbed::istio`]
//! starts istiod as its Deployment says, and the agent of a workload is a program with Istio's own
//! code. SPIRE's servers and agents run as [`signet_testbed::spire`] configures them.

#[macro_use]
extern crate signet_e2e;

mod ca_pages;
mod cacerts;
mod mesh_ca;
mod pages;
mod ra;
mod ra_rotation;
mod ra_trust_domain;
mod spire;

use std::process::ExitCode;

use anyhow::Result;
use signet_e2e::Setup;

const SETUP: Setup = Setup {
    approves: true,
    prepare,
    // Each has an istiod or a SPIRE server.
    threads: 3,
    flags: || Ok(Vec::new()),
};

fn prepare() -> Result<()> {
    signet_e2e::mesh::prepare()?;
    signet_e2e::spire::prepare()
}

fn main() -> ExitCode {
    let tests = [
        spire::tests(),
        mesh_ca::tests(),
        ra_trust_domain::tests(),
        ra_rotation::tests(),
        ra::tests(),
        cacerts::tests(),
        ca_pages::tests(),
    ];
    let tests = tests.into_iter().flatten().collect();
    signet_e2e::runner::run_on(SETUP, tests, pages::tests)
}
