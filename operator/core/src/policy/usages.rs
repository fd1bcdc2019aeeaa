//! Which usages the certificate carries.

use x509_cert::ext::pkix::KeyUsages;

use super::{Denial, Kind, Rules};
use crate::reason::Reason;
use crate::request::{Api, Request};
use crate::x509::usages::Usages;

/// Decides the usages: those of the spec, exactly.
///
/// A leaf always gets digitalSignature on top (X5-14), a CA gets keyCertSign and cRLSign and
/// nothing else, whatever was asked for (X5-13, PKI-18).
pub(super) fn rule(request: &Request, rules: &Rules, kind: Kind) -> Result<Usages, Denial> {
    same_as_csr(request)?;
    match kind {
        Kind::Ca { .. } => Ok(Usages {
            key: KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            extended: request.usages.extended.clone(),
        }),
        Kind::Leaf => leaf(request, rules),
    }
}

fn leaf(request: &Request, rules: &Rules) -> Result<Usages, Denial> {
    let mut usages = request.usages.clone();
    usages.key |= KeyUsages::DigitalSignature;
    if usages.has(KeyUsages::KeyCertSign) {
        // RFC 5280 4.2.1.9: keyCertSign MUST NOT be asserted when cA is not.
        return Err(denial(
            "usage \"cert sign\" needs a CA certificate; remove it or set isCA",
        ));
    }
    if rules.spiffe.is_none() {
        return Ok(usages);
    }
    if usages.has(KeyUsages::CRLSign) {
        return Err(denial(
            "usage \"crl sign\" is not allowed on an X509-SVID (X509-SVID 4.3); remove it",
        ));
    }
    if !usages.extended.is_empty() && !usages.has_both_tls_purposes() {
        return Err(denial(
            "an X509-SVID that names extended usages must name both \"server auth\" and \
             \"client auth\" (X509-SVID 4.4); add the missing one or name none",
        ));
    }
    Ok(usages)
}

/// A CSR that carries keyUsage or extendedKeyUsage must carry both as the spec has them
/// (rules A3-23 and A3-24).
fn same_as_csr(request: &Request) -> Result<(), Denial> {
    let (key, extended) = (request.csr.key_usage(), request.csr.extended_key_usage());
    if key.is_none() && extended.is_none() {
        return Ok(());
    }
    let mut expected = request.usages.key;
    if request.ca && request.api == Api::CertificateRequest {
        expected |= KeyUsages::KeyCertSign;
    }
    let key_agrees = key.is_some_and(|key| key.0 == expected);
    // cert-manager writes a purpose twice where the spec names it twice.
    let mut purposes = Usages::default();
    for purpose in extended.unwrap_or_default() {
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
