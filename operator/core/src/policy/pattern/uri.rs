//! Patterns of URIs on issuers without a trust domain: `https://api.example.org/{namespace}/*`.

use std::fmt;

use super::{Bindings, PathPattern, PatternError, Variable};
use crate::x509::names::syntax;

/// A pattern of a URI: scheme, host and port as they are, without regard to case, and a path
/// pattern; or one URI without `//`. A URI with user information, a query or a fragment never
/// matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UriPattern {
    /// In lower case.
    scheme: String,
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Rest {
    Hierarchical {
        authority: String,
        path: Path,
    },
    /// What follows the colon, without `//`.
    Opaque(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Path {
    Empty,
    Root,
    Pattern(PathPattern),
}

impl UriPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("URI", pattern);
        if pattern.contains(['?', '#', '@']) {
            return Err(error(
                "has user information, a query or a fragment, which are never allowed; remove it",
            ));
        }
        let (base, path) = split(pattern);
        if base.contains(['*', '{', '}']) {
            return Err(error(
                "has a wildcard or variable outside its path; write scheme and host out",
            ));
        }
        let (true, None) = (pattern.is_ascii(), syntax::uri_fault(base)) else {
            let fault = syntax::uri_fault(base).unwrap_or(syntax::NOT_ASCII);
            return Err(error(fault));
        };
        // `uri_fault` found a scheme.
        let (scheme, rest) = base.split_once(':').unwrap_or_default();
        let rest = match rest.strip_prefix("//") {
            None => Rest::Opaque(rest.to_owned()),
            Some(authority) => Rest::Hierarchical {
                authority: authority.to_ascii_lowercase(),
                path: match path {
                    "" => Path::Empty,
                    "/" => Path::Root,
                    path => PathPattern::parse(path)
                        .map(Path::Pattern)
                        .map_err(|inner| error(inner.fault))?,
                },
            },
        };
        let scheme = scheme.to_ascii_lowercase();
        Ok(Self { scheme, rest })
    }

    /// Returns whether a URI matches.
    pub fn matches(&self, uri: &str, bindings: &Bindings<'_>) -> bool {
        let (base, path) = split(uri);
        let Some((scheme, rest)) = base.split_once(':') else {
            return false;
        };
        if !self.scheme.eq_ignore_ascii_case(scheme) {
            return false;
        }
        match (&self.rest, rest.strip_prefix("//")) {
            (Rest::Opaque(own), None) => own == rest,
            (
                Rest::Hierarchical {
                    authority,
                    path: own,
                },
                Some(host),
            ) => authority.eq_ignore_ascii_case(host) && own.matches(path, bindings),
            _ => false,
        }
    }

    /// Returns whether the pattern is one URI: its path has neither variables nor wildcards.
    pub fn is_literal(&self) -> bool {
        match &self.rest {
            Rest::Hierarchical {
                path: Path::Pattern(path),
                ..
            } => path.is_literal(),
            _ => true,
        }
    }

    /// Returns whether a segment of the path is this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        match &self.rest {
            Rest::Hierarchical {
                path: Path::Pattern(path),
                ..
            } => path.uses(variable),
            _ => false,
        }
    }

    /// Returns the pattern as text, with the values of the variables that have one.
    pub fn describe(&self, bindings: &Bindings<'_>) -> String {
        let scheme = &self.scheme;
        match &self.rest {
            Rest::Opaque(rest) => format!("{scheme}:{rest}"),
            Rest::Hierarchical { authority, path } => {
                let path = match path {
                    Path::Empty => String::new(),
                    Path::Root => "/".to_owned(),
                    Path::Pattern(path) => path.describe(bindings),
                };
                format!("{scheme}://{authority}{path}")
            }
        }
    }
}

impl Path {
    fn matches(&self, path: &str, bindings: &Bindings<'_>) -> bool {
        match self {
            Self::Empty => path.is_empty(),
            Self::Root => path == "/",
            Self::Pattern(pattern) => (path.strip_prefix('/'))
                .is_some_and(|segments| pattern.matches(segments.split('/'), bindings)),
        }
    }
}

/// Splits a URI where its path begins; one without `//` has none.
fn split(uri: &str) -> (&str, &str) {
    let authority = uri.find(':').map(|colon| colon + 1);
    let authority = authority.filter(|start| uri[*start..].starts_with("//"));
    let path = authority.and_then(|start| uri[start + 2..].find('/').map(|at| start + 2 + at));
    uri.split_at(path.unwrap_or(uri.len()))
}

impl fmt::Display for UriPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&Bindings::default()))
    }
}
