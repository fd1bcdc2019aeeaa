//! `docs/reference/flags.md`, from the operator's command line.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{Files, Table};

/// Adds the page.
pub(super) fn add(files: &mut Files) {
    let mut page = format!(
        "# Flags\n\n{}\n\nEvery flag can also be set with an environment variable; the flag takes precedence.\n",
        super::NOTE
    );
    // The other commands need no cluster, and have no variables.
    let has_variables = |command: &&Command| {
        let mut flags = command.get_arguments();
        flags.any(|flag| flag.get_env().is_some())
    };
    for command in (signet::args::Cli::command().get_subcommands()).filter(has_variables) {
        page += &section(command);
    }
    files.insert("docs/reference/flags.md".into(), page);
}

fn section(command: &Command) -> String {
    let mut table = Table::new(["Flag", "Environment variable", "Default", "Meaning"]);
    for flag in command.get_arguments() {
        let (Some(long), Some(variable)) = (flag.get_long(), flag.get_env()) else {
            continue;
        };
        table.row([
            format!("`--{long}`"),
            format!("`{}`", variable.to_string_lossy()),
            default(flag),
            meaning(flag),
        ]);
    }
    format!(
        "\n## signet {}\n\n{}\n\n{table}",
        command.get_name(),
        text(command.get_about())
    )
}

fn default(flag: &Arg) -> String {
    let values: Vec<_> = flag
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    values.join(", ")
}

fn meaning(flag: &Arg) -> String {
    let meaning = text(flag.get_long_help().or_else(|| flag.get_help()));
    let values = flag.get_possible_values();
    if values.is_empty() || !matches!(flag.get_action(), ArgAction::Set) {
        return meaning;
    }
    let values: Vec<_> = values
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    format!("{meaning} One of {}.", values.join(", "))
}

/// One line with a period; clap removes the last one.
fn text(help: Option<&StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}
