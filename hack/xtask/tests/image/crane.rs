//! An independent client of registries.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use signet_testbed::controlplane::Toolchain;
use signet_testbed::registry::{PASSWORD, Registry, USERNAME};
use signet_testbed::run;
use tempfile::TempDir;

/// crane, logged in to a registry.
pub(crate) struct Crane {
    toolchain: Toolchain,
    home: TempDir,
}

impl Crane {
    pub(crate) fn new(toolchain: Toolchain, registry: &Registry) -> Self {
        let home = tempfile::tempdir().unwrap();
        let crane = Self { toolchain, home };
        let address = registry.address().to_string();
        let login = ["auth", "login", "-u", USERNAME, "-p", PASSWORD, &address];
        crane.run(&login);
        crane
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let mut crane = Command::new(self.toolchain.crane().unwrap());
        crane.env("DOCKER_CONFIG", self.home.path()).args(arguments);
        run(&mut crane).unwrap()
    }

    /// The folder with the login, which cosign reads, too.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }
}
