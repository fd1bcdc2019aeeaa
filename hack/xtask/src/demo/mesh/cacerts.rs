//! What is in istiod's Secret, and what a write has changed, in words.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use k8s_openapi::ByteString;
use signet_soak::certificate::Certificate;

/// The CA certificate and the roots of `cacerts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cacerts {
    pub(super) ca: Certificate,
    pub(super) roots: Vec<Certificate>,
}

impl Cacerts {
    pub(super) fn read(data: &BTreeMap<String, ByteString>) -> Result<Self> {
        let entry = |name: &str| {
            let value = data
                .get(name)
                .with_context(|| format!("there is no {name}"))?;
            Ok::<_, anyhow::Error>(std::str::from_utf8(&value.0)?)
        };
        Ok(Self {
            ca: Certificate::first(entry("ca-cert.pem")?)?,
            roots: Certificate::all(entry("root-cert.pem")?)?,
        })
    }

    /// Describes what there is, or what has changed. One write changes the CA or the roots.
    pub(super) fn describe(&self, before: Option<&Self>) -> Result<String> {
        let Some(before) = before else {
            let ca = &self.ca.subject;
            return Ok(format!(
                "the CA certificate of {ca}; {}",
                trust(&self.roots)
            ));
        };
        let (added, removed) = (
            missing(&self.roots, &before.roots),
            missing(&before.roots, &self.roots),
        );
        Ok(
            match (self.ca != before.ca, added.is_empty(), removed.is_empty()) {
                (true, true, true) => format!(
                    "Signet replaced the CA certificate by that of {}; the roots are unchanged",
                    self.ca.subject
                ),
                (false, false, true) => format!(
                    "Signet added the root {}; the CA is unchanged",
                    added.join(" and ")
                ),
                (false, true, false) => format!(
                    "Signet removed the root {}; the CA is unchanged",
                    removed.join(" and ")
                ),
                _ => bail!("one write has changed {before:?} to {self:?}"),
            },
        )
    }
}

/// The subjects of roots, for users.
pub(super) fn trust(roots: &[Certificate]) -> String {
    let subjects: Vec<_> = roots.iter().map(|root| root.subject.as_str()).collect();
    let noun = if roots.len() == 1 { "root" } else { "roots" };
    format!("{} {noun}: {}", roots.len(), subjects.join(" and "))
}

/// The subjects of those of the roots that are not among the others.
fn missing<'a>(roots: &'a [Certificate], others: &[Certificate]) -> Vec<&'a str> {
    let new = roots.iter().filter(|root| !others.contains(root));
    new.map(|root| root.subject.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(subject: &str) -> Certificate {
        Certificate {
            subject: subject.to_owned(),
            issuer: String::new(),
            not_before: jiff::Timestamp::UNIX_EPOCH,
            not_after: jiff::Timestamp::UNIX_EPOCH,
            fingerprint: subject.to_owned(),
            serial: String::new(),
            uri: None,
        }
    }

    fn cacerts(ca: &str, roots: &[&str]) -> Cacerts {
        Cacerts {
            ca: certificate(ca),
            roots: roots.iter().map(|root| certificate(root)).collect(),
        }
    }

    #[test]
    fn each_write_has_its_words() {
        let first = cacerts("A", &["1"]);
        for (now, before, words) in [
            (
                cacerts("A", &["1"]),
                None,
                "the CA certificate of A; 1 root: 1",
            ),
            (
                cacerts("B", &["1"]),
                Some(&first),
                "replaced the CA certificate by that of B",
            ),
            (cacerts("A", &["1", "2"]), Some(&first), "added the root 2"),
            (
                first.clone(),
                Some(&cacerts("A", &["0", "1"])),
                "removed the root 0",
            ),
        ] {
            let described = now.describe(before).unwrap();
            assert!(described.contains(words), "{described}");
        }
    }

    #[test]
    fn two_changes_in_one_write_end_the_demo() {
        let now = cacerts("B", &["1", "2"]);
        now.describe(Some(&cacerts("A", &["1"]))).unwrap_err();
    }
}
