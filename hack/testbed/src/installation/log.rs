//! The operator's log, from the point where one start of it begins.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What is shown of the log when the operator fails.
const SHOWN_LINES: usize = 20;

/// A log that further starts append to.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    begin: u64,
}

impl Log {
    /// Opens the log for one more start; the file is for its output.
    pub(crate) fn open(path: &Path) -> Result<(Self, File)> {
        let file = File::options().create(true).append(true).open(path)?;
        let log = Self {
            path: path.to_owned(),
            begin: file.metadata()?.len(),
        };
        Ok((log, file))
    }

    /// Where the admin server listens, once the operator has said so.
    pub(crate) fn admin_address(&self) -> Result<Option<SocketAddr>> {
        for line in self.text()?.lines() {
            let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            if entry["message"] == "the admin server listens" {
                let address = entry["address"]
                    .as_str()
                    .context("the log has no address")?;
                return Ok(Some(address.parse()?));
            }
        }
        Ok(None)
    }

    /// Its last lines, for an error: the log's folder may be removed after it.
    pub(crate) fn tail(&self) -> String {
        let text = self.text().unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        if last.is_empty() {
            return "its log is empty".to_owned();
        }
        format!("its log ends with\n{}", last.join("\n"))
    }

    fn text(&self) -> Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.begin))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_what_was_written_since_the_start_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signet.log");
        let said = |port: u16| {
            format!(
                "{{\"message\":\"the admin server listens\",\"address\":\"127.0.0.1:{port}\"}}\n"
            )
        };
        std::fs::write(&path, said(1)).unwrap();
        let (log, mut file) = Log::open(&path).unwrap();
        assert_eq!(log.admin_address().unwrap(), None);
        assert_eq!(log.tail(), "its log is empty");
        let many: String = (0..50).map(|number| format!("line {number}\n")).collect();
        write!(file, "{many}{}", said(2)).unwrap();
        let address = log.admin_address().unwrap().unwrap();
        assert_eq!(address.port(), 2);
        let tail = log.tail();
        assert_eq!(tail.lines().count(), 1 + SHOWN_LINES, "{tail}");
        assert!(tail.contains("line 49") && !tail.contains("line 5\n"));
    }
}
