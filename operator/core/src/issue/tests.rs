//! Tests of the template: what every field of a certificate or CSR says.
//!
//! `Ca::issue` shows each certificate to OpenSSL (`verify -x509_strict`), to rustls-webpki and
//! to a pure-Rust signature library.

mod assemble;
mod csr;
mod csr_openssl;
mod extensions;
mod keys;
mod names;
mod remaining;
mod root;
mod self_test;
mod serial;
mod subject;
mod svid;
mod sweep;
mod urls;
mod validity;

use std::time::Duration;

use der::Decode;
use x509_cert::Certificate;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::request::{granted, plain, request, with_duration};
use crate::issue::Issued;
use crate::policy::Grant;

/// A leaf for so many seconds.
fn leaf(seconds: u64) -> Grant {
    granted(
        with_duration(request(&CsrParts::default()), seconds),
        &plain(),
    )
}

fn certificate(issued: &Issued) -> Certificate {
    Certificate::from_der(issued.der()).unwrap()
}

/// The extensions as `oid` and `oid!` for the critical ones, in order.
fn extension_list(certificate: &Certificate) -> Vec<String> {
    let extensions = certificate.tbs_certificate().extensions().unwrap();
    let shown = |critical| if critical { "!" } else { "" };
    extensions
        .iter()
        .map(|one| format!("{}{}", one.extn_id, shown(one.critical)))
        .collect()
}

/// The raw value of an extension.
fn value(certificate: &Certificate, oid: &str) -> Option<Vec<u8>> {
    let extensions = certificate.tbs_certificate().extensions().unwrap();
    let found = extensions
        .iter()
        .find(|one| one.extn_id.to_string() == oid)?;
    Some(found.extn_value.as_bytes().to_vec())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
