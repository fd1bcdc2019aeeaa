//! The names of a certificate that verifiers compare with name constraints.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc3280::EMAIL_ADDRESS;
use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::AnyRef;
use der::{Decode, Tag};

use crate::ca::subtrees::Form;
use crate::quote;
use crate::x509::names::{ComparableName, EMPTY_NAME, SubjectAltNames, attribute_texts};
use crate::x509::strict;

/// A name of a certificate.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) form: Form,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// A DNS name, mailbox or URI.
    Text(String),
    Address(Vec<u8>),
    Directory(ComparableName),
    /// A name that verifiers refuse wherever such names are constrained.
    Unreadable,
    /// One that OpenSSL refuses under every name constraint.
    Refused,
}

impl Presented {
    fn new(form: Form, value: Value) -> Self {
        Self { form, value }
    }
}

impl fmt::Display for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form.name())?;
        match &self.value {
            Value::Text(text) => write!(f, " {}", quote::text(text)),
            Value::Address(address) => write!(f, " {}", ip(address)),
            Value::Directory(_) | Value::Unreadable | Value::Refused => Ok(()),
        }
    }
}

fn ip(address: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(address).map(std::net::IpAddr::from);
    let v6 = <[u8; 16]>::try_from(address).map(std::net::IpAddr::from);
    v4.or(v6)
        .map_or_else(|_| hex::encode(address), |ip| ip.to_string())
}

/// Returns all names of a certificate: those of its subjectAltName, its subject, and in the subject
/// what verifiers read as an email address or a DNS name.
pub(super) fn all(subject: &[u8], names: Option<&SubjectAltNames>) -> Vec<Presented> {
    let mut all = alternative_names(names);
    if subject == EMPTY_NAME {
        return all;
    }
    let value = ComparableName::from_der(subject).map_or(Value::Unreadable, Value::Directory);
    all.push(Presented::new(Form::Directory, value));
    all.extend(emails(subject));
    if names.is_none_or(|names| names.dns().is_empty()) {
        all.extend(host_names(subject));
    }
    all
}

fn alternative_names(names: Option<&SubjectAltNames>) -> Vec<Presented> {
    let names = names.map(SubjectAltNames::der).unwrap_or_default();
    // What was read once is read again; no names at all have no content.
    let content = strict::sequence(names).unwrap_or_default();
    let elements = strict::elements(content).unwrap_or_default();
    elements.into_iter().filter_map(alternative_name).collect()
}

fn alternative_name(element: &[u8]) -> Option<Presented> {
    let form = Form::of(element[0])?;
    let value = AnyRef::from_der(element).map(|any| any.value());
    let value = value.unwrap_or_default();
    let text = || String::from_utf8(value.to_vec()).map_or(Value::Unreadable, Value::Text);
    let value = match form {
        Form::Dns | Form::Email | Form::Uri => text(),
        Form::Ip => Value::Address(value.to_vec()),
        Form::Directory => {
            ComparableName::from_der(value).map_or(Value::Unreadable, Value::Directory)
        }
        Form::Other(_) => Value::Unreadable,
    };
    Some(Presented::new(form, value))
}

/// RFC 5280 4.2.1.10: constraints on email addresses apply to emailAddress in the subject. OpenSSL
/// refuses one that is not an IA5String.
fn emails(subject: &[u8]) -> Vec<Presented> {
    let attributes = texts(subject, EMAIL_ADDRESS);
    let value = |(tag, text)| match tag {
        Tag::Ia5String => Value::Text(text),
        _ => Value::Refused,
    };
    let emails = attributes.into_iter().map(value);
    emails
        .map(|value| Presented::new(Form::Email, value))
        .collect()
}

/// OpenSSL reads a common name of several labels as a DNS name if the certificate has no other.
fn host_names(subject: &[u8]) -> Vec<Presented> {
    let names = texts(subject, COMMON_NAME).into_iter();
    let names = names
        .map(|(_, text)| text)
        .filter(|text| is_host_name(text));
    names
        .map(|text| Presented::new(Form::Dns, Value::Text(text)))
        .collect()
}

fn texts(subject: &[u8], attribute: ObjectIdentifier) -> Vec<(Tag, String)> {
    attribute_texts(subject, attribute).unwrap_or_default()
}

fn is_host_name(text: &str) -> bool {
    let allowed = |label: &str| {
        let mut bytes = label.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    text.contains('.')
        && text
            .split('.')
            .all(|label| !label.is_empty() && allowed(label))
}
