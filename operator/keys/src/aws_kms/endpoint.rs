//! The addresses of KMS and STS that a spec may name.

use std::net::IpAddr;

use crate::addresses::Addresses;
use crate::error::{ErrorClass, KeyError};

/// Checks an endpoint before anything is sent there, and returns it. The CRD asks for the same
/// form; what a name resolves to is checked when it is resolved (see [`super::http`]).
pub(super) fn checked(
    field: &str,
    endpoint: &str,
    addresses: &Addresses,
) -> Result<String, KeyError> {
    let Some(host) = host(endpoint) else {
        let sentence = format!(
            "{field} is not https:// and a host, with a port if it is not 443, and no path; \
             write it so"
        );
        return Err(KeyError::new(ErrorClass::KeyUnusable, sentence));
    };
    // A resolver is not asked about an address.
    match host.parse::<IpAddr>() {
        Ok(address) if !addresses.allow(address) => Err(refused(host)),
        _ => Ok(endpoint.trim_end_matches('/').to_owned()),
    }
}

/// The error about a host at an address that may not be called.
pub(super) fn refused(host: &str) -> KeyError {
    let sentence = format!(
        "{host} is, or resolves to, a loopback or link-local address or one of the API server, \
         which an Issuer may not have called; name another endpoint, or use a ClusterIssuer"
    );
    KeyError::new(ErrorClass::KeyUnusable, sentence)
}

/// The host of `https://HOST[:PORT][/]`, without the brackets of an IPv6 address.
fn host(endpoint: &str) -> Option<&str> {
    let authority = endpoint.strip_prefix("https://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port, is_v6) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port, true)
        }
        None => {
            let colon = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(colon);
            (host, port, false)
        }
    };
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let of_address = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let good = match is_v6 {
        true => host.chars().all(of_address),
        false => host.chars().all(of_name),
    };
    let port = match port.strip_prefix(':') {
        Some(number) => number.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    (good && port && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_and_a_host() {
        for (endpoint, expected) in [
            ("https://kms.example.com", Some("kms.example.com")),
            ("https://kms.example.com:8443/", Some("kms.example.com")),
            ("https://[2001:db8::1]:8443", Some("2001:db8::1")),
            ("http://kms.example.com", None),
            ("https://", None),
            ("https://user@kms.example.com", None),
            ("https://kms.example.com/path", None),
            ("https://kms.example.com?query", None),
            ("https://kms.example.com:99999", None),
            ("https://[::1]x", None),
            ("https://[fe80::1%25eth0]", None),
        ] {
            assert_eq!(host(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn an_address_of_this_host_is_refused_to_a_tenant_before_anything_is_sent() {
        let tenant = Addresses::Outside {
            api_server: Vec::new(),
        };
        for endpoint in [
            "https://127.0.0.1:8443",
            "https://[::1]",
            "https://169.254.169.254",
        ] {
            let error = checked("endpoint", endpoint, &tenant).unwrap_err();
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
            assert!(checked("endpoint", endpoint, &Addresses::Any).is_ok());
        }
        assert_eq!(
            checked("endpoint", "https://10.0.0.1/", &tenant).unwrap(),
            "https://10.0.0.1"
        );
    }
}
