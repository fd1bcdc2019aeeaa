//! The request that cert-manager makes for a Certificate (pkg/util/pki/csr.go, `GenerateCSR`), but
//! for the key, which is generated in the cluster.

use std::net::IpAddr;

use signet_api::duration;
use signet_api::external::certificate::{
    CertificateSpec, CertificateSubject, NameConstraints, PrivateKey,
};
use signet_core::forecast::literal_subject;
use signet_core::request::{
    Annotated, Api, Approval, CsrDraft, DraftNames, RawRequest, Reference, Requester,
    ServiceAccount, SubjectAttribute, subject,
};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_core::x509::name_constraints;
use signet_core::x509::usages::Usages;

/// Returns the request for a Certificate. Its approval is assumed.
pub(super) fn request(
    namespace: &str,
    name: &str,
    spec: &CertificateSpec,
    cert_manager: &ServiceAccount,
) -> RawRequest {
    RawRequest {
        uid: "00000000-0000-0000-0000-000000000000".to_owned(),
        api: Api::CertificateRequest,
        namespace: Some(namespace.to_owned()),
        approval: Approval::Approved,
        requester: token_of(cert_manager).into(),
        reference: Reference::Allowed,
        certificate: Some(name.to_owned()),
        pod: None,
        csr: Vec::new(),
        usages: spec.usages.clone(),
        duration: spec.duration.as_deref().map(duration::parse).transpose(),
        ca: spec.is_ca,
        annotated: Annotated::default(),
    }
}

/// Returns what the API server records of a requester with a token of this ServiceAccount.
pub(super) fn token_of(account: &ServiceAccount) -> Requester {
    let authenticated = "system:authenticated".to_owned();
    Requester {
        username: account.username(),
        uid: "00000000-0000-0000-0000-000000000000".to_owned(),
        groups: account
            .groups()
            .into_iter()
            .chain([authenticated])
            .collect(),
        ..Requester::default()
    }
}

/// Returns the CSR for a Certificate, without a key.
///
/// # Errors
/// A field cannot be read; cert-manager makes no request for it.
pub(super) fn draft(spec: &CertificateSpec) -> Result<CsrDraft, String> {
    let encodes_usages = spec.encode_usages_in_request.unwrap_or(true);
    Ok(CsrDraft {
        subject: subject_of(spec)?,
        names: names(spec)?,
        usages: encodes_usages.then(|| usages(spec)).transpose()?,
        name_constraints: spec
            .name_constraints
            .as_ref()
            .map(constraints)
            .transpose()?,
        key: key(&spec.private_key)?,
    })
}

fn subject_of(spec: &CertificateSpec) -> Result<Vec<u8>, String> {
    if !spec.literal_subject.is_empty() {
        let subject = literal_subject(&spec.literal_subject);
        return subject.map_err(|error| format!("spec.literalSubject {error}"));
    }
    let CertificateSubject {
        organizations,
        countries,
        organizational_units,
        localities,
        provinces,
        street_addresses,
        postal_codes,
        serial_number,
    } = spec.subject.clone();
    let one = |value: String| {
        [value]
            .into_iter()
            .filter(|value| !value.is_empty())
            .collect()
    };
    subject(&[
        (SubjectAttribute::Country, countries),
        (SubjectAttribute::Organization, organizations),
        (SubjectAttribute::OrganizationalUnit, organizational_units),
        (SubjectAttribute::Locality, localities),
        (SubjectAttribute::Province, provinces),
        (SubjectAttribute::StreetAddress, street_addresses),
        (SubjectAttribute::PostalCode, postal_codes),
        (SubjectAttribute::CommonName, one(spec.common_name.clone())),
        (SubjectAttribute::SerialNumber, one(serial_number)),
    ])
    .map_err(|error| format!("spec.subject cannot be encoded: {error}"))
}

fn names(spec: &CertificateSpec) -> Result<DraftNames, String> {
    let addresses = spec.ip_addresses.iter().map(|text| {
        let invalid = |_| format!("spec.ipAddresses has {text:?}, which is not an IP address");
        text.parse::<IpAddr>().map_err(invalid)
    });
    let others = spec.other_names.iter().map(|other| {
        let oid = other.oid.parse();
        let oid = oid.map_err(|_| {
            format!(
                "spec.otherNames has the oid {:?}, which is not an object identifier",
                other.oid
            )
        });
        Ok::<_, String>((oid?, other.utf8_value.clone()))
    });
    Ok(DraftNames {
        dns_names: spec.dns_names.clone(),
        email_addresses: spec.email_addresses.clone(),
        ip_addresses: addresses.collect::<Result<_, _>>()?,
        uris: spec.uris.clone(),
        other_names: others.collect::<Result<_, _>>()?,
    })
}

/// CM-8: cert-manager adds `cert sign` to the request of a CA.
fn usages(spec: &CertificateSpec) -> Result<Usages, String> {
    let usages = Usages::parse(&spec.usages).map_err(|error| error.to_string())?;
    Ok(match spec.is_ca {
        true => usages.with_cert_sign(),
        false => usages,
    })
}

fn constraints(spec: &NameConstraints) -> Result<name_constraints::NameConstraints, String> {
    let subtrees = |subtrees: &Option<signet_api::Subtrees>| {
        let subtrees = subtrees.clone().unwrap_or_default();
        name_constraints::Subtrees {
            dns_domains: subtrees.dns_domains,
            ip_ranges: subtrees.ip_ranges,
            email_addresses: subtrees.email_addresses,
            uri_domains: subtrees.uri_domains,
        }
    };
    let (permitted, excluded) = (subtrees(&spec.permitted), subtrees(&spec.excluded));
    let constraints = name_constraints::NameConstraints::new(&permitted, &excluded);
    constraints.map_err(|error| format!("spec.nameConstraints: {error}"))
}

/// The defaults are cert-manager's.
fn key(spec: &PrivateKey) -> Result<KeyAlgorithm, String> {
    match (spec.algorithm.as_str(), spec.size) {
        ("" | "RSA", 0) => Ok(KeyAlgorithm::Rsa { bits: 2048 }),
        ("" | "RSA", bits) => Ok(KeyAlgorithm::Rsa { bits }),
        ("ECDSA", 0 | 256) => Ok(KeyAlgorithm::EcP256),
        ("ECDSA", 384) => Ok(KeyAlgorithm::EcP384),
        ("ECDSA", 521) => Ok(KeyAlgorithm::EcP521),
        ("Ed25519", _) => Ok(KeyAlgorithm::Ed25519),
        (algorithm, size) => Err(format!(
            "spec.privateKey has algorithm {algorithm:?} and size {size}, which cert-manager does \
             not generate; use RSA, ECDSA (256, 384 or 521) or Ed25519"
        )),
    }
}
