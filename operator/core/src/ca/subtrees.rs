//! The name constraints of one CA certificate (RFC 5280 4.2.1.10), as verifiers apply them.

use std::net::IpAddr;

use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};

use crate::x509::names::ComparableName;
use crate::x509::names::syntax::host_fault;
use crate::x509::strict;

/// The subtrees of a nameConstraints extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subtrees {
    pub(super) permitted: Vec<Subtree>,
    pub(super) excluded: Vec<Subtree>,
}

/// A form of names (RFC 5280 4.2.1.6), by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Email,
    Dns,
    Directory,
    Uri,
    Ip,
    /// otherName, x400Address, ediPartyName and registeredID, by the number of the tag.
    Other(u8),
}

/// The names of one form below a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) form: Form,
    pub(super) base: Base,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A host, or a mailbox; in lower case up to the host. With a leading dot, the hosts below it.
    Text(String),
    Range {
        address: Vec<u8>,
        mask: Vec<u8>,
    },
    Directory(ComparableName),
    /// Verifiers refuse every name of the form, or need not agree.
    Unreadable,
}

impl Subtrees {
    /// Reads the value of the extension. A subtree that verifiers do not read is kept as
    /// [`Base::Unreadable`].
    pub(super) fn from_der(value: &[u8]) -> der::Result<Self> {
        let mut subtrees = Self::default();
        for list in strict::elements(strict::sequence(value)?)? {
            let any = AnyRef::from_der(list)?;
            let read = strict::elements(any.value())?.into_iter().map(subtree);
            let read = read.collect::<der::Result<Vec<_>>>()?;
            match list[0] {
                0xa0 if subtrees == Self::default() => subtrees.permitted = read,
                0xa1 if subtrees.excluded.is_empty() => subtrees.excluded = read,
                _ => return Err(any.tag().unexpected_error(Some(Tag::Sequence)).into()),
            }
        }
        Ok(subtrees)
    }

    /// Returns those that are permitted and those that are excluded.
    pub(super) fn all(&self) -> impl Iterator<Item = &Subtree> {
        self.permitted.iter().chain(&self.excluded)
    }
}

/// GeneralSubtree ::= SEQUENCE { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }
fn subtree(der: &[u8]) -> der::Result<Subtree> {
    let elements = strict::elements(strict::sequence(der)?)?;
    let Some((base, limits)) = elements.split_first() else {
        return Err(Tag::Sequence.length_error().into());
    };
    let any = AnyRef::from_der(base)?;
    let form = Form::of(base[0]).ok_or_else(|| any.tag().unexpected_error(None))?;
    let base = base_of(form, any.value()).filter(|_| limits.is_empty());
    Ok(Subtree {
        form,
        base: base.unwrap_or(Base::Unreadable),
    })
}

impl Form {
    /// The form of a GeneralName that begins with this tag.
    pub(super) fn of(tag: u8) -> Option<Self> {
        Some(match tag {
            0x81 => Self::Email,
            0x82 => Self::Dns,
            0xa4 => Self::Directory,
            0x86 => Self::Uri,
            0x87 => Self::Ip,
            0xa0 | 0xa3 | 0xa5 | 0x88 => Self::Other(tag & 0x1f),
            _ => return None,
        })
    }

    /// Returns what a message calls such a name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Email => "email address",
            Self::Dns => "DNS name",
            Self::Directory => "directory name",
            Self::Uri => "URI",
            Self::Ip => "IP address",
            Self::Other(0) => "otherName",
            Self::Other(8) => "registeredID",
            Self::Other(_) => "name",
        }
    }
}

fn base_of(form: Form, value: &[u8]) -> Option<Base> {
    match form {
        Form::Dns => domain(value).map(Base::Text),
        Form::Uri => domain(value)
            .filter(|host| host.parse::<IpAddr>().is_err())
            .map(Base::Text),
        Form::Email => mailbox(value).map(Base::Text),
        Form::Ip => range(value),
        Form::Directory => ComparableName::from_der(value).ok().map(Base::Directory),
        Form::Other(_) => None,
    }
}

/// A host name, one behind a dot for what lies below it, or nothing at all for every name.
fn domain(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    let host = text.strip_prefix('.').unwrap_or(text);
    (text.is_empty() || host_fault(host).is_none()).then(|| text.to_ascii_lowercase())
}

/// A mailbox, whose local part keeps its case, or the domain of many.
fn mailbox(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    match text.rsplit_once('@') {
        None => domain(value),
        Some((local, host)) => (!local.is_empty() && host_fault(host).is_none())
            .then(|| format!("{local}@{}", host.to_ascii_lowercase())),
    }
}

/// An address and a mask of ones and then zeros.
fn range(value: &[u8]) -> Option<Base> {
    let (address, mask) = value.split_at(value.len() / 2);
    let bits = (mask.iter()).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let is_range = matches!(value.len(), 8 | 32) && bits.is_sorted_by(|a, b| a >= b);
    is_range.then(|| Base::Range {
        address: address.to_vec(),
        mask: mask.to_vec(),
    })
}
