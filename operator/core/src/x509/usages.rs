//! Usages as Kubernetes and cert-manager name them, and as X.509 encodes them.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION,
    ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH, ID_KP_TIME_STAMPING,
};
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use crate::quote;

/// id-kp-ipsecEndSystem (RFC 4945 keeps the number, as historic).
const IPSEC_END_SYSTEM: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.5");
/// id-kp-ipsecTunnel (historic).
const IPSEC_TUNNEL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.6");
/// id-kp-ipsecUser (historic).
const IPSEC_USER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.7");
/// Microsoft's Server Gated Crypto.
const MICROSOFT_SGC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.3");
/// Netscape's Server Gated Crypto.
const NETSCAPE_SGC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113730.4.1");

/// The key usage bits and the extended key usages of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages {
    /// The bits of RFC 5280 4.2.1.3.
    pub key: FlagSet<KeyUsages>,
    /// The purposes of RFC 5280 4.2.1.12, in the order in which they were requested (rule A3-23).
    pub extended: Vec<ObjectIdentifier>,
}

/// A usage that neither Kubernetes nor cert-manager knows, quoted and cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage {0} is unknown; use the names of cert-manager's KeyUsage, such as \"server auth\"")]
pub struct UnknownUsage(pub String);

/// The names of the bits; of two names, the first is the one that messages show.
const KEY_USAGES: [(&str, KeyUsages); 10] = [
    ("digital signature", KeyUsages::DigitalSignature),
    ("signing", KeyUsages::DigitalSignature),
    ("content commitment", KeyUsages::NonRepudiation),
    ("key encipherment", KeyUsages::KeyEncipherment),
    ("data encipherment", KeyUsages::DataEncipherment),
    ("key agreement", KeyUsages::KeyAgreement),
    ("cert sign", KeyUsages::KeyCertSign),
    ("crl sign", KeyUsages::CRLSign),
    ("encipher only", KeyUsages::EncipherOnly),
    ("decipher only", KeyUsages::DecipherOnly),
];

/// The names of the purposes; of two names, the first is the one that messages show.
const PURPOSES: [(&str, ObjectIdentifier); 13] = [
    ("any", ANY_EXTENDED_KEY_USAGE),
    ("server auth", ID_KP_SERVER_AUTH),
    ("client auth", ID_KP_CLIENT_AUTH),
    ("code signing", ID_KP_CODE_SIGNING),
    ("email protection", ID_KP_EMAIL_PROTECTION),
    ("s/mime", ID_KP_EMAIL_PROTECTION),
    ("ipsec end system", IPSEC_END_SYSTEM),
    ("ipsec tunnel", IPSEC_TUNNEL),
    ("ipsec user", IPSEC_USER),
    ("timestamping", ID_KP_TIME_STAMPING),
    ("ocsp signing", ID_KP_OCSP_SIGNING),
    ("microsoft sgc", MICROSOFT_SGC),
    ("netscape sgc", NETSCAPE_SGC),
];

impl Usages {
    /// Reads the names of `spec.usages`.
    ///
    /// No name at all means digital signature and key encipherment (CM-8).
    ///
    /// # Errors
    /// A name that is not in the list of cert-manager and `certificates.k8s.io`.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, UnknownUsage> {
        if names.is_empty() {
            return Ok(Self::api_default());
        }
        let mut usages = Self::default();
        for name in names {
            let name = name.as_ref();
            match (find(&KEY_USAGES, name), find(&PURPOSES, name)) {
                (Some(bit), _) => usages.key |= bit,
                (None, Some(purpose)) => usages.add_purpose(purpose),
                (None, None) => return Err(UnknownUsage(quote::text(name))),
            }
        }
        Ok(usages)
    }

    /// Returns the usages of a request that lists none (CM-8).
    pub fn api_default() -> Self {
        Self {
            key: KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            extended: Vec::new(),
        }
    }

    /// Returns the same with keyCertSign, as cert-manager requests them for a CA (CM-8).
    pub fn with_cert_sign(mut self) -> Self {
        self.key |= KeyUsages::KeyCertSign;
        self
    }

    /// Adds a purpose once; "email protection" and "s/mime" name the same one.
    pub(crate) fn add_purpose(&mut self, purpose: ObjectIdentifier) {
        if !self.extended.contains(&purpose) {
            self.extended.push(purpose);
        }
    }

    /// Returns whether the bit is set.
    pub fn has(&self, bit: KeyUsages) -> bool {
        self.key.contains(bit)
    }
}

/// Returns the names of the bits, as `spec.usages` has them.
pub fn names(bits: FlagSet<KeyUsages>) -> impl Iterator<Item = &'static str> {
    let each = bits.into_iter();
    each.filter_map(|bit| KEY_USAGES.iter().find(|(_, own)| *own == bit))
        .map(|(name, _)| *name)
}

/// Returns the name of a purpose, as `spec.usages` has it.
pub fn purpose_name(purpose: ObjectIdentifier) -> Option<&'static str> {
    let named = PURPOSES.iter().find(|(_, own)| *own == purpose);
    named.map(|(name, _)| *name)
}

/// Returns what a message calls a purpose: its name in quotes, or its object identifier.
pub(crate) fn purpose_label(purpose: &ObjectIdentifier) -> String {
    match purpose_name(*purpose) {
        Some(name) => format!("\"{name}\""),
        None => quote::oid(purpose),
    }
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let entry = table.iter().find(|(own, _)| *own == name);
    entry.map(|(_, usage)| *usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cm_8_defaults_to_digital_signature_and_key_encipherment() {
        let usages = Usages::parse::<&str>(&[]).unwrap();
        assert_eq!(
            usages.key,
            KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment
        );
        assert!(usages.extended.is_empty());
    }

    #[test]
    fn a3_23_keeps_the_order_of_purposes_and_drops_repeats() {
        let usages =
            Usages::parse(&["client auth", "s/mime", "server auth", "email protection"]).unwrap();
        assert_eq!(
            usages.extended,
            [ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION, ID_KP_SERVER_AUTH]
        );
    }

    #[test]
    fn names_the_bits_as_the_api_does() {
        let usages = Usages::parse(&["decipher only", "signing", "key agreement"]).unwrap();
        let names: Vec<_> = super::names(usages.key).collect();
        assert_eq!(
            names,
            ["digital signature", "key agreement", "decipher only"]
        );
        assert_eq!(
            purpose_name(ID_KP_EMAIL_PROTECTION),
            Some("email protection")
        );
    }

    #[test]
    fn a3_24_rejects_an_unknown_usage() {
        let error = Usages::parse(&["server auth", "time travel"]).unwrap_err();
        assert!(error.to_string().contains("\"time travel\""));
    }
}
