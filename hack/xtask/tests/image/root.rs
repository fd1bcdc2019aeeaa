//! The image's root file system: who owns what, what can be run, and that it runs.

use std::path::Path;
use std::process::Command;

use signet_testbed::run;

use crate::image::IMAGE;

/// All that can be executed, apart from libraries: no shell, no tool.
const PROGRAMS: [&str; 3] = [
    "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    // Prints its version.
    "lib/x86_64-linux-gnu/libc.so.6",
    "usr/bin/signet",
];

/// An entry of a layer: mode and owner as tar shows them, and the path.
struct Entry {
    mode: String,
    owner: String,
    path: String,
}

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for layer in IMAGE.layers() {
        let mut tar = Command::new("tar");
        let list = run(tar.args(["--numeric-owner", "-tvzf"]).arg(layer)).unwrap();
        entries.extend(list.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            Entry {
                mode: words[0].to_owned(),
                owner: words[1].to_owned(),
                path: words[5].trim_end_matches('/').to_owned(),
            }
        }));
    }
    entries
}

/// Makes the root file system read-only for a program in it, and maps the owner of its files to the
/// image's user.
const RUN_READ_ONLY: &str = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
exec unshare --user "--map-user=$1" "--map-group=$2" "--root=$0" "${@:3}""#;

/// The entry point in the unpacked image, as the image's user, with no way to more privileges and
/// without a place to write. It sees nothing but the image's files.
pub(crate) fn entry_point(root: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = isolated(root, environment);
    let configuration = IMAGE.configuration();
    for word in configuration["config"]["Entrypoint"].as_array().unwrap() {
        command.arg(word.as_str().unwrap());
    }
    command
}

/// As [`entry_point`], for any program, which is yet to be added.
pub(crate) fn isolated(root: &Path, environment: &[(&str, &str)]) -> Command {
    let allowed = run(Command::new("unshare").args(["--user", "true"]));
    allowed.expect("the tests of the image need user namespaces, which this machine forbids");
    let configuration = IMAGE.configuration();
    let runtime = &configuration["config"];
    let (user, group) = runtime["User"].as_str().unwrap().split_once(':').unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--no-new-privs", "env", "--ignore-environment"]);
    for variable in runtime["Env"].as_array().unwrap() {
        command.arg(variable.as_str().unwrap());
    }
    for (name, value) in environment {
        command.arg(format!("{name}={value}"));
    }
    command.args(["unshare", "--user", "--map-root-user", "--mount"]);
    command.args(["bash", "-c", RUN_READ_ONLY]).arg(root);
    command.args([user, group]);
    command
}

#[test]
fn all_belongs_to_root_and_nothing_raises_privileges() {
    let entries = entries();
    assert!(entries.len() > 80, "{} entries", entries.len());
    for Entry { mode, owner, path } in entries {
        assert_eq!(owner, "0/0", "{path}");
        assert!(!mode.contains(['s', 'S']), "{path} has the mode {mode}");
        let is_open = mode.as_bytes()[8] == b'w' && !mode.starts_with('l');
        let is_temporary = ["tmp", "var/tmp", "run/lock"].contains(&path.as_str());
        assert!(!is_open || is_temporary, "{path} has the mode {mode}");
    }
}

/// In a container, the user does not own the files.
#[test]
fn the_images_user_can_read_all() {
    let entries = entries().into_iter();
    // The home of a user that the image does not use is empty.
    for Entry { mode, path, .. } in entries.filter(|entry| entry.path != "root") {
        let others = &mode.as_bytes()[7..];
        let is_folder = mode.starts_with('d');
        let is_program = PROGRAMS.contains(&path.as_str());
        assert_eq!(others[0], b'r', "{path} has the mode {mode}");
        assert!(
            matches!(others[2], b'x' | b't') || !(is_folder || is_program),
            "{path} has the mode {mode}"
        );
    }
}

/// Or the tests that run the operator would not notice that it writes to the image.
#[test]
fn a_program_in_the_image_cannot_write() {
    let root = tempfile::tempdir().unwrap();
    IMAGE.unpack(root.path());
    let mut copy = Command::new("cp");
    run(copy
        .args(["--dereference", "/usr/bin/touch"])
        .arg(root.path()))
    .unwrap();
    for path in ["/tmp/new", "/usr/bin/signet"] {
        let error = run(isolated(root.path(), &[]).args(["/touch", path])).unwrap_err();
        assert!(error.to_string().contains("Read-only"), "{error}");
    }
}

#[test]
fn the_only_program_is_the_operator() {
    let entries = entries();
    let executable = entries
        .iter()
        .filter(|entry| entry.mode.starts_with('-') && entry.mode.contains('x'));
    let mut paths: Vec<_> = executable.map(|entry| entry.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, PROGRAMS);
    let folders = ["bin/", "sbin/", "usr/bin/", "usr/sbin/"];
    let commands = entries.iter().filter(|entry| {
        let is_command = folders.iter().any(|folder| entry.path.starts_with(folder));
        is_command && !entry.mode.starts_with('d')
    });
    let commands: Vec<_> = commands.map(|entry| entry.path.as_str()).collect();
    assert_eq!(commands, ["usr/bin/signet"]);
}

#[test]
fn the_entry_point_runs_in_the_image_alone() {
    let root = tempfile::tempdir().unwrap();
    IMAGE.unpack(root.path());
    let version = run(entry_point(root.path(), &[]).arg("--version")).unwrap();
    assert_eq!(
        version.trim(),
        concat!("signet ", env!("CARGO_PKG_VERSION"))
    );
    // Without a library of the base it does not: the machine's own are not used.
    std::fs::remove_file(root.path().join("lib/x86_64-linux-gnu/libm.so.6")).unwrap();
    let error = run(entry_point(root.path(), &[]).arg("--version")).unwrap_err();
    assert!(error.to_string().contains("libm.so.6"), "{error}");
}

#[test]
fn it_has_roots_and_names_its_packages_to_scanners() {
    let root = tempfile::tempdir().unwrap();
    IMAGE.unpack(root.path());
    let read = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap();
    let roots = read("etc/ssl/certs/ca-certificates.crt");
    let mut openssl = Command::new("openssl");
    openssl.args(["crl2pkcs7", "-nocrl", "-certfile"]);
    openssl.arg(root.path().join("etc/ssl/certs/ca-certificates.crt"));
    // OpenSSL reads each of them.
    assert!(run(&mut openssl).unwrap().contains("BEGIN PKCS7"));
    let count = roots.matches("BEGIN CERTIFICATE").count();
    assert!(count > 100, "{count} roots");
    for package in ["libc6", "libgcc-s1", "base-files", "ca-certificates"] {
        let control = read(&format!("var/lib/dpkg/status.d/{package}"));
        assert!(control.starts_with(&format!("Package: {package}\n")));
    }
    assert!(read("usr/lib/os-release").contains("ID=debian"));
    assert!(read("usr/share/doc/libc6/copyright").contains("GNU"));
}
