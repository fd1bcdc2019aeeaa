//! What an image was built from, and when that was.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use jiff::Timestamp;
use signet_testbed::run;

/// The commit of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The commit, with `-dirty` if the checkout has changes.
    pub(crate) revision: String,
    /// The commit's time, or `$SOURCE_DATE_EPOCH`.
    pub(crate) time: Timestamp,
}

impl Origin {
    /// # Errors
    /// The checkout is not a Git repository, or `$SOURCE_DATE_EPOCH` is not a number of seconds.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let describe = [
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ];
        let revision = git(root, &describe)?;
        let seconds = match env::var("SOURCE_DATE_EPOCH") {
            Ok(seconds) if !seconds.is_empty() => seconds,
            _ => git(root, &["log", "-1", "--format=%ct"])?,
        };
        let seconds = seconds
            .parse()
            .context("SOURCE_DATE_EPOCH is not a number of seconds")?;
        let time = Timestamp::from_second(seconds)?;
        Ok(Self { revision, time })
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(&self) -> Result<u64> {
        u64::try_from(self.time.as_second()).context("SOURCE_DATE_EPOCH is before 1970")
    }
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    let text = run(command.arg("-C").arg(root).args(arguments));
    let text = text.context("the image is labeled with its commit, so it is built from a clone")?;
    Ok(text.trim().to_owned())
}
