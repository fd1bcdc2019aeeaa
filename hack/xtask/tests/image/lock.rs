//! What the tests build images from if Debian has replaced a package of the lock file: an archive
//! has only the current version of each, and that is not this repository's fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use signet_testbed::installation::checkout;
use signet_testbed::{notice, run};

use crate::image::Image;

/// What `cargo xtask image` says when a pinned version is gone.
const UPDATE: &str = "run cargo xtask image --update-packages and commit packages.lock";

/// The lock file of the images: the repository's, or one of the current packages, in a temporary
/// place, if the archives no longer have what that one pins.
pub(crate) static LOCK: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = checkout().join("hack/xtask/packages.lock");
    match current(&path, "current.lock") {
        None => path,
        Some((current, error)) => {
            let line = format!("the image was tested with newer packages than it pins: {error}");
            notice(&line).unwrap();
            current
        }
    }
});

/// A lock file of the current packages, and what `cargo xtask image` says about the one at `lock`.
/// `None` if all that it pins can be downloaded.
///
/// # Panics
/// Anything else fails, such as the check of a SHA-256.
fn current(lock: &Path, name: &str) -> Option<(PathBuf, String)> {
    let fetched = with_lock("--fetch-packages", lock);
    if fetched.status.success() {
        return None;
    }
    let error = String::from_utf8(fetched.stderr).unwrap();
    assert!(error.contains(UPDATE), "{error}");
    let current = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let updated = with_lock("--update-packages", &current);
    assert!(updated.status.success(), "{updated:?}");
    let line = error.lines().find(|line| line.contains(UPDATE)).unwrap();
    Some((current, line.to_owned()))
}

fn with_lock(command: &str, lock: &Path) -> Output {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["image", command, "--lock"]).arg(lock);
    xtask.output().unwrap()
}

/// The lines of a lock file without comments, as words.
fn pins(lock: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(lock).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    lines.map(words).collect()
}

/// A copy of the lock file that the images are built from, with other words for its libc6.
fn altered(folder: &Path, change: impl Fn(&mut [String])) -> PathBuf {
    let mut pins = pins(&LOCK);
    for pin in &mut pins {
        if pin[0] == "amd64" && pin[1] == "libc6" {
            change(pin);
        }
    }
    let path = folder.join("altered.lock");
    let lines = pins.iter().map(|pin| pin.join(" ") + "\n");
    fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

#[test]
fn a_version_that_is_gone_is_refused_and_the_tests_take_the_current_one() {
    let folder = tempfile::tempdir().unwrap();
    let gone = altered(folder.path(), |pin| "0.1-1".clone_into(&mut pin[2]));
    let mut build = Image::command(folder.path());
    let error = run(build.arg("--lock").arg(&gone)).unwrap_err().to_string();
    assert!(error.contains("do not have libc6 0.1-1 (amd64)"), "{error}");
    assert!(error.contains(UPDATE), "{error}");

    let (current, line) = current(&gone, "instead.lock").unwrap();
    assert!(line.contains("libc6 0.1-1"), "{line}");
    let named = |lock: &Path| {
        let pins = pins(lock).into_iter();
        pins.map(|pin| pin[..2].join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(named(&current), named(&gone));
    let image = Image::build_from(&current, &[]);
    let root = tempfile::tempdir().unwrap();
    image.unpack(root.path());
    for pin in pins(&current).iter().filter(|pin| pin[0] == "amd64") {
        let control = root.path().join("var/lib/dpkg/status.d").join(&pin[1]);
        let control = fs::read_to_string(control).unwrap();
        let version = format!("\nVersion: {}\n", pin[2]);
        assert!(control.contains(&version), "{control}");
    }
}

#[test]
fn other_bytes_than_those_pinned_are_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let other = altered(folder.path(), |pin| pin[3] = "0".repeat(64));
    let fetched = with_lock("--fetch-packages", &other);
    let error = String::from_utf8(fetched.stderr).unwrap();
    assert!(!fetched.status.success(), "{error}");
    assert!(error.contains("libc6"), "{error}");
    assert!(error.contains("not 00000000"), "{error}");
    assert!(!error.contains(UPDATE), "{error}");
}
