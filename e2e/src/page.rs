//! The commands and the YAML of a page of the docs. A test runs them in the order that it needs, and
//! checks that it has left out none.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use parking_lot::Mutex;

use crate::shell::{REPOSITORY, Shell, vary};

/// The indented blocks of a page, which are commands, and its `yaml` blocks.
#[derive(Debug)]
pub struct Page {
    commands: Vec<String>,
    objects: Vec<String>,
    used: Mutex<BTreeSet<String>>,
}

impl Page {
    /// Reads a page of `docs`. `variant` replaces texts of it.
    ///
    /// # Errors
    /// The page does not exist.
    pub fn read(page: &str, variant: &[(&str, &str)]) -> Result<Self> {
        let path = Path::new(REPOSITORY).join("docs").join(page);
        let text = std::fs::read_to_string(path).context(page.to_owned())?;
        Ok(Self::of(&vary(text, variant)))
    }

    fn of(text: &str) -> Self {
        let (mut commands, mut objects) = (Vec::new(), Vec::new());
        for (at, part) in text.split("\n```").enumerate() {
            if at % 2 == 0 {
                commands.extend(indented(part));
            } else if let Some(object) = part.strip_prefix("yaml\n") {
                objects.push(format!("{object}\n"));
            }
        }
        Self {
            commands,
            objects,
            used: Mutex::default(),
        }
    }

    /// Runs the commands that contain this text, and returns what they print.
    ///
    /// # Errors
    /// There are none or several, or one fails.
    pub async fn run(&self, shell: &Shell, text: &str) -> Result<String> {
        let commands = self.only(&self.commands, text)?;
        shell.run(commands).await
    }

    /// Returns the YAML that contains this text.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn yaml(&self, text: &str) -> Result<&str> {
        self.only(&self.objects, text)
    }

    fn only<'a>(&self, blocks: &'a [String], text: &str) -> Result<&'a str> {
        let found: Vec<_> = blocks.iter().filter(|one| one.contains(text)).collect();
        let [only] = found[..] else {
            anyhow::bail!("{} blocks of the page have {text:?}", found.len());
        };
        self.used.lock().insert(only.clone());
        Ok(only)
    }

    /// Returns the commands that were not run.
    pub fn left(&self) -> Vec<&str> {
        let used = self.used.lock();
        let commands = self.commands.iter().map(String::as_str);
        commands.filter(|one| !used.contains(*one)).collect()
    }
}

/// Returns the blocks of lines that are indented by four spaces.
fn indented(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut before = false;
    for line in text.lines() {
        let command = line.strip_prefix("    ");
        if let Some(command) = command {
            if !before {
                blocks.push(String::new());
            }
            if let Some(block) = blocks.last_mut() {
                block.push_str(command);
                block.push('\n');
            }
        }
        before = command.is_some();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A\n\nDo:\n\n    a <<X\n      b\n    X\n\nand\n\n    c\n\n```yaml\nd:\n    e: 1\n```\n\n    f\n";

    #[test]
    fn reads_commands_and_objects() {
        let page = Page::of(TEXT);
        assert_eq!(page.commands, ["a <<X\n  b\nX\n", "c\n", "f\n"]);
        assert_eq!(page.objects, ["d:\n    e: 1\n"]);
    }

    #[test]
    fn reports_what_was_left_out() {
        let page = Page::of(TEXT);
        for text in ["<<X", "c\n"] {
            page.only(&page.commands, text).unwrap();
        }
        assert_eq!(page.left(), ["f\n"]);
        page.only(&page.commands, "f").unwrap();
        assert!(page.left().is_empty());
        assert!(page.only(&page.commands, "other").is_err());
    }
}
