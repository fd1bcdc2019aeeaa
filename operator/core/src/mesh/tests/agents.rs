//! The requests of the agents in their exact form, with their identities.

use std::time::Duration;

use super::rules;
use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{cn, dns, no_name, subject, uri};
use crate::fixtures::key::Key;
use crate::fixtures::request::{denied, plain, request, requester, spiffe};
use crate::mesh::Preset;
use crate::policy::{CaProfile, Denial, IssuerPolicy};
use crate::reason::Reason;
use crate::request::{Api, RawRequest};

pub(super) const HOUR: u64 = 3600;
pub(super) const TLS: [&str; 4] = [
    "digital signature",
    "key encipherment",
    "server auth",
    "client auth",
];

/// An issuer of `example.org` with these presets and nothing else.
pub(super) fn issuer(presets: &[Preset]) -> IssuerPolicy {
    IssuerPolicy {
        ca: Some(CaProfile { path_length: 2 }),
        rules: presets.iter().flat_map(|preset| rules(*preset)).collect(),
        ..spiffe()
    }
}

/// The same without a trust domain.
pub(super) fn plain_issuer(preset: Preset) -> IssuerPolicy {
    let context = crate::mesh::PresetContext {
        name: "mesh",
        trust_domain: None,
        replacement: None,
    };
    IssuerPolicy {
        ca: Some(CaProfile { path_length: 2 }),
        rules: preset.rules(&context).unwrap(),
        ..plain()
    }
}

/// A CertificateSigningRequest with the token of an account.
pub(super) fn signing_request(account: &str, csr: &CsrParts, seconds: u64) -> RawRequest {
    RawRequest {
        api: Api::CertificateSigningRequest,
        ..in_namespace(None, account, csr, &TLS, seconds)
    }
}

/// A CertificateRequest with the token of an account.
pub(super) fn certificate_request(
    namespace: &str,
    account: &str,
    csr: &CsrParts,
    usages: &[&str],
    seconds: u64,
) -> RawRequest {
    in_namespace(Some(namespace), account, csr, usages, seconds)
}

/// The CertificateRequest that cert-manager makes for a Certificate.
pub(super) fn certificate(namespace: &str, name: &str, csr: &CsrParts) -> RawRequest {
    RawRequest {
        certificate: Some(name.to_owned()),
        ..certificate_request(namespace, "cert-manager/cert-manager", csr, &[], HOUR)
    }
}

fn in_namespace(
    namespace: Option<&str>,
    account: &str,
    csr: &CsrParts,
    usages: &[&str],
    seconds: u64,
) -> RawRequest {
    let username = format!("system:serviceaccount:{}", account.replace('/', ":"));
    RawRequest {
        namespace: namespace.map(str::to_owned),
        requester: requester(&username),
        usages: usages.iter().map(|&usage| usage.to_owned()).collect(),
        duration: Ok(Some(Duration::from_secs(seconds))),
        ..request(csr)
    }
}

pub(super) fn ca(request: RawRequest) -> RawRequest {
    RawRequest {
        ca: true,
        usages: Vec::new(),
        ..request
    }
}

/// The CSR of a sidecar: an organization of no characters, and one URI.
pub(super) fn sidecar(id: &str) -> CsrParts {
    CsrParts::names(&[uri(id)]).and_subject(empty_organization())
}

/// The CSR of ztunnel (src/tls/csr.rs): P-256, an empty subject and one URI.
pub(super) fn ztunnel(id: &str) -> CsrParts {
    CsrParts::names(&[uri(id)]).and_subject(no_name())
}

/// The CSR of istiod and istio-csr for themselves (security/pkg/pki/util, `GenCSR`).
pub(super) fn serving(names: &[&str]) -> CsrParts {
    let names: Vec<_> = names.iter().map(|name| dns(name)).collect();
    CsrParts::names(&names).and_subject(empty_organization())
}

pub(super) fn empty_organization() -> Vec<u8> {
    subject(&[("2.5.4.10", "")])
}

pub(super) fn with_rsa(csr: CsrParts) -> CsrParts {
    CsrParts {
        key: Key::new(crate::fixtures::key::Kind::Rsa2048, 1),
        ..csr
    }
}

/// An OSM certificate's CSR: its common name is its DNS name.
pub(super) fn named(name: &str) -> CsrParts {
    CsrParts::names(&[dns(name)]).and_subject(cn(name))
}

/// Requests that a preset must not allow, with what is wrong about them. Nothing is wrong with the
/// requests as such: policy refuses them.
pub(super) fn all_refused(issuer: &IssuerPolicy, requests: Vec<(&str, RawRequest)>) {
    for (what, request) in requests {
        let Denial {
            reason, message, ..
        } = denied(request, issuer);
        let is_of_policy = matches!(
            reason,
            Reason::IdentityNotAllowed
                | Reason::NameNotAllowed
                | Reason::CaNotAllowed
                | Reason::PathLengthExceeded
                | Reason::RequesterNotAllowed
                | Reason::UnsupportedKey
                | Reason::InvalidUsages
        );
        assert!(is_of_policy, "{what}: {reason}: {message}");
    }
}
