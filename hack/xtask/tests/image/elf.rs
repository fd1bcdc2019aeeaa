//! Programs and libraries of any processor, read by binutils.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use signet_testbed::run;

/// A file that the dynamic loader runs or loads.
pub(crate) struct Elf {
    pub(crate) path: PathBuf,
    /// The processor, as readelf names it.
    pub(crate) machine: String,
    /// The names of the libraries that it is linked with.
    pub(crate) needed: Vec<String>,
    /// The path of its dynamic loader, if it is a program.
    pub(crate) loader: Option<String>,
}

impl Elf {
    /// Each of a folder and those below it.
    pub(crate) fn all(root: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                found.extend(Self::all(&path));
            } else if kind.is_file() && fs::read(&path).unwrap().starts_with(b"\x7fELF") {
                found.push(Self::read(path));
            }
        }
        found
    }

    fn read(path: PathBuf) -> Self {
        let mut readelf = Command::new("readelf");
        readelf.args(["--wide", "--file-header", "--dynamic", "--program-headers"]);
        let text = run(readelf.arg(&path).env("LC_ALL", "C")).unwrap();
        let value = |line: &str, name: &str| {
            let (_, rest) = line.split_once(name)?;
            Some(rest.trim().trim_matches(['[', ']']).to_owned())
        };
        let find = |name: &str| text.lines().find_map(|line| value(line, name));
        let needed = text
            .lines()
            .filter_map(|line| value(line, "Shared library:"));
        Self {
            machine: find("Machine:").unwrap(),
            needed: needed.collect(),
            loader: find("Requesting program interpreter:"),
            path,
        }
    }
}
