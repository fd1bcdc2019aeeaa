//! `go build`, with progress.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Program, Source};
use crate::command::run;
use crate::{cache, duration, say};

/// Lines of Go's output that an error has.
const SHOWN_LINES: usize = 30;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

const INSTALL_GO: &str = "install Go 1.26 or newer from https://go.dev/dl and put it on the PATH";

/// Fails if there is no Go, or one that is too old for the modules and cannot fetch a newer one.
pub(super) fn check_go() -> Result<()> {
    // It reads go.mod, which names the oldest Go that will do.
    let mut list = go(&module(Program::Kubectl.source().module))?;
    run(list.args(["list", "-m"])).context(INSTALL_GO).map(drop)
}

fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(name)
}

/// The path of a program; builds it if it is not in the cache.
pub(super) fn ensure(cache: &Path, source: &Source) -> Result<PathBuf> {
    let name = source.name;
    let module = module(source.module);
    let version = pinned_version(&fs::read_to_string(module.join("go.mod"))?, source.pin)?;
    let flags = linker_flags(source, &version);
    let go = run(go(&module)?.args(["env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED"]))?;
    let mut ingredients = vec![name, source.package, &flags, &go];
    if !source.tags.is_empty() {
        ingredients.push(source.tags);
    }
    let key = key(&module, &ingredients)?;
    let entry = format!("{name}-{version}-{key}");
    let folder = cache::ensure(cache, name, &entry, |folder| {
        say(format_args!(
            "{name}: building {version} from Go modules, once"
        ));
        let begin = Instant::now();
        build(source, &module, &flags, &folder.join(name))?;
        copy_folders(source, &module, folder)?;
        let time = duration(begin.elapsed());
        say(format_args!("{name}: built in {time}"));
        Ok(())
    })?;
    Ok(folder.join(name))
}

/// A short hash of the files of a Go module and of all else that decides what a build yields.
fn key(module: &Path, ingredients: &[&str]) -> Result<String> {
    let entries: Result<Vec<_>, _> = fs::read_dir(module)?.collect();
    let mut files: Vec<_> = entries?.iter().map(fs::DirEntry::path).collect();
    files.retain(|path| path.is_file());
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default();
        all.push(name.as_encoded_bytes().to_vec());
        all.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    all.extend(ingredients.iter().map(|it| it.as_bytes().to_vec()));
    Ok(cache::key(all.iter().map(Vec::as_slice)))
}

fn build(source: &Source, module: &Path, flags: &str, binary: &Path) -> Result<()> {
    let mut child = go(module)?
        .args(["build", "-v", "-trimpath", "-buildvcs=false"])
        .args(["-tags", source.tags, "-ldflags", flags, "-o"])
        .arg(binary)
        .arg(source.package)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let begin = Instant::now();
    let (mut reported, mut count) = (begin, 0_u32);
    let mut tail = VecDeque::with_capacity(SHOWN_LINES);
    // With -v the Go command prints the name of each package that it compiles.
    let lines = BufReader::new(child.stderr.take().context("no pipe")?).lines();
    for line in lines.map_while(std::io::Result::ok) {
        count += 1;
        if reported.elapsed() > PROGRESS_INTERVAL {
            reported = Instant::now();
            let (name, time) = (source.name, duration(begin.elapsed()));
            say(format_args!("{name}: {time}, {count} steps, now {line}"));
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

/// CRDs and charts come with the Go module of their program.
fn copy_folders(source: &Source, module: &Path, target: &Path) -> Result<()> {
    if source.folders.is_empty() {
        return Ok(());
    }
    let pinned = run(go(module)?.args(["list", "-m", "-f", "{{.Dir}}", source.pin]))?;
    let copied = source.folders.iter().map(|(from, to)| {
        let from = Path::new(pinned.trim()).join(from);
        copy(&from, &target.join(to))
    });
    copied.collect()
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

/// Kubernetes has its major and minor version in separate variables.
fn linker_flags(source: &Source, version: &str) -> String {
    let mut flags = "-s -w".to_owned();
    if let Some(variable) = source.version {
        flags += &format!(" -X {variable}={version}");
        if let Some(package) = variable.strip_suffix(".gitVersion") {
            let mut numbers = version.trim_start_matches('v').split('.');
            for part in ["Major", "Minor"] {
                let number = numbers.next().unwrap_or_default();
                flags += &format!(" -X {package}.git{part}={number}");
            }
        }
    }
    flags
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

/// The version that a go.mod requires of a module.
fn pinned_version(go_mod: &str, pin: &str) -> Result<String> {
    let version = |line: &str| {
        let line = line.trim().trim_start_matches("require ");
        let (name, version) = line.split_once(' ')?;
        let version = version.split(' ').next()?;
        (name == pin && version.starts_with('v')).then(|| version.to_owned())
    };
    let found = go_mod.lines().find_map(version);
    found.with_context(|| format!("go.mod requires no {pin}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_from_go_mod() {
        let go_mod = "module x\n\ngo 1.26.0\n\nrequire example.org/a v1.2.3\n\nrequire (\n\
                      \texample.org/b v4.5.6 // indirect\n)\n\nreplace (\n\
                      \texample.org/c => example.org/d v7.8.9\n)\n";
        assert_eq!(pinned_version(go_mod, "example.org/a").unwrap(), "v1.2.3");
        assert_eq!(pinned_version(go_mod, "example.org/b").unwrap(), "v4.5.6");
        assert!(pinned_version(go_mod, "example.org/c").is_err());
        assert!(pinned_version(go_mod, "example.org/none").is_err());
    }

    #[test]
    fn every_program_has_a_pin_and_a_stamp() {
        for program in Program::ALL {
            let source = program.source();
            let go_mod = fs::read_to_string(module(source.module).join("go.mod")).unwrap();
            pinned_version(&go_mod, source.pin).unwrap();
        }
        let flags = linker_flags(&Program::Kubectl.source(), "v1.37.2");
        assert_eq!(
            flags,
            "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
             -X k8s.io/component-base/version.gitMajor=1 \
             -X k8s.io/component-base/version.gitMinor=37"
        );
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
}
