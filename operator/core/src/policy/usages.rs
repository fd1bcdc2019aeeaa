//! Which usages the certificate carries.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH};
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::rule::Rule;
use super::{Denial, IssuerPolicy, Kind};
use crate::reason::Reason;
use crate::request::{Api, Request};
use crate::x509::algorithm::KeyAlgorithm;
use crate::x509::usages::{Usages, names, purpose_label};

/// Refuses usages that differ from those of the CSR, or that no certificate of the kind may have.
pub(super) fn check(request: &Request) -> Result<(), Denial> {
    check_csr_usages(request)?;
    check_ca_usages(&request.usages, request.raw.ca)
}

/// Decides the usages: those of the spec, and the names of the key usages that were dropped because
/// the key or the kind of certificate cannot have them. In a trust domain the extended usages are
/// the two of TLS.
pub(super) fn decide(
    request: &Request,
    policy: &IssuerPolicy,
    kind: Kind,
) -> Result<(Usages, Vec<&'static str>), Denial> {
    let extended = match policy.trust_domain {
        Some(_) => tls_purposes(&request.usages.extended, kind)?,
        None => request.usages.extended.clone(),
    };
    let key = granted_key_usages(request.usages.key, kind, request.csr.public_key.algorithm());
    let dropped = names(dropped(&request.usages, key)).collect();
    Ok((Usages { key, extended }, dropped))
}

/// Refuses a requested usage that is not in the rule's list. Those that every certificate of the
/// kind has need not be in it.
pub(super) fn check_rule(request: &Request, rule: &Rule, kind: Kind) -> Result<(), Denial> {
    let Some(allowed) = &rule.allow.limits.usages else {
        return Ok(());
    };
    let always = match kind {
        Kind::Leaf => KeyUsages::DigitalSignature.into(),
        Kind::Ca { .. } => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
    };
    let key = names(request.usages.key - always - allowed.key).map(|name| format!("\"{name}\""));
    let mut extended = request.usages.extended.iter();
    let extended = extended.find(|purpose| !allowed.extended.contains(*purpose));
    match key.chain(extended.map(purpose_label)).next() {
        None => Ok(()),
        Some(usage) => Err(Reason::InvalidUsages.denial(format!(
            "the rule does not allow the usage {usage}; remove it from the request"
        ))),
    }
}

/// Returns those of the requested bits that fit, and those that the kind of certificate always
/// has: digitalSignature on a leaf (X5-14), keyCertSign and cRLSign on a CA (X5-13), which has
/// digitalSignature too if it is requested.
fn granted_key_usages(
    requested: FlagSet<KeyUsages>,
    kind: Kind,
    key: KeyAlgorithm,
) -> FlagSet<KeyUsages> {
    match kind {
        Kind::Leaf => fitting(requested, key) | KeyUsages::DigitalSignature,
        Kind::Ca { .. } => {
            (requested & KeyUsages::DigitalSignature) | KeyUsages::KeyCertSign | KeyUsages::CRLSign
        }
    }
}

/// Drops what a key of this algorithm cannot do, and what has no meaning without keyAgreement (RFC
/// 5280 4.2.1.3).
fn fitting(requested: FlagSet<KeyUsages>, key: KeyAlgorithm) -> FlagSet<KeyUsages> {
    let usages = requested - unfit(key);
    if usages.contains(KeyUsages::KeyAgreement) {
        usages
    } else {
        usages - (KeyUsages::EncipherOnly | KeyUsages::DecipherOnly)
    }
}

/// Returns the bits that the standard of the algorithm does not list.
fn unfit(key: KeyAlgorithm) -> FlagSet<KeyUsages> {
    let encipherment = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
    match key {
        // RFC 3279 2.3.1.
        KeyAlgorithm::Rsa { .. } => KeyUsages::KeyAgreement.into(),
        // RFC 8813 3.
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => encipherment,
        // RFC 9295 3.
        KeyAlgorithm::Ed25519 => encipherment | KeyUsages::KeyAgreement,
    }
}

/// Returns what was requested and not granted. Nearly every Certificate has the API's default
/// usages, so that their key encipherment is not worth a mention.
fn dropped(requested: &Usages, granted: FlagSet<KeyUsages>) -> FlagSet<KeyUsages> {
    let dropped = requested.key - granted;
    if *requested == Usages::api_default() {
        dropped - KeyUsages::KeyEncipherment
    } else {
        dropped
    }
}

/// Refuses what would let a certificate speak for the CA above it.
///
/// A certificate with id-kp-OCSPSigning is a responder to which its issuer has delegated (RFC
/// 6960 4.2.2.2), whether it is a CA or not. keyCertSign and cRLSign belong to CAs (RFC 5280
/// 4.2.1.3, 4.2.1.9).
fn check_ca_usages(usages: &Usages, is_ca: bool) -> Result<(), Denial> {
    if usages.extended.contains(&ID_KP_OCSP_SIGNING) {
        return Err(Reason::InvalidUsages.denial(
            "usage \"ocsp signing\" is not allowed, because the certificate could then sign OCSP \
             responses for the CA (RFC 6960 4.2.2.2); remove it",
        ));
    }
    let signing = [
        ("cert sign", KeyUsages::KeyCertSign),
        ("crl sign", KeyUsages::CRLSign),
    ];
    match signing.iter().find(|(_, bit)| usages.has(*bit)) {
        Some((name, _)) if !is_ca => Err(Reason::InvalidUsages.denial(format!(
            "usage \"{name}\" needs a CA certificate; remove it or set isCA"
        ))),
        _ => Ok(()),
    }
}

/// Returns both purposes of TLS, where one is requested and on every leaf (X5-15). A CA that
/// requests none has none: some verifiers apply a CA's purposes to what is below it (X5-16).
fn tls_purposes(
    requested: &[ObjectIdentifier],
    kind: Kind,
) -> Result<Vec<ObjectIdentifier>, Denial> {
    const TLS: [ObjectIdentifier; 2] = [ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
    if let Some(other) = requested.iter().find(|purpose| !TLS.contains(purpose)) {
        let name = purpose_label(other);
        return Err(Reason::InvalidUsages.denial(format!(
            "usage {name} is not allowed in a trust domain, where certificates have the \
             extended usages \"server auth\" and \"client auth\"; remove it"
        )));
    }
    if requested.is_empty() && kind != Kind::Leaf {
        return Ok(Vec::new());
    }
    let missing = TLS.iter().filter(|purpose| !requested.contains(purpose));
    Ok(requested.iter().chain(missing).copied().collect())
}

/// A CSR that carries keyUsage or extendedKeyUsage must carry both as the spec has them
/// (rules A3-23 and A3-24), whatever of that is granted.
fn check_csr_usages(request: &Request) -> Result<(), Denial> {
    let extensions = &request.csr.extensions;
    let (key, extended) = (extensions.key_usage, &extensions.extended_key_usage);
    if key.is_none() && extended.is_none() {
        return Ok(());
    }
    let mut expected = request.usages.key;
    if request.raw.ca && request.raw.api == Api::CertificateRequest {
        expected |= KeyUsages::KeyCertSign;
    }
    let key_agrees = key.is_some_and(|key| key.0 == expected);
    // cert-manager writes a purpose twice where the spec names it twice.
    let mut purposes = Usages::default();
    for purpose in extended.iter().flatten() {
        purposes.add_purpose(*purpose);
    }
    let extended_agrees = purposes.extended == request.usages.extended;
    if key_agrees && extended_agrees {
        return Ok(());
    }
    Err(Reason::InvalidUsages.denial(
        "the CSR's keyUsage and extendedKeyUsage differ from spec.usages; make them agree, \
         or leave both out of the CSR",
    ))
}
