//! Paths in the commands that are printed.

use std::path::Path;

/// The path as a shell reads it back.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:,@%".contains(it);
    if path.chars().all(is_plain) {
        return path.into_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_a_path_that_a_shell_would_split() {
        for (path, expected) in [
            ("/tmp/up/admin.yaml", "/tmp/up/admin.yaml"),
            ("/my files/a", "'/my files/a'"),
            ("/it's/$a", r"'/it'\''s/$a'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
