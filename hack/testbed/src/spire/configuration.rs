//! What the configurations of servers and agents have in common.

/// A setting of a plugin.
pub(super) type Setting = (&'static str, String);

/// A plugin of a kind.
pub(super) fn plugin(kind: &str, name: &str, settings: &[Setting]) -> String {
    let lines = settings.iter();
    let lines: String = lines
        .map(|(key, value)| format!("      {key} = \"{value}\"\n"))
        .collect();
    format!("  {kind} \"{name}\" {{\n    plugin_data {{\n{lines}    }}\n  }}\n")
}

/// Where it says whether it is ready.
pub(super) fn health_checks(port: u16) -> String {
    format!(
        r#"health_checks {{
  listener_enabled = true
  bind_address = "127.0.0.1"
  bind_port = "{port}"
}}
"#
    )
}
