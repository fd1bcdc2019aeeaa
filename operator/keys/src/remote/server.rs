//! Addresses of servers that a spec names, read strictly: they end up in URLs.

use std::net::IpAddr;

use url::{Host, Url};

use super::refused;
use crate::access::Addresses;
use crate::error::{ErrorClass, KeyError};

/// Reads `https://HOST[:PORT][/]` out of a field, as the URL standard reads it, and gives it
/// without the slash. An address that may not be called is refused here, in whatever form it is
/// written; what a name leads to is judged when it is resolved ([`resolve`](super::resolve)).
///
/// # Errors
/// It is something else, or may not be called.
pub(crate) fn server(field: &str, text: &str, addresses: &Addresses) -> Result<String, KeyError> {
    let no = || {
        let sentence = format!(
            "{field} is no server; write https:// and a host, with a port if it is not 443, and no \
             path, such as https://server.example.org:8443"
        );
        KeyError::new(ErrorClass::KeyUnusable, sentence)
    };
    let url = Url::parse(text).map_err(|_| no())?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if url.scheme() != "https" || !plain {
        return Err(no());
    }
    let literal = match url.host().ok_or_else(no)? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
    };
    // A literal address never comes to a resolver.
    match literal {
        Some(address) if !addresses.allow(address) => Err(refused(text)),
        _ => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::ApiServer;

    #[test]
    fn a_server_is_https_and_a_host() {
        for (text, expected) in [
            ("https://vault", "https://vault"),
            (
                "https://vault.example.org:8200/",
                "https://vault.example.org:8200",
            ),
            ("https://10.0.0.2:8200", "https://10.0.0.2:8200"),
            ("https://[2001:db8::2]:8200", "https://[2001:db8::2]:8200"),
            ("https://Vault.Example.org:443", "https://vault.example.org"),
        ] {
            assert_eq!(server("address", text, &Addresses::Any).unwrap(), expected);
        }
        for text in [
            "http://vault",
            "vault:8200",
            "https://",
            "https://u@vault",
            "https://u:p@vault",
            "https://vault/v1",
            "https://vault?a=b",
            "https://vault#a",
            "https://vault:99999",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "file:///etc/passwd",
            "unix:///run/vault.sock",
        ] {
            let error = server("address", text, &Addresses::Any).unwrap_err();
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{text}");
            assert!(error.message.starts_with("address is no server"), "{error}");
        }
    }

    #[test]
    fn a_literal_address_is_judged_in_whatever_form() {
        let tenant = Addresses::Outside {
            api_server: ApiServer::at(["10.0.0.1".parse().unwrap()]),
        };
        for text in [
            "https://127.0.0.1:8200",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0.0.1",
            "https://0177.0.0.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://169.254.169.254",
            "https://10.0.0.1",
        ] {
            let error = server("address", text, &tenant).unwrap_err();
            assert!(error.message.contains("may not call"), "{text}: {error}");
            assert!(server("address", text, &Addresses::Any).is_ok(), "{text}");
        }
        assert!(server("address", "https://10.0.0.2", &tenant).is_ok());
    }
}
