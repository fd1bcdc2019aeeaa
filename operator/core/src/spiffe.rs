//! SPIFFE IDs and trust domains (SPIFFE-ID.md, rules SID-1 to SID-7).

use std::fmt;

use thiserror::Error;

/// The longest SPIFFE ID in bytes (SID-6).
pub const MAX_ID_LENGTH: usize = 2048;

/// The longest trust domain name in bytes (SID-6).
pub const MAX_TRUST_DOMAIN_LENGTH: usize = 255;

const SCHEME: &str = "spiffe://";

/// The name of a trust domain, in lower case: `example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Reads the name of a trust domain from configuration: only the name, not a URI, and in
    /// lower case.
    ///
    /// # Errors
    /// When the name is empty, longer than 255 bytes, or has a character outside `[a-z0-9.-_]`
    /// (SID-3, SID-6) or an empty label, which Go does not read in a URI.
    pub fn parse(name: &str) -> Result<Self, SpiffeIdError> {
        if name.contains("://") {
            return Err(SpiffeIdError::TrustDomainIsUri);
        }
        if name.is_empty() {
            return Err(SpiffeIdError::EmptyTrustDomain);
        }
        if name.len() > MAX_TRUST_DOMAIN_LENGTH {
            return Err(SpiffeIdError::TrustDomainTooLong(name.len()));
        }
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
        match name.chars().find(|c| !allowed(*c)) {
            Some(c) if c.is_ascii_uppercase() => Err(SpiffeIdError::TrustDomainUpperCase(c)),
            Some(c) => Err(SpiffeIdError::TrustDomainCharacter(c)),
            None if name.split('.').any(str::is_empty) => Err(SpiffeIdError::TrustDomainEmptyLabel),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// Returns the name, such as `example.org`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SPIFFE ID of the trust domain itself, which has no path (SID-5).
    pub fn id(&self) -> SpiffeId {
        SpiffeId {
            trust_domain: self.clone(),
            path: String::new(),
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SPIFFE ID: a trust domain and a path, which may be empty.
///
/// It displays as the URI with scheme and trust domain in lower case and the path as it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    path: String,
}

impl SpiffeId {
    /// Reads a SPIFFE ID. Scheme and trust domain are taken in either case and kept in lower
    /// case; the path is kept as it is (SID-7).
    ///
    /// # Errors
    /// When the text breaks one of SID-1 to SID-6.
    pub fn parse(uri: &str) -> Result<Self, SpiffeIdError> {
        if uri.len() > MAX_ID_LENGTH {
            return Err(SpiffeIdError::TooLong(uri.len()));
        }
        let rest = match uri.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(SpiffeIdError::Scheme),
        };
        if rest.contains('#') {
            return Err(SpiffeIdError::Fragment);
        }
        if rest.contains('?') {
            return Err(SpiffeIdError::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = read_authority(authority)?;
        if let Some(path) = path.strip_prefix('/') {
            if path.is_empty() || path.ends_with('/') {
                return Err(SpiffeIdError::TrailingSlash);
            }
            path.split('/').try_for_each(check_segment)?;
        }
        Ok(Self {
            trust_domain,
            path: path.to_owned(),
        })
    }

    /// Builds an ID from path segments such as `["ns", "default", "sa", "web"]`; without
    /// segments, the ID of the trust domain.
    ///
    /// # Errors
    /// When a segment breaks SID-4 or the whole is longer than 2048 bytes (SID-6).
    pub fn from_segments<'a>(
        trust_domain: &TrustDomain,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SpiffeIdError> {
        let mut path = String::new();
        for segment in segments {
            check_segment(segment)?;
            path.push('/');
            path.push_str(segment);
        }
        let length = SCHEME.len() + trust_domain.0.len() + path.len();
        if length > MAX_ID_LENGTH {
            return Err(SpiffeIdError::TooLong(length));
        }
        Ok(Self {
            trust_domain: trust_domain.clone(),
            path,
        })
    }

    /// Returns the trust domain that the ID lives in.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns the path: with its leading slash, such as `/ns/default/sa/web`, for a leaf (X5-4),
    /// and empty for a signing certificate (X5-7).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the segments of the path, without slashes.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').skip(1)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.trust_domain, self.path)
    }
}

/// What is wrong with a SPIFFE ID or a trust domain, and what to change.
///
/// The messages never repeat the whole text, which may come from any requester.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpiffeIdError {
    /// SID-1.
    #[error("a SPIFFE ID starts with spiffe://; write it as spiffe://<trust domain>/<path>")]
    Scheme,
    /// SID-1.
    #[error("a SPIFFE ID has no query; remove everything from the '?' on")]
    Query,
    /// SID-1.
    #[error("a SPIFFE ID has no fragment; remove everything from the '#' on")]
    Fragment,
    /// SID-2.
    #[error("a SPIFFE ID has no user information; remove everything up to the '@'")]
    UserInfo,
    /// SID-2.
    #[error("a SPIFFE ID has no port; remove the ':' and what follows it up to the path")]
    Port,
    /// SID-6.
    #[error("a SPIFFE ID has at most {MAX_ID_LENGTH} bytes and this one has {0}; shorten it")]
    TooLong(usize),
    /// SID-1.
    #[error("the trust domain is empty; write its name, such as example.org")]
    EmptyTrustDomain,
    /// Configuration has only the name.
    #[error(
        "the trust domain is a name and not a URI; write example.org, not spiffe://example.org"
    )]
    TrustDomainIsUri,
    /// SID-6.
    #[error(
        "a trust domain has at most {MAX_TRUST_DOMAIN_LENGTH} bytes and this one has {0}; shorten it"
    )]
    TrustDomainTooLong(usize),
    /// SID-3, SID-7: only lower case is ever written.
    #[error(
        "a trust domain is written in lower case and this one has {0:?}; write it in lower case"
    )]
    TrustDomainUpperCase(char),
    /// SID-3.
    #[error(
        "a trust domain holds only a-z, 0-9, '.', '-' and '_', and this one has {0:?}; replace it"
    )]
    TrustDomainCharacter(char),
    /// RFC 3986 allows it; Go's crypto/x509 does not parse a certificate with such a URI.
    #[error("a trust domain has no empty label; remove the extra '.', also at either end")]
    TrustDomainEmptyLabel,
    /// SID-4.
    #[error("the path of a SPIFFE ID does not end with '/'; remove the last slash")]
    TrailingSlash,
    /// SID-4.
    #[error("the path of a SPIFFE ID has no empty segment; write one slash between segments")]
    EmptySegment,
    /// SID-4.
    #[error("the path of a SPIFFE ID has no '.' or '..' segment; write the path out")]
    DotSegment,
    /// SID-4.
    #[error(
        "a path segment holds only a-z, A-Z, 0-9, '.', '-' and '_', and this one has {0:?}; replace it"
    )]
    SegmentCharacter(char),
}

/// The order of the checks leads to the most telling message: `user@host:1` is about the user.
fn read_authority(authority: &str) -> Result<TrustDomain, SpiffeIdError> {
    if authority.contains('@') {
        return Err(SpiffeIdError::UserInfo);
    }
    // A bracket opens an IPv6 address, whose colons do not start a port.
    if authority.contains(':') && !authority.starts_with('[') {
        return Err(SpiffeIdError::Port);
    }
    TrustDomain::parse(&authority.to_ascii_lowercase())
}

fn check_segment(segment: &str) -> Result<(), SpiffeIdError> {
    match segment {
        "" => return Err(SpiffeIdError::EmptySegment),
        "." | ".." => return Err(SpiffeIdError::DotSegment),
        _ => {}
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match segment.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(SpiffeIdError::SegmentCharacter(c)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
