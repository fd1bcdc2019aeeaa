//! Patterns of paths: `/ns/{namespace}/sa/*`.

use std::fmt;

use super::{Bindings, PatternError, Variable};
use crate::spiffe::MAX_ID_LENGTH;

/// A pattern of the path of a SPIFFE ID or another URI, in whole segments.
///
/// `*` is exactly one segment, and `**`, only at the end, one or more. A path is compared with regard
/// to case (SID-7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathPattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Variable(Variable),
    /// `*`
    One,
    /// `**`
    Rest,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] states what to change.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let error = PatternError::of("path", pattern);
        if pattern.len() > MAX_ID_LENGTH {
            return Err(error("is longer than 2048 bytes; shorten it"));
        }
        let Some(rest) = pattern.strip_prefix('/') else {
            return Err(error(
                "does not start with '/'; write the path within the trust domain, such as \
                 /ns/{namespace}/sa/{serviceAccount}",
            ));
        };
        let segments = rest.split('/').map(Segment::parse);
        let segments: Vec<_> = segments.collect::<Result<_, _>>().map_err(&error)?;
        match segments.iter().rev().skip(1).any(|it| *it == Segment::Rest) {
            true => Err(error(
                "has '**' before its end; write it only as the last segment",
            )),
            false => Ok(Self(segments)),
        }
    }

    /// Returns whether the segments of a path match.
    pub fn matches<'p>(
        &self,
        path: impl IntoIterator<Item = &'p str>,
        bindings: &Bindings<'_>,
    ) -> bool {
        let mut path = path.into_iter();
        for segment in &self.0 {
            let Some(own) = path.next() else {
                return false;
            };
            let matches = match segment {
                Segment::Literal(literal) => literal == own,
                Segment::Variable(variable) => bindings.get(*variable) == Some(own),
                Segment::One => is_segment(own),
                Segment::Rest => return is_segment(own) && path.all(is_segment),
            };
            if !matches {
                return false;
            }
        }
        path.next().is_none()
    }

    /// Returns whether the first segment may be any.
    pub fn begins_with_wildcard(&self) -> bool {
        matches!(self.0.first(), Some(Segment::One | Segment::Rest))
    }

    /// Returns whether the pattern is one path: it has neither variables nor wildcards.
    pub fn is_literal(&self) -> bool {
        (self.0.iter()).all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Returns whether a segment is this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.contains(&Segment::Variable(variable))
    }

    /// Returns whether a segment is a wildcard.
    pub fn has_wildcard(&self) -> bool {
        (self.0.iter()).any(|segment| matches!(segment, Segment::One | Segment::Rest))
    }

    /// Returns the segments of the one path that the pattern stands for; none if it has a wildcard
    /// or a variable without a value.
    pub fn fill<'a>(&'a self, bindings: &Bindings<'a>) -> Option<Vec<&'a str>> {
        let segments = self.0.iter().map(|segment| match segment {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::Variable(variable) => bindings.get(*variable),
            Segment::One | Segment::Rest => None,
        });
        segments.collect()
    }

    /// Returns the pattern as text, with the values of the variables that have one.
    pub fn describe(&self, bindings: &Bindings<'_>) -> String {
        let segments = self.0.iter().map(|segment| match segment {
            Segment::Variable(variable) => bindings.get(*variable).unwrap_or(variable.as_str()),
            other => other.as_str(),
        });
        segments.flat_map(|segment| ["/", segment]).collect()
    }
}

impl Segment {
    fn parse(segment: &str) -> Result<Self, &'static str> {
        match segment {
            "" => Err("has an empty segment; write one slash between segments and none at the end"),
            "." | ".." => Err("has a '.' or '..' segment; write the path out"),
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            _ if segment.contains('*') => Err(
                "has a '*' within a segment; a wildcard is a whole segment, as in /ns/{namespace}/*",
            ),
            _ if segment.contains(['{', '}']) => Variable::read(segment).map(Self::Variable).ok_or(
                "has an unknown variable; a whole segment may be {namespace}, {serviceAccount} or \
                 {certificate}",
            ),
            _ if is_segment(segment) => Ok(Self::Literal(segment.to_owned())),
            _ => Err(
                "has a character other than letters, digits, '.', '-' and '_' in a segment; \
                 replace it",
            ),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Literal(literal) => literal,
            Self::Variable(variable) => variable.as_str(),
            Self::One => "*",
            Self::Rest => "**",
        }
    }
}

/// A segment as SID-4 has it. Only such a segment is matched by a wildcard: the path of another URI
/// may have others, such as an encoded `..`.
fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(&Bindings::default()))
    }
}
