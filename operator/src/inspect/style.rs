//! Colors, on a terminal only.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// Whether text is printed in color.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    is_colored: bool,
}

/// A color, as a parameter of the terminal's sequence SGR (ECMA-48 8.3.117).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Green,
    Yellow,
    Red,
}

impl Color {
    const fn parameter(self) -> u8 {
        match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        }
    }
}

impl Style {
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { is_colored: false };
    #[cfg(test)]
    pub(super) const COLORED: Self = Self { is_colored: true };

    /// Returns the style for the standard output.
    pub(super) fn of_stdout() -> Self {
        let variable = |name| std::env::var_os(name);
        let is_terminal = std::io::stdout().is_terminal();
        Self::new(
            is_terminal,
            variable("NO_COLOR").as_deref(),
            variable("TERM").as_deref(),
        )
    }

    /// NO_COLOR turns colors off if it is present and not empty (no-color.org).
    fn new(is_terminal: bool, no_color: Option<&OsStr>, terminal: Option<&OsStr>) -> Self {
        let is_refused = no_color.is_some_and(|value| !value.is_empty());
        let is_dumb = terminal.is_some_and(|name| name == "dumb");
        Self {
            is_colored: is_terminal && !is_refused && !is_dumb,
        }
    }

    pub(super) fn paint(self, color: Color, text: &str) -> String {
        match self.is_colored {
            true => format!("\u{1b}[{}m{text}\u{1b}[0m", color.parameter()),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_for_terminals_that_want_them() {
        for (is_terminal, no_color, terminal, expected) in [
            (true, None, Some("xterm"), true),
            (true, None, None, true),
            (true, Some(""), Some("xterm"), true),
            (true, Some("1"), Some("xterm"), false),
            (true, None, Some("dumb"), false),
            (false, None, Some("xterm"), false),
        ] {
            let style = Style::new(
                is_terminal,
                no_color.map(OsStr::new),
                terminal.map(OsStr::new),
            );
            assert_eq!(style.is_colored, expected, "{no_color:?} {terminal:?}");
        }
        assert_eq!(
            Style::COLORED.paint(Color::Red, "a"),
            "\u{1b}[31ma\u{1b}[0m"
        );
        assert_eq!(Style::PLAIN.paint(Color::Red, "a"), "a");
    }
}
