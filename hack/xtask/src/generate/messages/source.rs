//! Messages in the source: string literals of several words.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

/// Macros of the log.
const LOG: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// What is called with text that no user sees: the invariants of `expect`.
const HIDDEN: [&str; 5] = ["expect", "panic", "assert", "unreachable", "debug_assert"];
/// In how many words a literal is a message. The shortest of the operator have one fewer.
const MIN_WORDS: usize = 3;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Below the root of the workspace.
    pub(super) file: PathBuf,
    /// `error` for the text of a variant of an error enum, `log`, or empty.
    pub(super) kind: &'static str,
    pub(super) reason: Option<String>,
    /// Placeholders are in braces.
    pub(super) text: String,
}

/// The messages of every file below a folder, in order, without those of tests.
pub(super) fn messages(root: &Path, folder: &Path) -> Result<Vec<Message>> {
    let mut entries = fs::read_dir(root.join(folder))
        .with_context(|| format!("cannot read {}", folder.display()))?
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut messages = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if matches!(
            &*name,
            "tests" | "fixtures" | "tests.rs" | "fixtures.rs" | "samples.rs"
        ) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            messages.extend(self::messages(root, &path)?);
        } else if name.ends_with(".rs") {
            let source = fs::read_to_string(entry.path())?;
            messages.extend(of_source(&path, &source)?);
        }
    }
    Ok(messages)
}

fn of_source(file: &Path, source: &str) -> Result<Vec<Message>> {
    let tokens = TokenStream::from_str(source)
        .map_err(|error| anyhow!("{} is not Rust: {error}", file.display()))?;
    let messages = Vec::new();
    let mut reader = Reader { file, messages };
    reader.read(tokens, "", None);
    Ok(reader.messages)
}

struct Reader<'a> {
    file: &'a Path,
    messages: Vec<Message>,
}

impl Reader<'_> {
    /// Reads a group. What is in front of a literal in it, or in front of the whole, is its kind
    /// and its reason.
    fn read(&mut self, tokens: TokenStream, kind: &'static str, reason: Option<&str>) {
        let mut reason = reason.map(str::to_owned);
        let mut path: Option<String> = None;
        let mut is_macro = false;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    // Of an inner attribute.
                    tokens.next_if(|it| matches!(it, TokenTree::Punct(it) if it.as_char() == '!'));
                    if let Some(TokenTree::Group(attribute)) =
                        tokens.next_if(|it| matches!(it, TokenTree::Group(_)))
                        && self.attribute(&attribute)
                    {
                        skip_item(&mut tokens);
                    }
                }
                // A statement or an arm of its own.
                TokenTree::Punct(punct) if punct.as_char() == ';' => reason = None,
                TokenTree::Punct(punct) => {
                    is_macro = punct.as_char() == '!';
                    path = path.filter(|_| matches!(punct.as_char(), ':' | '!' | '.'));
                }
                TokenTree::Ident(ident) => {
                    let ident = ident.to_string();
                    reason = reason_of(path.as_deref(), &ident).or(reason);
                    (is_macro, path) = (false, Some(ident));
                }
                TokenTree::Literal(literal) => self.literal(&literal, kind, reason.as_deref()),
                TokenTree::Group(group) => {
                    let by = path.take().unwrap_or_default();
                    if HIDDEN.iter().any(|name| by.starts_with(name)) {
                        continue;
                    }
                    // The attribute of an error is called like a macro of the log.
                    let is_log = kind.is_empty() && is_macro && LOG.contains(&by.as_str());
                    let kind = if is_log { "log" } else { kind };
                    self.read(group.stream(), kind, reason.as_deref());
                    if group.delimiter() == Delimiter::Brace {
                        reason = None;
                    }
                }
            }
        }
    }

    /// Reads an attribute, and returns whether the item after it is for tests.
    fn attribute(&mut self, attribute: &Group) -> bool {
        let text = attribute.stream().to_string();
        if text.starts_with("error") {
            self.read(attribute.stream(), "error", None);
        } else if text.contains("message") && !text.starts_with("doc") {
            self.read(attribute.stream(), "", None);
        }
        text.replace(' ', "").starts_with("cfg(test)")
    }

    fn literal(&mut self, literal: &Literal, kind: &'static str, reason: Option<&str>) {
        let Ok(literal) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
            return;
        };
        let text = literal.value();
        let words: Vec<_> = text.split_whitespace().collect();
        let min = MIN_WORDS - usize::from(self.file.starts_with("operator/src"));
        // A CEL rule is not a message; what stands beside it is.
        if words.len() >= min && !text.contains("self.") {
            self.messages.push(Message {
                file: self.file.to_path_buf(),
                kind,
                reason: reason.map(str::to_owned),
                text: words.join(" "),
            });
        }
    }
}

/// The reason that a variant of an enum is, as conditions have it.
fn reason_of(list: Option<&str>, variant: &str) -> Option<String> {
    match (list?, variant) {
        // Of any class that may pass.
        ("IssuerReason", "Key") => Some("KeyUnreachable".to_owned()),
        // Another enum has it.
        ("IssuerReason", "Mesh") => None,
        ("ErrorClass", it) if !it.starts_with("Key") => Some(format!("Key{it}")),
        ("Reason" | "IssuerReason" | "ErrorClass", it) => Some(it.to_owned()),
        _ => None,
    }
}

/// Leaves out what follows, to its body or semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Vec<(&'static str, Option<String>, String)> {
        let messages = of_source(Path::new("x.rs"), source).unwrap();
        messages
            .into_iter()
            .map(|it| (it.kind, it.reason, it.text))
            .collect()
    }

    #[test]
    fn a_message_has_the_reason_in_front_of_it() {
        let source = r#"
            fn f() { Denial::new(Reason::InvalidCsr, format!("the CSR has {} names; name \
                fewer", 3)); g("no reason at all") }
        "#;
        assert_eq!(
            read(source),
            [
                (
                    "",
                    Some("InvalidCsr".to_owned()),
                    "the CSR has {} names; name fewer".to_owned()
                ),
                ("", None, "no reason at all".to_owned()),
            ]
        );
    }

    #[test]
    fn distinguishes_errors_and_the_log() {
        let source = r#"
            //! A doc comment is not a message.
            /// Nor is this one a message.
            #[error("the key {0} is weak")]
            struct E;
            fn f() { info!(x, "the issuer is ready"); x.expect("it is not empty");
                error("a call is not the log"); }
        "#;
        let found: Vec<_> = read(source).into_iter().map(|it| (it.0, it.2)).collect();
        let expected = [
            ("error", "the key {0} is weak"),
            ("log", "the issuer is ready"),
            ("", "a call is not the log"),
        ];
        assert_eq!(found, expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn skips_tests() {
        let source = r#"#[cfg(test)] mod tests { const A: &str = "a text of tests"; }
            #[cfg(test)] mod fixtures; const B: &str = "a text of users";"#;
        let found: Vec<_> = read(source).into_iter().map(|it| it.2).collect();
        assert_eq!(found, ["a text of users"]);
    }
}
