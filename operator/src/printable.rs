//! Text of files and of the cluster, as commands print it.

use serde::Serialize;

/// Replaces the characters that a name must not have on a terminal, or in a line of a report.
pub(crate) fn printable(text: &str) -> String {
    text.replace(is_unsafe, "\u{fffd}")
}

/// Returns a value as JSON, in which these characters are escaped.
pub(crate) fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        // In a string, serde_json escapes a line feed itself; this one is between fields.
        match character != '\n' && is_unsafe(character) {
            true => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => safe.push(character),
        }
    }
    safe
}

/// Whether a character controls a terminal, ends a line, or changes the order in which others are
/// shown (UAX #9, explicit formatting characters).
fn is_unsafe(character: char) -> bool {
    let is_formatting = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || is_formatting
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line feed, an escape sequence in 7 and in 8 bits, a deletion, a line separator, and a change
    /// of direction.
    const FORGED: &str = "a\n\u{1b}[31m\u{9b}1m\u{7f}\u{2028}\u{202e}b ä";

    #[test]
    fn nothing_controls_a_terminal() {
        let replaced = "a\u{fffd}\u{fffd}[31m\u{fffd}1m\u{fffd}\u{fffd}\u{fffd}b ä";
        assert_eq!(printable(FORGED), replaced);
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "name": FORGED });
        let text = json(&value);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.contains(r"\n\u001b[31m\u009b1m\u007f\u2028\u202eb ä"),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
