//! The two C programs in `shim/`, compiled once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;
use crate::packages;

const HEADER: &str = include_str!("../../../shim/cryptoki.h");
const SHIM: &str = include_str!("../../../shim/shim.c");
const RELABEL: &str = include_str!("../../../shim/relabel.c");

const FLAGS: &[&str] = &["-std=gnu11", "-Wall", "-O1"];
const SHARED: &[&str] = &["-shared", "-fPIC", "-fvisibility=hidden"];

/// The folder with `shim.so` and `relabel`.
pub(crate) fn ensure() -> Result<PathBuf> {
    packages::ensure("shim", &[HEADER, SHIM, RELABEL], |folder| {
        fs::write(folder.join("cryptoki.h"), HEADER)?;
        fs::write(folder.join("shim.c"), SHIM)?;
        fs::write(folder.join("relabel.c"), RELABEL)?;
        let compile = |source: &str, flags: &[&str], target: &str| {
            let mut compiler = Command::new("cc");
            compiler.current_dir(folder).args(FLAGS).args(flags);
            compiler.args(["-o", target, source, "-ldl", "-pthread"]);
            run(&mut compiler).context("a C compiler is needed, as cc on the PATH")
        };
        compile("shim.c", SHARED, "shim.so")?;
        compile("relabel.c", &[], "relabel")?;
        Ok(())
    })
}
