//! What every certificate of ours has in common, by the rules' numbers.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName};

use super::{Certificate, Issued, issuer_of};

/// A certificate is backdated by at most this much.
const BACKDATE: Duration = Duration::from_secs(60);
/// An empty Name in DER.
const EMPTY: [u8; 2] = [0x30, 0x00];

pub(super) fn check(issued: &Issued) -> Result<()> {
    chain(issued)?;
    let (leaf, expected) = (&issued.leaf, &issued.expected);
    ensure!(
        leaf.public_key() == expected.public_key,
        "the key is not the one of the CSR"
    );
    fields(leaf)?;
    validity(issued)?;
    match expected.is_ca {
        true => ca(issued)?,
        false => end_entity(leaf)?,
    }
    let issuer = issued.issuer()?;
    ensure!(
        leaf.issuer_der() == issuer.subject_der(),
        "PKI-2: the issuer's name, byte for byte"
    );
    let (own, above) = (
        leaf.authority_key_identifier(),
        issuer.subject_key_identifier(),
    );
    ensure!(
        own.is_some() && own == above,
        "PKI-3: AKI is the issuer's SKI"
    );
    ensure!(leaf.subject_key_identifier().is_some(), "PKI-3: SKI on all");
    Ok(())
}

/// Rule A2-13 and A2-14: leaf first, each issued by the next, no root; the roots beside it.
fn chain(issued: &Issued) -> Result<()> {
    let path: Vec<_> = std::iter::once(&issued.leaf)
        .chain(&issued.intermediates)
        .collect();
    for pair in path.windows(2) {
        ensure!(
            pair[0].issuer_der() == pair[1].subject_der(),
            "leaf first, then upwards"
        );
    }
    for certificate in &path {
        ensure!(
            !certificate.is_self_signed(),
            "no self-signed root in the chain"
        );
        issuer_of(certificate, &issued.intermediates, &issued.roots)?;
    }
    ensure!(
        !issued.roots.is_empty(),
        "rule A2-15: there is a trust bundle"
    );
    let distinct: BTreeSet<_> = issued.roots.iter().map(Certificate::der).collect();
    ensure!(distinct.len() == issued.roots.len(), "no root twice");
    Ok(())
}

fn fields(leaf: &Certificate) -> Result<()> {
    let tbs = leaf.parsed().tbs_certificate();
    ensure!(tbs.version() == Version::V3, "PKI-2: version 3");
    ensure!(
        tbs.signature() == leaf.parsed().signature_algorithm(),
        "both algorithms agree"
    );
    let serial = leaf.serial();
    let positive = serial.first().is_some_and(|first| first & 0x80 == 0);
    ensure!(
        positive && serial.iter().any(|octet| *octet != 0),
        "PKI-1: the serial is positive"
    );
    ensure!(
        serial.len() <= 20,
        "PKI-1: the serial has at most 20 octets"
    );
    let extensions = tbs.extensions().context("there are extensions")?;
    let distinct: BTreeSet<_> = extensions
        .iter()
        .map(|extension| extension.extn_id)
        .collect();
    ensure!(
        distinct.len() == extensions.len(),
        "RFC 5280 4.2: no extension twice"
    );
    let (critical, _) = leaf
        .extension::<KeyUsage>()?
        .context("PKI-5: there is keyUsage")?;
    ensure!(critical, "PKI-5: keyUsage is critical");
    let (critical, _) = leaf
        .extension::<BasicConstraints>()?
        .context("PKI-4: there are basicConstraints")?;
    ensure!(critical, "PKI-4: basicConstraints are critical");
    let empty = leaf.subject_der() == EMPTY;
    if let Some((critical, _)) = leaf.extension::<SubjectAltName>()? {
        ensure!(
            critical == empty,
            "X5-5: SAN is critical exactly when the subject is empty"
        );
    } else {
        ensure!(!empty, "RFC 5280 4.1.2.6: an empty subject needs a SAN");
    }
    Ok(())
}

/// PKI-6, and that notBefore is at most [`BACKDATE`] before the request, which is before the
/// signature (A3-29).
fn validity(issued: &Issued) -> Result<()> {
    let (leaf, expected) = (&issued.leaf, &issued.expected);
    let (begin, issued_at) = (leaf.not_before(), expected.issued_at);
    ensure!(
        begin <= issued_at,
        "it is not valid before {begin}, and was issued at {issued_at}"
    );
    let created = expected.created;
    // And less than the second in which it begins.
    let back = BACKDATE.min(leaf.lifetime() / 10) + Duration::from_secs(1);
    ensure!(
        begin >= created - back,
        "it is valid from {begin} on, and was requested at {created}"
    );
    for above in issued.path()? {
        ensure!(
            leaf.not_before() >= above.not_before(),
            "PKI-6: not before those above"
        );
        ensure!(
            leaf.not_after() <= above.not_after(),
            "PKI-6: not after those above"
        );
    }
    Ok(())
}

fn end_entity(leaf: &Certificate) -> Result<()> {
    ensure!(
        leaf.basic_constraints()? == Some((false, None)),
        "PKI-4: a leaf is not a CA"
    );
    let usage = leaf.key_usage()?;
    ensure!(
        usage.contains(&KeyUsages::DigitalSignature),
        "X5-14: digitalSignature on each leaf"
    );
    ensure!(
        !usage.contains(&KeyUsages::KeyCertSign) && !usage.contains(&KeyUsages::CRLSign),
        "PKI-11: no leaf signs certificates or CRLs"
    );
    Ok(())
}

fn ca(issued: &Issued) -> Result<()> {
    let leaf = &issued.leaf;
    let (ca, length) = leaf.basic_constraints()?.unwrap_or_default();
    ensure!(ca, "PKI-4: a CA has CA:TRUE");
    let length = length.context("PKI-7: a CA has a path length")?;
    for (below, above) in (1..).zip(issued.path()?) {
        // Above this many CAs, it must allow them and those that may follow.
        let limit = above.basic_constraints()?.and_then(|(_, limit)| limit);
        ensure!(
            limit.is_none_or(|limit| length + below <= limit),
            "PKI-7: path length"
        );
    }
    let usage = leaf.key_usage()?;
    let of_a_ca = [KeyUsages::KeyCertSign, KeyUsages::CRLSign];
    let rest: Vec<_> = usage.iter().filter(|bit| !of_a_ca.contains(bit)).collect();
    ensure!(
        usage.ends_with(&of_a_ca) && matches!(rest[..], [] | [KeyUsages::DigitalSignature]),
        "a CA's key usage: {usage:?}"
    );
    ensure!(
        leaf.subject_der() != EMPTY,
        "RFC 5280 4.1.2.6: a CA has a subject"
    );
    Ok(())
}
