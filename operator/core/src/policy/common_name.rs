//! What a common name reads as.

use std::net::IpAddr;

/// The kind of name that a common name is for those who compare it with the name of a peer, as
/// verifiers did before subjectAltName and some still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonNameKind {
    /// A DNS name, also of one label, or what some reader could take for one.
    Dns,
    /// An IP address.
    Ip(IpAddr),
    /// An email address.
    Email,
    /// A URI.
    Uri,
    /// Any other text.
    Text,
}

impl CommonNameKind {
    /// Returns what a common name reads as.
    ///
    /// A name is not made another kind by what readers ignore: white space around it, a dot at its
    /// end. Such a name reads as a DNS name and is none, so that no list has it.
    pub fn of(name: &str) -> Self {
        let bare = name.trim();
        let address = bare.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Ok(address) = address.unwrap_or(bare).parse() {
            return Self::Ip(address);
        }
        if bare.contains("://") {
            return Self::Uri;
        }
        if bare.is_empty() || bare.contains(char::is_whitespace) {
            return Self::Text;
        }
        if bare.contains('@') {
            return Self::Email;
        }
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
        // Also the dots that IDNA reads as one (UTS 46).
        match bare.chars().all(is_host) || bare.contains(['.', '*', '。', '.', '。']) {
            true => Self::Dns,
            false => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CommonNameKind;

    #[test]
    fn reads_a_common_name_as_verifiers_do() {
        use CommonNameKind::{Dns, Email, Text, Uri};
        for (name, kind) in [
            ("web", Dns),
            ("www.example.org", Dns),
            ("WWW.EXAMPLE.ORG", Dns),
            ("*.example.org", Dns),
            ("*", Dns),
            ("www.example.org.", Dns),
            (" www.example.org", Dns),
            ("www.example.org\u{a0}", Dns),
            ("www。example。org", Dns),
            ("www.ex\u{200b}ample.org", Dns),
            ("b\u{fc}cher.example", Dns),
            ("xn--bcher-kva", Dns),
            ("10.1", Dns),
            ("0x7f000001", Dns),
            ("a@example.org", Email),
            ("spiffe://example.org/a", Uri),
            ("https://web", Uri),
            ("", Text),
            (" ", Text),
            ("Example Root", Text),
            ("system:masters", Text),
            ("Acme Inc.", Text),
            ("M\u{fc}ller", Text),
        ] {
            assert_eq!(CommonNameKind::of(name), kind, "{name:?}");
        }
        for address in ["10.0.0.1", " 10.0.0.1 ", "2001:db8::1", "[2001:db8::1]"] {
            let kind = CommonNameKind::of(address);
            assert!(matches!(kind, CommonNameKind::Ip(_)), "{address}: {kind:?}");
        }
    }
}
