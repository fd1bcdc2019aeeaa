//! The pages about agents that need no kubelet for a part of their steps, followed word by word up
//! to what is marked as not tested.

use anyhow::Result;
use signet_e2e::runtime::blocking;
use signet_e2e::shell::Shell;
use signet_e2e::{TestNamespace, tutorial};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::{ports, spire};

shared![
    linkerd_is_followed,
    spire_is_followed,
    spire_with_a_mesh_ca_is_followed,
    open_service_mesh_is_followed,
    trust_manager_is_followed,
    files_is_followed,
];

/// The names on the pages are no other test's, so they can be followed at the same time.
async fn follow(test: &TestNamespace, page: &str) -> Result<()> {
    tutorial::follow(test.bed(), page, &[]).await
}

async fn linkerd_is_followed(test: &TestNamespace) -> Result<()> {
    follow(test, "meshes/linkerd.md").await?;
    // In the same namespace.
    follow(test, "meshes/linkerd-mesh-ca.md").await
}

async fn spire_is_followed(test: &TestNamespace) -> Result<()> {
    follow_with_spire(test, "meshes/spire.md").await
}

async fn spire_with_a_mesh_ca_is_followed(test: &TestNamespace) -> Result<()> {
    follow_with_spire(test, "meshes/spire-mesh-ca.md").await
}

/// The commands of the page run SPIRE's server, and end it.
async fn follow_with_spire(test: &TestNamespace, page: &str) -> Result<()> {
    let programs = blocking(|| spire::programs(&Toolchain::new()?)).await?;
    let mut shell = Shell::new(test.bed())?;
    for program in &programs {
        shell = shell.with_program(program)?;
    }
    let [server, workload] = ports::free()?.map(|port: u16| port.to_string());
    let variant = [("8081", &*server), ("18443", &*workload)];
    let followed = tutorial::follow_in(&shell, page, &variant, async |_| Ok(())).await;
    // What a command has started that failed, or one before it.
    let end = "for file in *.pid; do kill \"$(cat \"$file\")\" || true; done";
    let ended = shell.run(end).await;
    followed?;
    ended.map(drop)
}

async fn open_service_mesh_is_followed(test: &TestNamespace) -> Result<()> {
    follow(test, "meshes/open-service-mesh.md").await
}

async fn trust_manager_is_followed(test: &TestNamespace) -> Result<()> {
    follow(test, "meshes/trust-manager.md").await
}

async fn files_is_followed(test: &TestNamespace) -> Result<()> {
    follow(test, "meshes/files.md").await
}
