//! What goes wrong on the way to a server, classified by the types of the errors.

use std::error::Error;

use super::RESPONSE;
use super::resolver::Unresolved;
use crate::cause::{causes, chain};
use crate::error::{ErrorClass, KeyError};
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong on the way to a server. What is at an address is not in the messages: an
    /// Issuer names the address, and must not learn it.
    pub enum RemoteError {
        NotAServer { field: &'static str } => ErrorClass::KeyUnusable,
            "{field} is not a server; write https:// and a host, with a port if it is not 443, \
             and no path, such as https://server.example.org:8443";
        Forbidden { host: String } => ErrorClass::KeyUnusable,
            "{host} leads to the operator's own host or link, to a service of the cloud for it, \
             or to the API server, which an Issuer may not call; name another server, or use a \
             ClusterIssuer";
        Unresolved { server: String } => ErrorClass::Unreachable,
            "{server} cannot be found: its host name does not resolve; check the name and the \
             cluster's DNS";
        Timeout { server: String, seconds: u64 } => ErrorClass::Unreachable,
            "{server} did not respond within {seconds} s; check the network on the way to it";
        Untrusted { server: String } => ErrorClass::Unreachable,
            "{server} has a certificate that is not trusted; put its CA certificates into \
             caBundle, and check that it is valid and for this host";
        TlsRefused { server: String } => ErrorClass::Unreachable,
            "{server} refuses the TLS connection; check which client certificates and TLS \
             versions it accepts";
        NotConnected { server: String } => ErrorClass::Unreachable,
            "{server} cannot be reached; check the address, the network and its firewalls";
        NotThroughProxy { server: String, proxy: String } => ErrorClass::Unreachable,
            "{server} cannot be reached through the proxy {proxy}; check the proxy, that it allows \
             connections to the server, and --cluster-issuer-no-proxy if it is called without it";
        Closed { server: String } => ErrorClass::Unreachable,
            "{server} closed the connection before its response was complete";
        NotHttp { server: String } => ErrorClass::InvalidResponse,
            "{server} did not return an HTTP response; check what is at its address";
        TooLarge { server: String, max_bytes: usize } => ErrorClass::InvalidResponse,
            "{server} returned a response larger than {max_bytes} bytes; check what is at its \
             address";
        InvalidBundle => ErrorClass::KeyUnusable,
            "caBundle contains a certificate that cannot be used as a CA certificate; put the CA \
             certificates of the server there, in PEM";
        InvalidIdentity => ErrorClass::CredentialsRefused,
            "the client certificate and its key cannot be used; put a certificate and the key \
             that belongs to it into the Secret, in PEM";
    }
}

/// `proxy` is the one that is configured, if there is one.
pub(super) fn failure(
    error: &reqwest::Error,
    server: &str,
    host: &str,
    proxy: Option<&str>,
) -> KeyError {
    let (server, seconds) = (server.to_owned(), RESPONSE.as_secs());
    let unresolved = find::<Unresolved>(error);
    let tls = find::<rustls::Error>(error);
    let http = find::<hyper::Error>(error);
    let kind = if let Some(Unresolved::Forbidden) = unresolved {
        let host = host.to_owned();
        return RemoteError::Forbidden { host }.into();
    } else if unresolved.is_some() && proxy.is_none() {
        RemoteError::Unresolved { server }
    } else if error.is_timeout() {
        RemoteError::Timeout { server, seconds }
    } else if let Some(rustls::Error::InvalidCertificate(_)) = tls {
        RemoteError::Untrusted { server }
    } else if let Some(rustls::Error::AlertReceived(_)) = tls {
        RemoteError::TlsRefused { server }
    } else if http.is_some_and(hyper::Error::is_parse) {
        RemoteError::NotHttp { server }
    } else if let Some(proxy) = proxy.filter(|_| error.is_connect()) {
        let proxy = proxy.to_owned();
        RemoteError::NotThroughProxy { server, proxy }
    } else if error.is_connect() {
        RemoteError::NotConnected { server }
    } else {
        RemoteError::Closed { server }
    };
    KeyError::from(kind).caused_by(chain(error))
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_errors::BackendError;

    #[test]
    fn has_a_class_for_each_kind() {
        let server = || "the server".to_owned();
        for (error, class) in [
            (
                RemoteError::Timeout {
                    server: server(),
                    seconds: 4,
                },
                ErrorClass::Unreachable,
            ),
            (
                RemoteError::NotHttp { server: server() },
                ErrorClass::InvalidResponse,
            ),
            (
                RemoteError::Forbidden { host: server() },
                ErrorClass::KeyUnusable,
            ),
            (RemoteError::InvalidIdentity, ErrorClass::CredentialsRefused),
        ] {
            assert_eq!(error.class(), class, "{error}");
        }
        let error = KeyError::from(RemoteError::Closed { server: server() });
        assert_eq!(error.code, "Closed");
        let message = "the server closed the connection before its response was complete";
        assert_eq!(error.message, message);
    }
}
