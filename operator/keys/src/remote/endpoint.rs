//! Addresses of servers that a spec names, read strictly: they end up in URLs.

use std::net::IpAddr;

use url::{Host, Position, Url};

use super::RemoteError;
use crate::access::Addresses;

/// Reads `https://HOST[:PORT][/]` from a field, as the URL standard reads it, and returns it
/// without the slash. An address that may not be called is refused here, in every form in which it
/// can be written; what a name leads to is judged when it is resolved.
pub(crate) fn endpoint(
    field: &'static str,
    text: &str,
    addresses: &Addresses,
) -> Result<String, RemoteError> {
    let invalid = || RemoteError::NotAServer { field };
    let url = Url::parse(text).map_err(|_| invalid())?;
    let server = format!(
        "https://{}",
        &url[Position::BeforeHost..Position::AfterPort]
    );
    if url.as_str().strip_prefix(&server) != Some("/") {
        return Err(invalid());
    }
    // A literal address never comes to a resolver.
    let may_be_called = match url.host().ok_or_else(invalid)? {
        Host::Domain(_) => true,
        Host::Ipv4(address) => addresses.allow(IpAddr::V4(address)),
        Host::Ipv6(address) => addresses.allow(IpAddr::V6(address)),
    };
    if !may_be_called {
        let host = text.to_owned();
        return Err(RemoteError::Forbidden { host });
    }
    Ok(server)
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
            assert_eq!(
                endpoint("address", text, &Addresses::Any).unwrap(),
                expected
            );
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
            let error = endpoint("address", text, &Addresses::Any).unwrap_err();
            assert_eq!(
                error,
                RemoteError::NotAServer { field: "address" },
                "{text}"
            );
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
            let error = endpoint("address", text, &tenant).unwrap_err();
            let host = text.to_owned();
            assert_eq!(error, RemoteError::Forbidden { host });
            assert!(endpoint("address", text, &Addresses::Any).is_ok(), "{text}");
        }
        assert!(endpoint("address", "https://10.0.0.2", &tenant).is_ok());
    }
}
