//! What can be checked by reading the repository: generated files, crate directions, citations,
//! samples, links and words.

mod citations;
mod directions;
mod documents;
mod drift;
mod samples;

use std::path::Path;

use anyhow::{Result, bail};

/// Checks everything, and prints all problems.
pub(crate) fn run(root: &Path) -> Result<()> {
    let problems = [
        drift::problems(root, &crate::generate::files(root)?)?,
        directions::problems(root)?,
        citations::problems(root)?,
        samples::problems(root)?,
        Vec::from_iter(documents::links(root)?),
        Vec::from_iter(documents::words(root)?),
    ]
    .concat();
    for problem in &problems {
        eprintln!("{problem}\n");
    }
    match problems.len() {
        0 => {
            println!(
                "no problems in generated files, crate directions, citations, samples, links and \
                 words"
            );
            Ok(())
        }
        1 => bail!("1 problem"),
        count => bail!("{count} problems"),
    }
}
