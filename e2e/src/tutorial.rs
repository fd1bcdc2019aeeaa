//! A page whose commands are followed word by word, and whose outputs are compared.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::Bed;
use crate::shell::{REPOSITORY, Shell, vary};

/// Commands of the page, and what it says that they print.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    /// If it is the first step under a heading.
    heading: Option<String>,
    commands: String,
    output: Option<String>,
}

/// Follows a page of `docs` in a folder with the samples, from its beginning to its end.
/// `variant` replaces texts of the page and of the samples.
///
/// # Errors
/// A command fails, or prints something else than the page says.
pub async fn follow(bed: &Bed, page: &str, variant: &[(&str, &str)]) -> Result<()> {
    follow_with(bed, page, variant, async |_| Ok(())).await
}

/// As [`follow`], with something to do before the commands under each heading; it gets the heading.
///
/// # Errors
/// Those of [`follow`], and those of what is to be done.
pub async fn follow_with(
    bed: &Bed,
    page: &str,
    variant: &[(&str, &str)],
    before: impl AsyncFnMut(&str) -> Result<()>,
) -> Result<()> {
    let shell = Shell::new(bed)?.with("helm", &bed.plane().helm());
    follow_in(&shell, page, variant, before).await
}

/// As [`follow_with`], in a shell that has what the commands need besides kubectl.
///
/// # Errors
/// Those of [`follow_with`].
pub async fn follow_in(
    shell: &Shell,
    page: &str,
    variant: &[(&str, &str)],
    mut before: impl AsyncFnMut(&str) -> Result<()>,
) -> Result<()> {
    shell.put_samples(variant)?;
    let text = fs::read_to_string(Path::new(REPOSITORY).join("docs").join(page))?;
    let steps = steps(&vary(text, variant));
    ensure!(!steps.is_empty(), "{page} has no commands");
    for Step {
        heading,
        commands,
        output,
    } in steps
    {
        if let Some(heading) = heading {
            before(&heading).await?;
        }
        let printed = shell.run(&commands).await.context(page.to_owned())?;
        if let Some(expected) = output {
            let same = normal(&printed) == normal(&expected);
            ensure!(same, "{commands}\nprints\n{printed}\nand not\n{expected}");
        }
    }
    Ok(())
}

/// Returns the `shell` blocks of a page, each with the `text` block after it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let page = page.lines().map(|line| {
        line.strip_prefix("   ```")
            .map_or(line.to_owned(), |fence| format!("```{fence}"))
    });
    let page = page.collect::<Vec<_>>().join("\n");
    let mut heading = None;
    // Outside and inside of fences by turns.
    for (number, block) in page.split("\n```").enumerate() {
        if number % 2 == 0 {
            let mut lines = block.lines().rev();
            let last = lines.find_map(|line| line.strip_prefix("## "));
            heading = last.map(str::to_owned).or(heading);
            continue;
        }
        let (language, contents) = block.split_once('\n').unwrap_or((block, ""));
        match language {
            "shell" => steps.push(Step {
                heading: heading.take(),
                commands: contents.to_owned(),
                output: None,
            }),
            "text" => {
                if let Some(step) = steps.last_mut() {
                    step.output = Some(contents.to_owned());
                }
            }
            _ => {}
        }
    }
    steps
}

/// Returns the words of each line, without what differs from run to run.
fn normal(output: &str) -> Vec<Vec<&str>> {
    let lines = output.lines().filter(|line| !line.trim().is_empty());
    let words = lines.map(|line| line.split_whitespace().map(word).collect());
    words.collect()
}

fn word(word: &str) -> &str {
    let hex = word
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let age = |byte: u8| byte.is_ascii_digit() || b"smhd".contains(&byte);
    let begins = word.starts_with(|first: char| first.is_ascii_digit());
    match word {
        _ if hex && word.len() >= 40 => "<fingerprint>",
        "<invalid>" => "<age>",
        _ if begins && word.ends_with('Z') && word.contains('T') => "<time>",
        _ if begins && word.ends_with(['s', 'm', 'h']) && word.bytes().all(age) => "<age>",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_their_outputs() {
        let page = "# A\n\n## B\n\n```shell\na\nb\n```\n\nprints\n\n```text\nx\n```\n\n```yaml\ny: 1\n```\n\n```shell\nc\n```\n";
        let step = |heading: Option<&str>, commands: &str, output: Option<&str>| Step {
            heading: heading.map(str::to_owned),
            commands: commands.to_owned(),
            output: output.map(str::to_owned),
        };
        assert_eq!(
            steps(page),
            [step(Some("B"), "a\nb", Some("x")), step(None, "c", None)]
        );
    }

    #[test]
    fn compares_what_is_the_same_in_each_run() {
        let one = "corp  True  2031-11-28T10:34:31Z  90s";
        assert_eq!(normal(one), normal("corp True 2032-01-01T00:00:00Z 1m5s\n"));
        assert_ne!(normal(one), normal("corp False 2031-11-28T10:34:31Z 90s"));
    }
}
