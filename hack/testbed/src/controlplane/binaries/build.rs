//! `go build`, with progress.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cache;
use anyhow::{Context, Result, bail};

use super::Program;
use crate::{duration, say};

/// Folders beside the cert-manager binary.
pub(super) const CRDS: &str = "crds";
pub(super) const CHART: &str = "chart";

/// Lines of the Go command that are shown when it fails.
const SHOWN_LINES: usize = 30;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// The oldest Go that builds the modules.
const OLDEST_GO: (u32, u32) = (1, 26);
const INSTALL_GO: &str = "install Go 1.26 or newer from https://go.dev/dl and put it on the PATH";

/// One sentence for whoever has no Go, or one that is too old and cannot fetch a newer one.
pub(super) fn check_go() -> Result<()> {
    // In a module, where an older Go takes the one that the module asks for, if it may.
    let module = module(Program::Kubectl);
    let output = match go(&module)?.args(["env", "GOVERSION"]).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("Go is missing: {INSTALL_GO}")
        }
        output => output.context("go cannot be run")?,
    };
    let version = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && go_version(&version).is_some_and(|it| it >= OLDEST_GO) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = errors.lines().chain(version.lines()).next();
    bail!(
        "Go is too old or does not work ({}): {INSTALL_GO}",
        said.unwrap_or("it says nothing").trim()
    )
}

/// The first two numbers of `go1.26.1`, `go1.27rc1` or `devel go1.27-0123abc`.
fn go_version(text: &str) -> Option<(u32, u32)> {
    let (_, numbers) = text.split_once("go")?;
    let (major, rest) = numbers.split_once('.')?;
    let end = rest.find(|it: char| !it.is_ascii_digit());
    let minor = &rest[..end.unwrap_or(rest.len())];
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn module(program: Program) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("go")
        .join(program.module())
}

/// The path of a program; builds it if it is not in the cache.
pub(super) fn ensure(cache: &Path, program: Program) -> Result<PathBuf> {
    let name = program.name();
    let module = module(program);
    let version = pinned_version(&fs::read_to_string(module.join("go.mod"))?, program.pin())?;
    let flags = linker_flags(program, &version);
    let go = run(go(&module)?.args(["env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED"]))?;
    let key = key(&module, &[name, program.package(), &flags, &go])?;
    let entry = format!("{name}-{version}-{key}");
    let folder = cache::ensure(cache, name, &entry, |folder| {
        say(format_args!(
            "{name}: building {version} from Go modules, once"
        ));
        let begin = Instant::now();
        build(program, &module, &flags, &folder.join(name))?;
        if program == Program::CertManager {
            copy_manifests(&module, program.pin(), folder)?;
        }
        say(format_args!(
            "{name}: built in {}",
            duration(begin.elapsed())
        ));
        Ok(())
    })?;
    Ok(folder.join(name))
}

/// A short hash of the files of a Go module and of all else that decides what a build yields.
fn key(module: &Path, ingredients: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(module)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for path in files {
        all.push(
            path.file_name()
                .unwrap_or_default()
                .as_encoded_bytes()
                .to_vec(),
        );
        all.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    all.extend(ingredients.iter().map(|it| it.as_bytes().to_vec()));
    Ok(cache::key(all.iter().map(Vec::as_slice)))
}

fn build(program: Program, module: &Path, flags: &str, binary: &Path) -> Result<()> {
    let mut child = go(module)?
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
    let source = run(go(module)?.args(["list", "-m", "-f", "{{.Dir}}", pin]))?;
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
fn go(module: &Path) -> Result<Command> {
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .env("GOFLAGS", "")
        .env("GOWORK", "off");
    // Without a home it finds no place for its caches, and a service often has none.
    if env::var_os("HOME").is_none_or(|home| home.is_empty()) {
        let home = env::home_dir().filter(|home| home.is_dir());
        command.env("HOME", home.map_or_else(cache::folder, Ok)?);
    }
    Ok(command)
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
    fn the_version_of_go_is_read_in_all_its_forms() {
        for (text, expected) in [
            ("go1.26.8\n", Some((1, 26))),
            ("go1.9\n", Some((1, 9))),
            ("go1.27rc1", Some((1, 27))),
            ("go1.26.0 X:nocoverageredesign", Some((1, 26))),
            ("devel go1.27-0123abc Mon", Some((1, 27))),
            ("go2.0", Some((2, 0))),
            ("", None),
            ("gox.y", None),
        ] {
            assert_eq!(go_version(text), expected, "{text:?}");
        }
        assert!(go_version("go1.9").unwrap() < OLDEST_GO);
    }

    #[test]
    fn the_key_follows_the_module_and_every_ingredient() {
        let module = tempfile::tempdir().unwrap();
        fs::write(module.path().join("go.mod"), "module a\n").unwrap();
        let first = key(module.path(), &["go1.26", "-s -w"]).unwrap();
        assert_eq!(first, key(module.path(), &["go1.26", "-s -w"]).unwrap());
        assert_ne!(first, key(module.path(), &["go1.27", "-s -w"]).unwrap());
        fs::write(module.path().join("go.sum"), "").unwrap();
        assert_ne!(first, key(module.path(), &["go1.26", "-s -w"]).unwrap());
    }

    #[test]
    fn every_program_has_a_pin() {
        for program in Program::ALL {
            let go_mod = fs::read_to_string(module(program).join("go.mod")).unwrap();
            pinned_version(&go_mod, program.pin()).unwrap();
        }
    }
}
