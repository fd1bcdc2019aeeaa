//! The PINs that a token refused, which are not tried again: it locks itself after a few.

use std::collections::HashMap;

use super::login::{Credentials, SecretId};
use super::pin_digest::PinDigest;

/// The PINs that a token refused.
#[derive(Default)]
pub(super) struct RefusedPins(Vec<Refused>);

/// A PIN that the token refused, and the versions of the Secrets that hold it.
struct Refused {
    digest: PinDigest,
    versions: HashMap<SecretId, String>,
}

impl RefusedPins {
    /// Whether this PIN was refused, and nobody has changed its Secret since.
    pub(super) fn includes(&mut self, credentials: &Credentials) -> bool {
        let same = |refused: &&mut Refused| refused.digest == credentials.digest;
        let Some(refused) = self.0.iter_mut().find(same) else {
            return false;
        };
        let versions = &mut refused.versions;
        match versions.get(&credentials.secret) {
            Some(version) => *version == credentials.version,
            // Another issuer has the same wrong PIN.
            None => {
                versions.insert(credentials.secret.clone(), credentials.version.clone());
                true
            }
        }
    }

    /// The token refused this PIN.
    pub(super) fn add(&mut self, credentials: &Credentials) {
        // A Secret holds one PIN, so that this does not grow with each change of it.
        for refused in &mut self.0 {
            refused.versions.remove(&credentials.secret);
        }
        let digest = &credentials.digest;
        self.0
            .retain(|refused| refused.digest == *digest || !refused.versions.is_empty());
        let entry = (credentials.secret.clone(), credentials.version.clone());
        match self.0.iter_mut().find(|refused| refused.digest == *digest) {
            Some(refused) => refused.versions.extend([entry]),
            None => self.0.push(Refused {
                digest: digest.clone(),
                versions: HashMap::from([entry]),
            }),
        }
    }

    /// The token accepted this PIN.
    pub(super) fn forgive(&mut self, credentials: &Credentials) {
        self.0
            .retain(|refused| refused.digest != credentials.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::login::fixtures::credentials;
    use super::*;

    #[test]
    fn a_refused_pin_stays_refused_until_its_secret_changes() {
        let mut refused = RefusedPins::default();
        let wrong = credentials("wrong", "a", "1");
        assert!(!refused.includes(&wrong));
        refused.add(&wrong);
        assert!(refused.includes(&wrong));
        // Another Secret with the same PIN is refused, and counts from then on.
        assert!(refused.includes(&credentials("wrong", "b", "7")));
        assert!(refused.includes(&credentials("wrong", "b", "7")));
        assert!(!refused.includes(&credentials("wrong", "b", "8")));
        assert!(!refused.includes(&credentials("wrong", "a", "2")));
        assert!(!refused.includes(&credentials("right", "a", "2")));
    }

    #[test]
    fn a_secret_that_changes_often_is_remembered_once() {
        let mut refused = RefusedPins::default();
        for version in 0..100 {
            let version = version.to_string();
            refused.add(&credentials(&version, "a", &version));
        }
        assert_eq!(refused.0.len(), 1);
        refused.forgive(&credentials("99", "b", "1"));
        assert_eq!(refused.0.len(), 0);
    }
}
