//! The proxy through which the servers of ClusterIssuers are called.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use url::Url;
use zeroize::Zeroizing;

/// An HTTP proxy that tunnels connections (CONNECT, RFC 9110 9.3.6), so that TLS is between Signet and
/// the server.
///
/// An Issuer has none: the proxy resolves names and reaches what it reaches, so the addresses that
/// may not be called for an Issuer cannot be judged.
#[derive(Clone)]
pub struct HttpProxy {
    /// May contain a password.
    #[cfg_attr(
        not(feature = "network"),
        allow(dead_code, reason = "the backends in this build call no server")
    )]
    url: Zeroizing<String>,
    server: String,
    no_proxy: String,
}

/// The URL of a proxy as it was configured. It may contain a password, which nothing shows.
#[derive(Clone)]
pub struct ProxyUrl(Zeroizing<String>);

/// Why a URL is not that of a proxy. It does not contain the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not the URL of a proxy; write http:// or https://, a host and a port, such as \
     http://proxy.example.org:3128, with a user name and a password before the host if it \
     requires them"
)]
pub struct InvalidProxy;

impl HttpProxy {
    /// `no_proxy` lists what is called without the proxy: hosts, domains with all below them, IP
    /// addresses and CIDR blocks.
    ///
    /// # Errors
    /// The URL is not that of a proxy.
    pub fn new(url: &ProxyUrl, no_proxy: &[String]) -> Result<Self, InvalidProxy> {
        let parsed = Url::parse(&url.0).map_err(|_| InvalidProxy)?;
        let host = parsed.host_str().ok_or(InvalidProxy)?;
        let is_valid = ["http", "https"].contains(&parsed.scheme())
            && ["", "/"].contains(&parsed.path())
            && parsed.query().is_none()
            && parsed.fragment().is_none();
        if !is_valid {
            return Err(InvalidProxy);
        }
        let port = parsed.port_or_known_default().ok_or(InvalidProxy)?;
        Ok(Self {
            url: url.0.clone(),
            server: format!("{}://{host}:{port}", parsed.scheme()),
            no_proxy: no_proxy.join(","),
        })
    }

    /// The proxy as messages name it, without a password.
    pub fn server(&self) -> &str {
        &self.server
    }

    #[cfg(feature = "network")]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    #[cfg(feature = "network")]
    pub(crate) fn no_proxy(&self) -> &str {
        &self.no_proxy
    }
}

impl FromStr for ProxyUrl {
    type Err = Infallible;

    /// Takes any text, so that no error of a parser of arguments shows it.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProxy")
            .field("server", &self.server)
            .field("no_proxy", &self.no_proxy)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str) -> Result<HttpProxy, InvalidProxy> {
        HttpProxy::new(&url.parse().unwrap(), &["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = "http://user:hunter2@proxy.example.org";
        let proxy = proxy(url).unwrap();
        assert_eq!(proxy.server(), "http://proxy.example.org:80");
        assert_eq!((proxy.no_proxy.as_str(), &**proxy.url), ("a,b", url));
        let parsed: ProxyUrl = url.parse().unwrap();
        for shown in [format!("{proxy:?}"), format!("{parsed:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn rejects_what_is_not_the_url_of_a_proxy() {
        for url in [
            "",
            "proxy.example.org:3128",
            "socks5://proxy.example.org",
            "http://proxy.example.org/path",
            "http://proxy.example.org/?a",
            "http://proxy.example.org:99999",
            "http://",
        ] {
            assert!(proxy(url).is_err(), "{url}");
        }
        for url in ["https://[2001:db8::1]:3129/", "http://10.0.0.1:3128"] {
            assert!(proxy(url).is_ok(), "{url}");
        }
    }
}
