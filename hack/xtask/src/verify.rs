//! What can be checked by reading the repository: generated files, who depends on whom, citations,
//! links, samples.

mod citations;
mod directions;
mod drift;
mod links;
mod samples;

use std::path::Path;

use anyhow::{Result, bail};

/// Checks everything, and says all that is wrong.
pub(crate) fn run(root: &Path) -> Result<()> {
    let problems = [
        drift::problems(root, &crate::generate::files()?)?,
        directions::problems(root)?,
        citations::problems(root)?,
        links::problems(root)?,
        samples::problems(root)?,
    ]
    .concat();
    for problem in &problems {
        eprintln!("{problem}\n");
    }
    match problems.len() {
        0 => {
            println!(
                "generated files, crate directions, citations, links and samples are as expected"
            );
            Ok(())
        }
        1 => bail!("one thing is wrong"),
        count => bail!("{count} things are wrong"),
    }
}
