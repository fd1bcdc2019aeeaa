//! The grammar of DNS names, mailboxes and URIs. The text is graphic ASCII already.

use std::net::Ipv6Addr;

pub(crate) const NOT_ASCII: &str =
    "is not ASCII; write an international name in its ASCII form (punycode, percent-encoding)";
pub(crate) const NOT_GRAPHIC: &str = "has a space or control character; remove it";

/// Checks an rfc822Name, a bare mailbox (RFC 5280 4.2.1.6).
pub(super) fn email_fault(mailbox: &str) -> Option<&'static str> {
    // A quoted local part may itself hold an '@'; the host cannot.
    match mailbox.rsplit_once('@') {
        Some((local, host)) if !local.is_empty() && host_fault(host).is_none() => None,
        _ => Some("is not of the form name@host.example; correct it"),
    }
}

/// Checks a dNSName.
pub(crate) fn dns_fault(name: &str) -> Option<&'static str> {
    // The wildcard's own two bytes count.
    if name.len() > MAX_DNS_NAME {
        return Some(TOO_LONG);
    }
    let host = name.strip_prefix("*.").unwrap_or(name);
    host_fault(host).or_else(|| ends_in_a_number(host).then_some(NUMERIC))
}

const NUMERIC: &str =
    "ends in a number, and verifiers read such a name as an IP address; list an IP address instead";

/// Returns whether the last label is a number: no top-level domain is one (RFC 3696 section 2), and
/// `10.0.0.1` is to be read as an address and not as a name (RFC 1123 section 2.1).
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

const MAX_DNS_NAME: usize = 253;
const TOO_LONG: &str = "is longer than 253 characters; shorten it";

/// Returns what is wrong with a host name, if anything.
pub(crate) fn host_fault(name: &str) -> Option<&'static str> {
    if name.len() > MAX_DNS_NAME {
        return Some(TOO_LONG);
    }
    name.split('.').find_map(|label| {
        if label.is_empty() {
            Some("has an empty label; remove the extra dot, also at the end")
        } else if label.len() > 63 {
            Some("has a label longer than 63 characters; shorten it")
        } else if label.contains('*') {
            Some("has a '*' that is not the whole left-most label of several; write *.example.org")
        } else if !label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            Some("has a character other than letters, digits, '-', '_' and '.'; remove it")
        } else {
            None
        }
    })
}

/// Checks that a uniformResourceIdentifier is absolute and in the characters of RFC 3986.
pub(crate) fn uri_fault(uri: &str) -> Option<&'static str> {
    let relative = "is not absolute; start it with a scheme, such as spiffe://";
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Some(relative);
    };
    let scheme_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(scheme_char) {
        return Some(relative);
    }
    if rest.is_empty() {
        return Some("has nothing after its scheme; write it out");
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    if !rest.bytes().all(allowed) {
        return Some("has a character that is not allowed in a URI; percent-encode it");
    }
    let is_encoded = |text: &str| {
        let digits = text.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.count() == 2
    };
    if !rest.split('%').skip(1).all(is_encoded) {
        return Some("has a '%' without two hexadecimal digits after it; write %25 for '%'");
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    authority_fault(authority)
}

/// Checks the authority of RFC 3986 3.2 as Go does, which refuses to read a certificate
/// that holds a URI with another one.
fn authority_fault(authority: &str) -> Option<&'static str> {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(['[', ']']) {
        return Some("has a bracket in its user information; percent-encode it");
    }
    let (host, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let Some((address, port)) = bracketed.split_once(']') else {
                return Some("has a '[' without ']' in its host; close it");
            };
            if address.parse::<Ipv6Addr>().is_err() {
                return Some(
                    "has brackets around something that is not an IPv6 address; correct it",
                );
            }
            ("", port)
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Some("has a port that is not a number; correct it");
    }
    // No host at all is one too: file:///etc.
    if !host.is_empty() && host.split('.').any(str::is_empty) {
        return Some("has an empty label in its host; remove the extra dot, also at the end");
    }
    host.contains(['%', '[', ']'])
        .then_some("has a host with '%' or a bracket; write the host in its ASCII form")
}
