//! SoftHSM2: a PKCS#11 module whose tokens are files.

mod faults;
mod shim;
mod spki;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use parking_lot::Mutex;

use crate::home::Home;
use crate::packages;
use crate::pki::write_private;

pub use faults::Fault;

/// A folder of tokens, and a module that reads them.
///
/// The module may be loaded into any process beside the modules of other instances: it is the
/// shim of this crate in front of its own copy of SoftHSM2. All methods block.
#[derive(Debug)]
pub struct SoftHsm {
    package: packages::SoftHsm,
    relabel: PathBuf,
    home: Home,
    faults: Mutex<faults::Control>,
}

impl SoftHsm {
    /// An instance without tokens. Installs SoftHSM2 first, if it must.
    pub fn new() -> Result<Self> {
        let package = packages::softhsm()?;
        let programs = shim::ensure()?;
        let home = Home::temporary()?;
        fs::create_dir(home.join("tokens"))?;
        let tokens = home.join("tokens");
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        write_private(&home.join("conf"), &conf)?;
        write_private(&home.join("guard"), &package.module.display().to_string())?;
        fs::copy(&package.module, home.join("real.so"))?;
        fs::copy(programs.join("shim.so"), home.join("shim.so"))?;
        Ok(Self {
            package,
            relabel: programs.join("relabel"),
            home,
            faults: Mutex::default(),
        })
    }

    /// The module that a program under test loads. It needs no environment.
    pub fn module(&self) -> PathBuf {
        self.home.join("shim.so")
    }

    /// SoftHSM2 itself, without the shim. It needs the variable of [`Self::environment`].
    pub fn plain_module(&self) -> &Path {
        &self.package.module
    }

    /// The environment variable that [`Self::plain_module`] needs.
    pub fn environment(&self) -> (&'static str, PathBuf) {
        ("SOFTHSM2_CONF", self.home.join("conf"))
    }
}
