//! `signet version`: what this program was built from.

use std::io::{Write, stdout};

use serde::Serialize;

use crate::args::{OutputFormat, ShowVersion};
use crate::printable::json;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every feature, and whether it is built in.
const FEATURES: [(&str, bool); 3] = [
    ("aws-kms", cfg!(feature = "aws-kms")),
    ("pkcs11", cfg!(feature = "pkcs11")),
    ("vault", cfg!(feature = "vault")),
];

/// What a program was built from.
#[derive(Debug, Serialize)]
struct Build {
    version: &'static str,
    /// The commit, with `-dirty` if sources differed from it. None for debug builds.
    commit: Option<&'static str>,
    features: Vec<&'static str>,
}

/// Prints version, commit and features.
///
/// # Errors
/// The standard output cannot be written.
pub fn show(settings: &ShowVersion) -> anyhow::Result<()> {
    Ok(writeln!(stdout(), "{}", build().text(settings.output))?)
}

fn build() -> Build {
    let features = FEATURES.iter().filter(|(_, is_built_in)| *is_built_in);
    Build {
        version: VERSION,
        commit: option_env!("SIGNET_COMMIT"),
        features: features.map(|(name, _)| *name).collect(),
    }
}

impl Build {
    fn text(&self, format: OutputFormat) -> String {
        match format {
            OutputFormat::Json => json(self),
            OutputFormat::Text => format!(
                "signet {}\ncommit: {}\nfeatures: {}",
                self.version,
                self.commit.unwrap_or("unknown"),
                match self.features.is_empty() {
                    true => "none".to_owned(),
                    false => self.features.join(", "),
                }
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn knows_every_feature() {
        let manifest = include_str!("../Cargo.toml");
        let features = manifest.split("[features]").nth(1).unwrap();
        let features = features.split("\n[").next().unwrap();
        let names = features.lines().filter_map(|line| line.split_once(" = "));
        let names = names
            .map(|(name, _)| name)
            .filter(|name| *name != "default");
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names, FEATURES.map(|(name, _)| name).into());
    }

    #[test]
    fn prints_what_is_known() {
        let build = |commit, features| Build {
            version: "1.2.3",
            commit,
            features,
        };
        let (all, none) = (
            build(Some("5f1d"), vec!["aws-kms", "vault"]),
            build(None, vec![]),
        );
        let text = "signet 1.2.3\ncommit: 5f1d\nfeatures: aws-kms, vault";
        assert_eq!(all.text(OutputFormat::Text), text);
        let text = "signet 1.2.3\ncommit: unknown\nfeatures: none";
        assert_eq!(none.text(OutputFormat::Text), text);
        let json: serde_json::Value = serde_json::from_str(&none.text(OutputFormat::Json)).unwrap();
        let expected = serde_json::json!({ "version": "1.2.3", "commit": null, "features": [] });
        assert_eq!(json, expected);
    }
}
