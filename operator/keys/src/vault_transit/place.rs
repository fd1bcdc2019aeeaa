//! Where a key is, read strictly: what comes from a spec ends up in a URL and in headers.

use std::net::IpAddr;

use crate::addresses::Addresses;
use crate::error::{ErrorClass, KeyError};
use crate::vault_transit::VaultTransit;

/// Where a key is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `https://HOST:PORT`, without a slash at the end.
    pub(super) address: String,
    /// The namespace in Vault.
    pub(super) namespace: Option<String>,
    /// Where the engine is mounted.
    pub(super) mount: String,
    /// The key's name.
    pub(super) name: String,
}

impl Place {
    /// Reads it from a configuration, and refuses an address that may not be called.
    pub(super) fn of(config: &VaultTransit, addresses: &Addresses) -> Result<Self, KeyError> {
        Ok(Self {
            address: address(&config.address, addresses)?,
            namespace: config
                .namespace
                .as_deref()
                .map(|namespace| path(namespace, "namespace"))
                .transpose()?,
            mount: path(&config.mount, "mount")?,
            name: segment(&config.name, "name")?.to_owned(),
        })
    }

    /// The key in words.
    pub(super) fn key(&self) -> String {
        format!(
            "the key {} at {} of {}",
            self.name,
            self.mount,
            self.server()
        )
    }

    /// The server in words.
    pub(super) fn server(&self) -> String {
        format!("the Vault at {}", self.address)
    }
}

fn address(text: &str, addresses: &Addresses) -> Result<String, KeyError> {
    let no = || {
        unusable(
            "address is no server; write https://, the host and maybe a port, such as \
             https://vault.example.org:8200",
        )
    };
    let url = reqwest::Url::parse(text).map_err(|_| no())?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host_str().ok_or_else(no)?;
    if url.scheme() != "https" || !plain {
        return Err(no());
    }
    // A literal address never comes to the resolver, which judges all others.
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>()
        && !addresses.allow(ip)
    {
        return Err(refused(text));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// What is said about an address that may not be called.
pub(super) fn refused(address: &str) -> KeyError {
    unusable(&format!(
        "{address} leads to the operator's own host or link, or to the API server, which an Issuer \
         may not call; name another server, or use a ClusterIssuer"
    ))
}

/// A path of a mount or a namespace, without the slashes around it.
pub(super) fn path(text: &str, field: &str) -> Result<String, KeyError> {
    let path = text.trim_matches('/');
    for part in path.split('/') {
        segment(part, field)?;
    }
    Ok(path.to_owned())
}

fn segment<'a>(text: &'a str, field: &str) -> Result<&'a str, KeyError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.starts_with('.') || !text.chars().all(allowed) {
        return Err(unusable(&format!(
            "{field} is no name that Vault has; use letters, digits, '_', '-' and '.'"
        )));
    }
    Ok(text)
}

fn unusable(sentence: &str) -> KeyError {
    KeyError::new(ErrorClass::KeyUnusable, format!("vaultTransit: {sentence}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_and_a_host() {
        for (text, expected) in [
            ("https://vault", "https://vault"),
            (
                "https://vault.example.org:8200/",
                "https://vault.example.org:8200",
            ),
            ("https://10.0.0.2:8200", "https://10.0.0.2:8200"),
            ("https://[2001:db8::2]:8200", "https://[2001:db8::2]:8200"),
        ] {
            assert_eq!(address(text, &Addresses::Any).unwrap(), expected);
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
            "file:///etc/passwd",
            "unix:///run/vault.sock",
        ] {
            let error = address(text, &Addresses::Any).unwrap_err();
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{text}");
        }
    }

    #[test]
    fn a_literal_address_is_judged_in_whatever_form() {
        let tenant = Addresses::Outside {
            api_server: vec!["10.0.0.1".parse().unwrap()],
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
            let error = address(text, &tenant).unwrap_err();
            assert!(error.message.contains("may not call"), "{text}: {error}");
            assert!(address(text, &Addresses::Any).is_ok(), "{text}");
        }
        assert!(address("https://10.0.0.2", &tenant).is_ok());
    }

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(path("team-a/pki/", "mount").unwrap(), "team-a/pki");
        for text in [
            "", "/", "a//b", "..", "a/../b", ".", "a b", "a?b", "a%2fb", "a\nb",
        ] {
            assert!(path(text, "mount").is_err(), "{text:?}");
        }
    }
}
