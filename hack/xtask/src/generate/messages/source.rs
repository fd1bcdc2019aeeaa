//! Messages in the source: string literals of several words.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};

/// Enums whose variant, in front of a message, is its reason.
const REASONS: [&str; 3] = ["Reason", "IssuerReason", "ErrorClass"];
/// Macros of the log.
const LOG: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// What is called with text that no user sees: the invariants of `expect`.
const HIDDEN: [&str; 5] = ["expect", "panic", "assert", "unreachable", "debug_assert"];
/// In how many words a literal is a message.
const WORDS: usize = 3;

/// What a message is for, as far as its place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text of a variant of an error enum.
    Error,
    Log,
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Below the root of the workspace.
    pub(super) file: PathBuf,
    pub(super) kind: Kind,
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
    let mut reader = Reader {
        file,
        messages: Vec::new(),
    };
    reader.read(tokens, Kind::Other, None);
    Ok(reader.messages)
}

struct Reader<'a> {
    file: &'a Path,
    messages: Vec<Message>,
}

impl Reader<'_> {
    /// Reads a group. What is in front of a literal in it, or in front of the whole, is its kind
    /// and its reason.
    fn read(&mut self, tokens: TokenStream, kind: Kind, reason: Option<&str>) {
        let mut reason = reason.map(str::to_owned);
        let mut called: Option<Ident> = None;
        let mut path: Option<Ident> = None;
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
                    if !matches!(punct.as_char(), ':' | '!' | '.') {
                        (called, path) = (None, None);
                    }
                }
                TokenTree::Ident(ident) => {
                    if path
                        .as_ref()
                        .is_some_and(|it| REASONS.iter().any(|name| it == name))
                    {
                        reason = Some(ident.to_string());
                    }
                    (path, called) = (Some(ident.clone()), Some(ident));
                }
                TokenTree::Literal(literal) => self.literal(&literal, kind, reason.as_deref()),
                TokenTree::Group(group) => {
                    let by = called.take().map(|it| it.to_string()).unwrap_or_default();
                    if HIDDEN.iter().any(|name| by.starts_with(name)) {
                        continue;
                    }
                    // The attribute of an error is called like a macro of the log.
                    let is_log = kind == Kind::Other && LOG.contains(&by.as_str());
                    let kind = if is_log { Kind::Log } else { kind };
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
            self.read(attribute.stream(), Kind::Error, None);
        } else if text.contains("message") && !text.starts_with("doc") {
            self.read(attribute.stream(), Kind::Other, None);
        }
        text.replace(' ', "").starts_with("cfg(test)")
    }

    fn literal(&mut self, literal: &Literal, kind: Kind, reason: Option<&str>) {
        let Ok(literal) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
            return;
        };
        let text = literal.value();
        // A CEL rule is not a message; what stands beside it is.
        if text.split_whitespace().count() >= WORDS && !text.contains("self.") {
            self.messages.push(Message {
                file: self.file.to_path_buf(),
                kind,
                reason: reason.map(str::to_owned),
                text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            });
        }
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

    fn read(source: &str) -> Vec<(Kind, Option<String>, String)> {
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
                    Kind::Other,
                    Some("InvalidCsr".to_owned()),
                    "the CSR has {} names; name fewer".to_owned()
                ),
                (Kind::Other, None, "no reason at all".to_owned()),
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
            fn f() { info!(x, "the issuer is ready"); x.expect("it is not empty"); }
        "#;
        let found: Vec<_> = read(source).into_iter().map(|it| (it.0, it.2)).collect();
        let expected = [
            (Kind::Error, "the key {0} is weak"),
            (Kind::Log, "the issuer is ready"),
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
