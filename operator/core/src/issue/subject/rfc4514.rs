//! Distinguished names as text (RFC 4514).

use std::str::FromStr;

use der::{Decode, Encode};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::x509::names::DistinguishedName;

/// What RFC 4514 section 2.4 has escaped, and what is not a separator here. A separator of RFC
/// 2253, or the quotation marks of RFC 1779, would become part of a value.
const MUST_BE_ESCAPED: [char; 4] = ['"', ';', '<', '>'];

const INVALID: &str =
    "is empty or not a valid RFC 4514 name; write a name such as \"CN=Example Root,O=Example\"";

/// Reads a subject as RFC 4514 writes it: the most specific attribute, usually CN, first. Spaces
/// around the separators are allowed, as in RFC 2253.
///
/// What the text becomes in DER is checked as the subject of a CSR is: `C=Ü` becomes an invalid
/// PrintableString, and no verifier would read the certificate.
///
/// # Errors
/// It cannot be read, has no attribute, or makes a Name that verifiers do not read. The message
/// continues one that ends in the text.
pub fn parse(text: &str) -> Result<Name, String> {
    if let Some(character) = unescaped(text) {
        return Err(format!(
            "has a {character} that is not escaped (RFC 4514); write \\{character} if it is part of a value, and separate attributes by commas"
        ));
    }
    let name = read(text).ok_or(INVALID)?;
    let unread = |error: String| format!("is not a name that verifiers can read: {error}");
    let der = name.to_der().map_err(|error| unread(error.to_string()))?;
    DistinguishedName::read(&der, "subject").map_err(|error| unread(error.to_string()))?;
    Ok(name)
}

/// The parser of `Name` takes a comma after `\\` for an escaped one, so that only attributes are
/// left to it. Its errors have no detail.
fn read(text: &str) -> Option<Name> {
    let mut name = RdnSequence::default();
    for rdn in split(text, ',').into_iter().rev() {
        let attributes = split(rdn, '+')
            .into_iter()
            .map(AttributeTypeAndValue::from_str);
        let attributes: Vec<_> = attributes.collect::<Result<_, _>>().ok()?;
        name.push(RelativeDistinguishedName::try_from(attributes).ok()?);
    }
    Name::from_der(&name.to_der().ok()?).ok()
}

/// Splits at each separator that is not escaped, and drops spaces around the parts.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = Escaped::default();
    let parts = text.split(move |c| !escaped.next(c) && c == separator);
    parts.map(trim).collect()
}

/// An escaped space at the end belongs to the value.
fn trim(part: &str) -> &str {
    let part = part.trim_start_matches(' ');
    let trimmed = part.trim_end_matches(' ');
    let mut escaped = Escaped::default();
    let open = trimmed
        .chars()
        .fold(false, |_, c| !escaped.next(c) && c == '\\');
    if open && trimmed.len() < part.len() {
        &part[..=trimmed.len()]
    } else {
        trimmed
    }
}

fn unescaped(text: &str) -> Option<char> {
    let mut escaped = Escaped::default();
    text.chars()
        .find(|c| !escaped.next(*c) && MUST_BE_ESCAPED.contains(c))
}

/// Whether the next character follows a backslash that is not escaped itself.
#[derive(Default)]
struct Escaped(bool);

impl Escaped {
    /// Returns whether this character is escaped.
    fn next(&mut self, character: char) -> bool {
        let escaped = self.0;
        self.0 = character == '\\' && !escaped;
        escaped
    }
}
