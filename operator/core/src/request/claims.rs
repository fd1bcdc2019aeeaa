//! What a request is for, as far as it can be read: for the log of a refusal. Nothing of it was
//! checked.

use aws_lc_rs::digest;

use super::csr::{claimed_key, claimed_uri};
use super::{BareKey, RawRequest};

/// What a request is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The SHA-256 of the SubjectPublicKeyInfo, in lower-case hex.
    pub key: Option<String>,
    /// The first URI.
    pub uri: Option<String>,
}

impl RawRequest {
    /// Reads what the request is for. A key that is given stands for the one of the pod.
    pub fn claims(&self, bare_key: Option<&BareKey>) -> Claims {
        let own = || self.pod.as_ref().and_then(|pod| pod.bare_key.as_ref());
        if let Some(key) = bare_key.or_else(own) {
            return Claims {
                key: Some(sha256(&key.spki)),
                uri: None,
            };
        }
        let is_pem = self.pod.is_none();
        Claims {
            key: claimed_key(&self.csr, is_pem).map(|key| sha256(&key)),
            uri: claimed_uri(&self.csr, is_pem),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::csr::CsrParts;
    use crate::fixtures::der::{dns, uri};
    use crate::fixtures::request::request;
    use crate::request::csr::MAX_SIZE;

    const ID: &str = "spiffe://example.org/ns/shop/sa/web";

    fn parts() -> CsrParts {
        CsrParts::names(&[dns("web.shop.svc"), uri(ID), uri("spiffe://example.org/b")])
    }

    #[test]
    fn reads_the_key_and_the_first_uri() {
        let parts = parts();
        let claims = request(&parts).claims(None);
        assert_eq!(claims.key, Some(parts.key.public().fingerprint()));
        assert_eq!(claims.uri.as_deref(), Some(ID));
    }

    #[test]
    fn reads_what_is_refused() {
        let parts = parts().and("1.2.3", &[5, 0]);
        let claims = request(&parts).claims(None);
        assert_eq!(claims.key, Some(parts.key.public().fingerprint()));
        assert_eq!(claims.uri, None);
    }

    #[test]
    fn prefers_the_key_of_the_pod() {
        let key = BareKey {
            spki: vec![1, 2, 3],
            proof: Vec::new(),
        };
        let claims = request(&parts()).claims(Some(&key));
        assert_eq!(claims.key, Some(sha256(&[1, 2, 3])));
        assert_eq!(claims.uri, None);
    }

    #[test]
    fn reads_nothing_from_what_is_not_a_csr() {
        for csr in [Vec::new(), vec![b'x'; 100], vec![b'-'; MAX_SIZE + 1]] {
            let mut request = request(&parts());
            request.csr = csr;
            assert_eq!(request.claims(None), Claims::default());
        }
    }
}
