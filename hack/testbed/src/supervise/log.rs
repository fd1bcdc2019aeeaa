//! The log of one process, from the point where one start of it begins.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What is shown of a log when its process fails.
const SHOWN_LINES: usize = 20;

/// A log that further starts append to.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    path: PathBuf,
    begin: u64,
}

impl Log {
    /// Opens the log for one more start; the file is for its output.
    pub(crate) fn open(path: &Path) -> Result<(Self, File)> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let log = Self {
            path: path.to_owned(),
            begin: file.metadata()?.len(),
        };
        Ok((log, file))
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

    /// What was written since the start.
    pub(crate) fn text(&self) -> Result<String> {
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
        std::fs::write(&path, "before\n").unwrap();
        let (log, mut file) = Log::open(&path).unwrap();
        assert_eq!(log.text().unwrap(), "");
        assert_eq!(log.tail(), "its log is empty");
        let many: String = (0..50).map(|number| format!("line {number}\n")).collect();
        write!(file, "{many}").unwrap();
        let tail = log.tail();
        assert_eq!(tail.lines().count(), 1 + SHOWN_LINES, "{tail}");
        assert!(tail.contains("line 49") && !tail.contains("line 5\n"));
    }
}
