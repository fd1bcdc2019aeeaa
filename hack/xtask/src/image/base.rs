//! The base of the image: what of Debian's packages is kept, and what their scripts would write.

use anyhow::{Context, Result};

use super::deb::Package;
use super::tree::{Node, Tree};

/// The packages, of which each is pinned in the lock file.
pub(super) const PACKAGES: &[&str] = &[
    // Folders, and os-release, which names the Debian to scanners of vulnerabilities.
    "base-files",
    "ca-certificates",
    // The license of the two libraries below.
    "gcc-12-base",
    "libc6",
    "libgcc-s1",
    // Not for the operator: most PKCS#11 modules are written in C++.
    "libstdc++6",
];

/// The user and group that the image runs as. It is numeric in the configuration, as
/// `runAsNonRoot` requires.
pub(super) const USER: u32 = 65532;

/// What is not needed at run time: scripts, which no shell could run, character sets of iconv, and
/// files for people.
const DROPPED: &[&str] = &[
    "etc/default",
    "etc/issue",
    "etc/issue.net",
    "etc/profile.d",
    "etc/skel",
    "etc/update-motd.d",
    "usr/lib/x86_64-linux-gnu/audit",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/aarch64-linux-gnu/audit",
    "usr/lib/aarch64-linux-gnu/gconv",
    "usr/sbin/update-ca-certificates",
    "usr/share/base-files",
    "usr/share/ca-certificates",
    "usr/share/gcc",
    "usr/share/gdb",
    "usr/share/lintian",
    "usr/share/man",
];

const DOCUMENTS: &str = "usr/share/doc/";
const CERTIFICATES: &str = "usr/share/ca-certificates/";

const NSSWITCH: &str = "\
passwd: files
group: files
hosts: files dns
";

/// The tree of the packages of [`PACKAGES`].
///
/// Its times are those of the packages, so that it changes only with them.
///
/// # Errors
/// A package cannot be read.
pub(super) fn base(packages: &[Vec<u8>]) -> Result<Tree> {
    let packages: Vec<_> = packages
        .iter()
        .map(|bytes| Package::read(bytes))
        .collect::<Result<_>>()?;
    let mut tree = Tree::default();
    for package in &packages {
        tree.extend(package.files.clone());
    }
    let time = tree.time();
    let certificates = certificates(&tree)?;
    tree.retain(is_kept);
    for package in &packages {
        // Where scanners look for packages of an image without dpkg.
        let path = format!("var/lib/dpkg/status.d/{}", package.field("Package")?);
        tree.insert(path, Node::file(package.control.as_str(), 0o644, time));
    }
    for (path, text) in [
        ("etc/ssl/certs/ca-certificates.crt", certificates.as_str()),
        ("etc/passwd", &passwd()),
        ("etc/group", &group()),
        ("etc/nsswitch.conf", NSSWITCH),
    ] {
        tree.insert(path, Node::file(text, 0o644, time));
    }
    // As the script of base-files has it: container engines mount credentials below /var/run.
    for (path, to) in [("var/lock", "/run/lock"), ("var/run", "/run")] {
        tree.insert(path, Node::link(to, time));
    }
    tree.insert("run/lock", Node::folder(0o1777, time));
    Ok(tree)
}

fn is_kept(path: &str) -> bool {
    let is_below = |folder: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if DROPPED.iter().any(|it| is_below(it)) {
        return false;
    }
    match path.strip_prefix(DOCUMENTS) {
        // Licenses, and the links to those of another package.
        Some(rest) => rest
            .split_once('/')
            .is_none_or(|(_, file)| file == "copyright"),
        None => true,
    }
}

/// What `update-ca-certificates` writes: all roots, one after the other.
fn certificates(tree: &Tree) -> Result<String> {
    let mut text = String::new();
    for (path, node) in tree.iter() {
        if path.starts_with(CERTIFICATES) && path.ends_with(".crt") {
            let bytes = node
                .contents()
                .context("a certificate that is not a file")?;
            text += str::from_utf8(bytes)?.trim_end();
            text.push('\n');
        }
    }
    anyhow::ensure!(!text.is_empty(), "the packages have no CA certificates");
    Ok(text)
}

fn passwd() -> String {
    format!(
        "root:x:0:0:root:/root:/sbin/nologin\n\
         nonroot:x:{USER}:{USER}:nonroot:/:/sbin/nologin\n"
    )
}

fn group() -> String {
    format!("root:x:0:\nnonroot:x:{USER}:\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_licenses_and_libraries() {
        for (path, kept) in [
            ("usr/share/doc/libc6/copyright", true),
            ("usr/share/doc/libgcc-s1", true),
            ("usr/share/doc/libc6/changelog.Debian.gz", false),
            ("usr/share/doc/ca-certificates/examples/copyright", false),
            ("usr/share/common-licenses/GPL-3", true),
            ("usr/sbin/update-ca-certificates", false),
            ("usr/sbin", true),
            ("lib/x86_64-linux-gnu/libc.so.6", true),
            ("usr/lib/x86_64-linux-gnu/gconv/ARMSCII-8.so", false),
            ("usr/share/gcc-12", true),
        ] {
            assert_eq!(is_kept(path), kept, "{path}");
        }
    }
}
