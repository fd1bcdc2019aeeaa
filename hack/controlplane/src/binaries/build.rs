//! `go build`, with progress.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Program, cache};
use crate::progress::{duration, say};

/// Folders beside the cert-manager binary.
pub(super) const CRDS: &str = "crds";
pub(super) const CHART: &str = "chart";

/// Lines of the Go command that are shown when it fails.
const SHOWN_LINES: usize = 30;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// One sentence for whoever has no Go.
pub(super) fn check_go() -> Result<()> {
    match Command::new("go").arg("version").output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(
            "go does not work: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "Go is missing: install Go 1.26 or newer from https://go.dev/dl and put it on the PATH"
        ),
        Err(error) => Err(error).context("go cannot be run"),
    }
}

/// The path of a program; builds it if it is not in the cache.
///
/// It is built into a folder of its own, which then gets its name by a rename: what has the name
/// is whole. A lock keeps two processes from doing the same work.
pub(super) fn ensure(cache: &Path, program: Program) -> Result<PathBuf> {
    let name = program.name();
    let module = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("go")
        .join(program.module());
    let version = pinned_version(&fs::read_to_string(module.join("go.mod"))?, program.pin())?;
    let flags = linker_flags(program, &version);
    let go = run(go(&module).args(["env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED"]))?;
    let key = cache::key(&module, &[name, program.package(), &flags, &go])?;
    let folder = cache.join(format!("{name}-{version}-{key}"));
    let binary = folder.join(name);
    if binary.is_file() {
        return Ok(binary);
    }

    let _lock = cache::lock(cache, name)?;
    if binary.is_file() {
        return Ok(binary);
    }
    let prefix = format!(".{name}-");
    cache::sweep(cache, &prefix)?;
    let fresh = tempfile::Builder::new().prefix(&prefix).tempdir_in(cache)?;
    say(format_args!(
        "{name}: building {version} from Go modules, once"
    ));
    let begin = Instant::now();
    build(program, &module, &flags, &fresh.path().join(name))?;
    if program == Program::CertManager {
        copy_manifests(&module, program.pin(), fresh.path())?;
    }
    fs::rename(fresh.keep(), &folder)?;
    say(format_args!(
        "{name}: built in {}",
        duration(begin.elapsed())
    ));
    Ok(binary)
}

fn build(program: Program, module: &Path, flags: &str, binary: &Path) -> Result<()> {
    let mut child = go(module)
        .args([
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            flags,
            "-o",
        ])
        .arg(binary)
        .arg(program.package())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let begin = Instant::now();
    let (mut said, mut count) = (begin, 0_u32);
    let mut tail = VecDeque::with_capacity(SHOWN_LINES);
    // With -v the Go command prints the name of each package that it compiles.
    let lines = BufReader::new(child.stderr.take().context("no pipe")?).lines();
    for line in lines.map_while(std::io::Result::ok) {
        count += 1;
        if said.elapsed() > PROGRESS_INTERVAL {
            said = Instant::now();
            let time = duration(begin.elapsed());
            say(format_args!(
                "{}: {time}, {count} steps, now {line}",
                program.name()
            ));
        }
        if tail.len() == SHOWN_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    if !child.wait()?.success() {
        bail!("go build failed:\n{}", Vec::from(tail).join("\n"));
    }
    Ok(())
}

/// cert-manager's CRDs and chart come with its Go module.
fn copy_manifests(module: &Path, pin: &str, target: &Path) -> Result<()> {
    let source = run(go(module).args(["list", "-m", "-f", "{{.Dir}}", pin]))?;
    let deploy = Path::new(source.trim()).join("deploy");
    copy(&deploy.join("crds"), &target.join(CRDS))?;
    copy(&deploy.join("charts/cert-manager"), &target.join(CHART))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            // Not fs::copy, which would keep the module cache's read-only mode.
            fs::write(&target, fs::read(&source)?)?;
        }
    }
    Ok(())
}

fn linker_flags(program: Program, version: &str) -> String {
    let stamps = program.stamps(version);
    let stamps = stamps.iter().map(|stamp| format!(" -X {stamp}"));
    format!("-s -w{}", stamps.collect::<String>())
}

/// The Go command in a module, without the flags that a user may have set for other work.
fn go(module: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .env("GOFLAGS", "")
        .env("GOWORK", "off");
    command
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The version that a go.mod requires of a module.
fn pinned_version(go_mod: &str, pin: &str) -> Result<String> {
    let requirement = |line: &str| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next() == Some(pin))
            .then(|| words.next().map(str::to_owned))
            .flatten()
    };
    let version = go_mod
        .lines()
        .find_map(requirement)
        .filter(|version| version.starts_with('v'));
    version.with_context(|| format!("go.mod requires no {pin}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_go_mod() {
        let go_mod = "module x\n\ngo 1.26.0\n\nrequire example.org/a v1.2.3\n\nrequire (\n\
                      \texample.org/b v4.5.6 // indirect\n)\n\nreplace (\n\
                      \texample.org/c => example.org/d v7.8.9\n)\n";
        assert_eq!(pinned_version(go_mod, "example.org/a").unwrap(), "v1.2.3");
        assert_eq!(pinned_version(go_mod, "example.org/b").unwrap(), "v4.5.6");
        assert!(pinned_version(go_mod, "example.org/c").is_err());
        assert!(pinned_version(go_mod, "example.org/none").is_err());
    }

    #[test]
    fn every_program_has_a_pin() {
        for program in Program::ALL {
            let module = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("go")
                .join(program.module());
            let go_mod = fs::read_to_string(module.join("go.mod")).unwrap();
            pinned_version(&go_mod, program.pin()).unwrap();
        }
    }
}
