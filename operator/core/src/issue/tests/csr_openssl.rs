//! OpenSSL signs the CSR for an issuer's own CA certificate, as the operator of an offline root
//! does.

use der::Encode;
use signet_readers::OpenSsl;
use x509_cert::Certificate;

use super::csr::{SUBJECT, csr, request};
use super::{extension_list, value};
use crate::ca::CaCertificate;
use crate::fixtures::der::{NAME_CONSTRAINTS, SAN, seq, uri};
use crate::fixtures::key::{Key, Kind};

const CONFIG: &str = "
[ req ]
distinguished_name = dn
x509_extensions = root
[ dn ]
[ root ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ ca ]
default_ca = offline
[ offline ]
database = index.txt
new_certs_dir = .
rand_serial = yes
certificate = root.pem
private_key = root.key
default_md = sha256
default_days = 30
copy_extensions = copyall
x509_extensions = issued
unique_subject = no
[ issued ]
authorityKeyIdentifier = keyid:always
[ usual ]
countryName = optional
organizationName = optional
commonName = supplied
[ anything ]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
";

/// A folder with a root, and the CSR over a key.
fn offline_root(key: &Key) -> OpenSsl {
    let openssl = OpenSsl::new();
    openssl.write("openssl.cnf", CONFIG.as_bytes());
    openssl.write("index.txt", b"");
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
    openssl
        .run("req -x509 -config openssl.cnf -key root.key -subj /CN=root -days 60 -out root.pem");
    openssl.write("csr.pem", csr(&request(), key).pem().as_bytes());
    openssl
}

/// Reads `ca.pem`, after OpenSSL has verified it under the root.
fn issued(openssl: &OpenSsl) -> (CaCertificate, Certificate) {
    openssl.run("verify -x509_strict -no-CApath -no-CAstore -CAfile root.pem ca.pem");
    let der = openssl.run("x509 -in ca.pem -outform DER");
    let certificate = der::Decode::from_der(&der).unwrap();
    (CaCertificate::from_der(&der).unwrap(), certificate)
}

#[track_caller]
fn check(openssl: &OpenSsl, key: &Key) {
    let (ca, certificate) = issued(openssl);
    assert_eq!(ca.public_key(), key.public());
    assert_eq!(ca.path_length(), Some(1));
    let identifier = key.public().key_identifier();
    assert_eq!(ca.subject_key_identifier(), Some(&identifier[..]));
    let mut extensions = extension_list(&certificate);
    extensions.sort();
    // The authorityKeyIdentifier is the parent's.
    assert_eq!(
        extensions,
        [
            "2.5.29.14",
            "2.5.29.15!",
            "2.5.29.17",
            "2.5.29.19!",
            "2.5.29.30!",
            "2.5.29.35"
        ]
    );
    assert_eq!(
        value(&certificate, SAN),
        Some(seq(&[uri("spiffe://example.org")]))
    );
    let constraints = request().name_constraints.unwrap();
    assert_eq!(
        value(&certificate, NAME_CONSTRAINTS).as_deref(),
        Some(constraints.der())
    );
}

#[test]
fn openssl_verifies_and_signs_a_csr_of_every_kind_of_key() {
    for kind in Kind::ALL {
        let key = Key::new(kind, 1);
        let openssl = offline_root(&key);
        let text = openssl.run("req -verify -text -noout -nameopt RFC2253 -in csr.pem");
        let text = String::from_utf8(text).unwrap();
        for expected in [
            &format!("Subject: {SUBJECT}\n"),
            "X509v3 Basic Constraints: critical\n                    CA:TRUE, pathlen:1\n",
            "X509v3 Key Usage: critical\n                    Certificate Sign, CRL Sign\n",
            "URI:spiffe://example.org\n",
            "DNS:example.org\n",
            "IP:10.0.0.0/255.0.0.0\n",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        openssl.run(
            "x509 -req -in csr.pem -CA root.pem -CAkey root.key -CAcreateserial -days 30 \
             -copy_extensions copyall -out ca.pem",
        );
        check(&openssl, &key);
        let (ca, _) = issued(&openssl);
        assert_eq!(ca.subject_der(), request().subject.to_der().unwrap());
    }
}

#[test]
fn openssl_ca_issues_what_was_requested() {
    let key = Key::p256(1);
    let openssl = offline_root(&key);
    let sign = "ca -batch -notext -config openssl.cnf -in csr.pem -out ca.pem -policy ";
    openssl.run(&format!("{sign}anything -preserveDN"));
    check(&openssl, &key);
    let (ca, _) = issued(&openssl);
    assert_eq!(ca.subject(), SUBJECT);
    // A usual policy drops attributes that it does not list.
    openssl.run(&format!("{sign}usual"));
    check(&openssl, &key);
    let (ca, _) = issued(&openssl);
    assert_eq!(ca.subject(), "CN=Mesh CA,O=Example,C=DE");
}

/// As a network between the cluster and the root could change it.
#[test]
fn openssl_refuses_to_sign_a_csr_that_was_changed() {
    let key = Key::p256(1);
    let openssl = offline_root(&key);
    let mut der = csr(&request(), &key).der().to_vec();
    let place = der.windows(7).position(|part| part == b"Mesh CA").unwrap();
    der[place] = b'N';
    openssl.write("csr.der", &der);
    assert!(!openssl.succeeds(
        "x509 -req -inform DER -in csr.der -CA root.pem -CAkey root.key -CAcreateserial -out ca.pem"
    ));
}
