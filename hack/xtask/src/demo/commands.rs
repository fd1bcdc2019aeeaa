//! Commands that are run, and shown as a person would type them.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::session::Session;

/// Shows a command as a person would type it.
pub(super) fn show(program: &str, arguments: &[&str], input: &str) {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:,@%".contains(it);
    let mut line = format!("$ {program}");
    for argument in arguments {
        line.push(' ');
        if argument.chars().all(is_plain) {
            line += argument;
        } else {
            line += &format!("'{argument}'");
        }
    }
    println!("{line}");
    input.lines().for_each(|line| println!("> {line}"));
}

/// Runs kubectl and shows both it and what it says.
pub(super) fn kubectl(session: &Session, arguments: &[&str]) -> Result<()> {
    print!("{}", kubectl_unseen(session, arguments)?);
    Ok(())
}

/// Runs kubectl and shows it, but not what it says.
pub(super) fn kubectl_unseen(session: &Session, arguments: &[&str]) -> Result<String> {
    show("kubectl", arguments, "");
    output(session.cluster.kubectl().args(arguments), "")
}

/// Makes a namespace, if it is not there.
pub(super) fn namespace(session: &Session, name: &str) -> Result<()> {
    let get = ["get", "namespace", name];
    if output(session.cluster.kubectl().args(get), "").is_ok() {
        return Ok(());
    }
    kubectl(session, &["create", "namespace", name])
}

/// Makes a Secret by kubectl, and shows that without the values.
pub(super) fn secret(
    session: &Session,
    (namespace, name): (&str, &str),
    entries: &[(&str, &str)],
) -> Result<()> {
    let create = ["create", "secret", "generic", name, "-n", namespace];
    let literals = |of: fn(&str) -> &str| -> Vec<String> {
        let literal =
            |(entry, value): &(&str, &str)| format!("--from-literal={entry}={}", of(value));
        entries.iter().map(literal).collect()
    };
    let shown = literals(|_| "...");
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    show("kubectl", &[&create[..], &shown].concat(), "");
    let mut kubectl = session.cluster.kubectl();
    print!(
        "{}",
        output(kubectl.args(create).args(literals(|value| value)), "")?
    );
    Ok(())
}

/// Runs a command to its end; what it prints, or what it complains about.
pub(super) fn output(command: &mut Command, input: &str) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be run"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that wants no input may have ended already.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", complaint.trim());
    Ok(String::from_utf8(output.stdout)?)
}
