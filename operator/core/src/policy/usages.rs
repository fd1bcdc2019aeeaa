//! Which usages the certificate carries.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH};
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use super::{Denial, Kind, Rules, key_usage};
use crate::quote;
use crate::reason::Reason;
use crate::request::{Api, Request};
use crate::x509::usages::{Usages, names, purpose_name};

/// Decides the usages: those of the spec, as far as they fit the certificate, and the names of
/// those that were dropped.
///
/// Key usages that the key or the kind of certificate cannot have are dropped. In a trust domain
/// the extended usages are the two of TLS.
pub(super) fn decide(
    request: &Request,
    rules: &Rules,
    kind: Kind,
) -> Result<(Usages, Vec<&'static str>), Denial> {
    check_csr_usages(request)?;
    check_ca_usages(&request.usages, kind)?;
    let extended = match rules.trust_domain {
        Some(_) => tls_purposes(&request.usages.extended, kind)?,
        None => request.usages.extended.clone(),
    };
    let key = key_usage::granted(request.usages.key, kind, request.csr.public_key.algorithm());
    let dropped = names(dropped(&request.usages, key)).collect();
    Ok((Usages { key, extended }, dropped))
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
fn check_ca_usages(usages: &Usages, kind: Kind) -> Result<(), Denial> {
    if usages.extended.contains(&ID_KP_OCSP_SIGNING) {
        return Err(denial(
            "usage \"ocsp signing\" is not allowed, because the certificate could then sign OCSP \
             responses for the CA (RFC 6960 4.2.2.2); remove it",
        ));
    }
    let signing = [
        ("cert sign", KeyUsages::KeyCertSign),
        ("crl sign", KeyUsages::CRLSign),
    ];
    match signing.iter().find(|(_, bit)| usages.has(*bit)) {
        Some((name, _)) if kind == Kind::Leaf => Err(denial(&format!(
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
        let name = purpose_name(*other).map_or_else(|| quote::oid(other), str::to_owned);
        return Err(denial(&format!(
            "usage \"{name}\" is not allowed in a trust domain, where certificates have the \
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
    Err(denial(
        "the CSR's keyUsage and extendedKeyUsage differ from spec.usages; make them agree, \
         or leave both out of the CSR",
    ))
}

fn denial(message: &str) -> Denial {
    Denial::new(Reason::InvalidUsages, message)
}
