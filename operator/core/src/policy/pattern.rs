//! Patterns of names, as the rules of an issuer list them.
//!
//! Each kind of name has a pattern type of its own, read from text and displayed as text. A variable
//! stands for a name that the API server or cert-manager vouches for; if it is unknown for a
//! requester, the pattern does not match.

mod dns;
mod email;
mod error;
mod ip;
mod path;
mod text;
mod uri;
mod variable;

pub use dns::DnsPattern;
pub use email::EmailPattern;
pub use error::PatternError;
pub use ip::IpRange;
pub use path::PathPattern;
pub use text::TextPattern;
pub use uri::UriPattern;
pub use variable::{Bindings, Variable};

#[cfg(test)]
mod tests;
