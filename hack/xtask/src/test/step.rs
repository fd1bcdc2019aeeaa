//! One step of a tier.

use std::path::Path;

use anyhow::Result;

use super::child::Children;
use crate::{deny, verify};

/// One line of the report.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// Cargo, once for each list of arguments, until one fails.
    Cargo(Vec<Vec<String>>),
    Deny,
    Verify,
}

impl Step {
    pub(super) fn cargo<const N: usize>(name: &'static str, arguments: [&str; N]) -> Self {
        Self {
            name,
            work: Work::Cargo(vec![arguments.map(str::to_owned).to_vec()]),
        }
    }

    pub(super) fn cargos(name: &'static str, commands: Vec<Vec<String>>) -> Self {
        Self {
            name,
            work: Work::Cargo(commands),
        }
    }

    pub(super) fn deny() -> Self {
        Self {
            name: "deny",
            work: Work::Deny,
        }
    }

    pub(super) fn verify() -> Self {
        Self {
            name: "verify",
            work: Work::Verify,
        }
    }

    pub(super) async fn run(&self, root: &Path, children: &mut Children) -> Result<()> {
        match &self.work {
            Work::Cargo(commands) => {
                for arguments in commands {
                    let mut command = crate::cargo(root);
                    command.args(arguments);
                    children.run(command).await?;
                }
                Ok(())
            }
            Work::Deny => {
                if let Some(install) = deny::installation(root)? {
                    children.run(install).await?;
                }
                children.run(deny::check(root)?).await
            }
            Work::Verify => verify::run(root),
        }
    }
}
