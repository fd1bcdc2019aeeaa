//! The reader of CSRs, in DER without the check of the self-signature, and in PEM with it.
#![no_main]

use der::{Decode, Encode};
use libfuzzer_sys::fuzz_target;
use signet_core::request::csr::{Csr, CsrError};
use signet_core::x509::names::SubjectAltNames;
use signet_fuzz::message;
use x509_cert::ext::pkix;
use x509_cert::request::CertReqInfo;

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"-") {
        return check_pem(data);
    }
    match Csr::from_der_unverified(data) {
        Ok(csr) => check(data, &csr),
        Err(error) => refused(&error),
    }
});

/// Text that is accepted is one block, so what it holds is accepted without the text.
fn check_pem(pem: &[u8]) {
    match Csr::from_pem(pem) {
        Ok(csr) => {
            let text = std::str::from_utf8(pem).expect("PEM is text");
            let (_, der) = der::pem::decode_vec(text.trim().as_bytes()).unwrap_or_default();
            // x509-cert's reader wants lines of 64 characters.
            if !der.is_empty() {
                let again = Csr::from_der(&der).expect("it is accepted in DER");
                assert_eq!(again.subject_der, csr.subject_der);
            }
        }
        Err(error) => refused(&error),
    }
}

fn check(der: &[u8], csr: &Csr) {
    let signed = der.last().is_some_and(|byte| byte & 15 == 0);
    if signed && let Err(error) = Csr::from_der(der) {
        assert!(matches!(error, CsrError::Signature(_)), "{error}");
    }
    names(csr);
    if let Some(constraints) = &csr.extensions.name_constraints {
        let read = pkix::NameConstraints::from_der(constraints).expect("x509-cert reads it");
        assert_eq!(read.to_der().expect("and writes it"), *constraints);
    }
    independently(der, csr);
}

/// The names are read again from the bytes that a certificate would carry.
fn names(csr: &Csr) {
    let Some(names) = &csr.extensions.subject_alt_names else {
        return;
    };
    assert_eq!(SubjectAltNames::from_der(names.der()).as_ref(), Ok(names));
    let count = names.dns().len() + names.uris().len() + names.emails().len() + names.ips().len();
    assert!(count + names.others() > 0);
    let texts = [names.dns(), names.uris(), names.emails()].concat();
    assert!(
        texts
            .iter()
            .all(|it| it.bytes().all(|byte| byte.is_ascii_graphic()))
    );
    message::check(&names.display());
    let read = pkix::SubjectAltName::from_der(names.der()).expect("x509-cert reads it");
    assert_eq!(read.0.len(), count + names.others());
    assert_eq!(read.to_der().expect("and writes it"), names.der());
}

/// x509-cert reads the same subject and key. It wants attributes to be there, if only empty.
fn independently(der: &[u8], csr: &Csr) {
    let outer = Vec::<der::asn1::AnyRef<'_>>::from_der(der).expect("a sequence");
    let info = outer[0].to_der().expect("it is written");
    let fields = outer[0].value();
    let Ok(read) = CertReqInfo::from_der(&info) else {
        let mut reader = der::SliceReader::new(fields).expect("it is short");
        let mut count = 0;
        while !der::Reader::is_finished(&reader) {
            der::Reader::tlv_bytes(&mut reader).expect("an element");
            count += 1;
        }
        assert_eq!(count, 3, "x509-cert does not read it");
        return;
    };
    assert_eq!(read.subject.to_der().expect("written"), csr.subject_der);
    assert_eq!(
        read.public_key.to_der().expect("written"),
        csr.public_key.spki_der()
    );
}

fn refused(error: &CsrError) {
    message::check(&error.to_string());
    let _ = error.reason();
}
