use der::Decode;
use der::asn1::SetOfVec;
use x509_cert::ext::pkix::KeyUsages;

use super::build::{self, Parts, name_attribute, seq, set};
use super::openssl::{OpenSsl, P256, RSA_2048};
use crate::request::csr::Csr;
use crate::x509::algorithm::KeyAlgorithm;
use crate::x509::basic_constraints::BasicConstraints;
use crate::x509::strict::tlv;

#[test]
fn accepts_every_key_type_with_every_hash() {
    let openssl = OpenSsl::new();
    let rsa = |bits| vec!["-algorithm", "RSA", "-pkeyopt", bits];
    let ec = |curve| vec!["-algorithm", "EC", "-pkeyopt", curve];
    let keys = [
        (
            rsa("rsa_keygen_bits:2048"),
            KeyAlgorithm::Rsa { bits: 2048 },
        ),
        (
            rsa("rsa_keygen_bits:3072"),
            KeyAlgorithm::Rsa { bits: 3072 },
        ),
        (
            rsa("rsa_keygen_bits:4096"),
            KeyAlgorithm::Rsa { bits: 4096 },
        ),
        (ec("ec_paramgen_curve:P-256"), KeyAlgorithm::EcP256),
        (ec("ec_paramgen_curve:P-384"), KeyAlgorithm::EcP384),
        (ec("ec_paramgen_curve:P-521"), KeyAlgorithm::EcP521),
    ];
    for (genpkey, algorithm) in keys {
        openssl.key("key.pem", &genpkey);
        for hash in ["-sha256", "-sha384", "-sha512"] {
            let csr = Csr::from_pem(&openssl.csr("key.pem", &[hash]));
            let csr = csr.unwrap_or_else(|e| panic!("{algorithm} {hash}: {e}"));
            assert_eq!(csr.public_key.algorithm(), algorithm);
            assert_eq!(csr.subject.common_name.as_deref(), Some("name"));
        }
    }
    openssl.key("key.pem", &["-algorithm", "ED25519"]);
    let csr = Csr::from_pem(&openssl.csr("key.pem", &[])).unwrap();
    assert_eq!(csr.public_key.algorithm(), KeyAlgorithm::Ed25519);
}

#[test]
fn reads_every_known_extension() {
    let csr = Csr::from_der(&build::full()).unwrap();
    assert!(!csr.subject.is_empty);
    assert_eq!(csr.subject.common_name.as_deref(), Some("name"));
    let names = csr.extensions.subject_alt_names.as_ref().unwrap();
    assert_eq!(names.uris(), ["spiffe://example.org/ns/a/sa/b"]);
    assert_eq!(names.others(), 1);
    let constraints = BasicConstraints {
        ca: true,
        path_length: Some(1),
    };
    assert_eq!(csr.extensions.basic_constraints, Some(constraints));
    let usages = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    assert_eq!(csr.extensions.key_usage.unwrap().0, usages);
    // A3-23: the order of purposes is compared, so that it is kept.
    let purposes: Vec<_> = csr
        .extensions
        .extended_key_usage
        .as_ref()
        .unwrap()
        .iter()
        .map(|o| o.to_string())
        .collect();
    assert_eq!(purposes, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    assert_eq!(
        csr.extensions.name_constraints.as_ref().unwrap()[..4],
        [0x30, 0x11, 0xa0, 0x0f]
    );
}

#[test]
fn a_bare_csr_requests_nothing() {
    // PCR-2: the stub of a PodCertificateRequest has an empty subject and no extensions. The
    // attributes may be empty or, against RFC 2986, not there.
    let absent = Parts {
        attributes: vec![],
        ..Parts::default()
    };
    for der in [Parts::default().sign(), absent.sign()] {
        let csr = Csr::from_der(&der).unwrap();
        assert!(csr.subject.is_empty);
        assert_eq!(csr.subject_der, [0x30, 0x00]);
        assert_eq!(csr.subject.common_name.as_deref(), None);
        assert!(
            csr.extensions.subject_alt_names.is_none()
                && csr.extensions.basic_constraints.is_none()
        );
        assert!(csr.extensions.key_usage.is_none() && csr.extensions.extended_key_usage.is_none());
        assert!(csr.extensions.name_constraints.is_none());
    }
}

#[test]
fn accepts_istios_organization_of_zero_length() {
    // istio/istio security/pkg/pki/util/generate_csr.go. Go writes the empty string as PrintableString; the SAN is critical.
    let subject = seq(&[set(&[name_attribute("2.5.4.10", 0x13, b"")])]);
    assert_eq!(subject, build::hex("300b 3109 3007 0603 55040a 1300"));
    let san = seq(&[tlv(0x86, b"spiffe://cluster.local/ns/default/sa/sleep")]);
    let parts = Parts::extensions(&[build::critical(build::SAN, &san)]);
    let csr = Csr::from_der(
        &Parts {
            subject: subject.clone(),
            ..parts
        }
        .sign(),
    )
    .unwrap();
    assert_eq!(csr.subject_der, subject);
    assert!(!csr.subject.is_empty);
    assert_eq!(
        csr.extensions.subject_alt_names.as_ref().unwrap().der(),
        san
    );
}

#[test]
fn keeps_subjects_as_received() {
    // A3-26: several organizational units, a multi-valued RDN, and a literal subject.
    let openssl = OpenSsl::new();
    openssl.key("key.pem", P256);
    let subject = "/DC=org/DC=example/OU=b/OU=a/O=Jürgen & Söhne+L=Köln/CN=first/CN=last";
    let pem = openssl.csr("key.pem", &["-subj", subject, "-multivalue-rdn"]);
    let csr = Csr::from_pem(&pem).unwrap();
    assert_eq!(csr.subject.common_name.as_deref(), Some("last"));
    let (_, document) = der::Document::from_pem(str::from_utf8(&pem).unwrap()).unwrap();
    let received = document.as_bytes();
    let at = received
        .windows(csr.subject_der.len())
        .position(|w| w == csr.subject_der);
    // Behind the version, and behind two frames whose lengths take one or two more octets.
    assert!(matches!(at, Some(9..=11)), "{at:?}");
    let name = x509_cert::name::Name::from_der(&csr.subject_der).unwrap();
    assert_eq!(
        name.to_string(),
        "CN=last,CN=first,L=Köln+O=Jürgen & Söhne,OU=a,OU=b,DC=example,DC=org"
    );
    let sizes: Vec<_> = name.iter_rdn().map(|rdn| rdn.iter().count()).collect();
    assert_eq!(sizes, [1, 1, 1, 1, 2, 1, 1]);
}

#[test]
fn checks_the_string_types_of_a_subject() {
    // Each value as X.520 and older tools write it, and what it says.
    let table = [
        (0x0c, "c3a9".to_owned(), "é"),
        (0x13, hex::encode("Example (C), 'a'"), "Example (C), 'a'"),
        // Not printable, and widely written all the same.
        (0x13, hex::encode("*.a & b"), "*.a & b"),
        (0x14, "e9".to_owned(), "é"),
        (0x16, hex::encode("a*b@c"), "a*b@c"),
        (0x12, hex::encode("12 3"), "12 3"),
        (0x1e, "00e90061".to_owned(), "éa"),
    ];
    for (tag, value, text) in table {
        let attribute = name_attribute("2.5.4.3", tag, &build::hex(&value));
        let csr = Csr::from_der(&Parts::subject(seq(&[set(&[attribute])])).sign()).unwrap();
        assert_eq!(csr.subject.common_name.as_deref(), Some(text));
    }
    // Go writes one organization given twice as two equal elements of one set.
    let twice = vec![name_attribute("2.5.4.10", 0x13, b"a"); 2];
    let der: SetOfVec<der::Any> = Decode::from_der(&set(&twice[..1])).unwrap();
    assert_eq!(der.len(), 1);
    assert!(Csr::from_der(&Parts::subject(seq(&[set(&twice)])).sign()).is_ok());
}

#[test]
fn reads_openssl_extensions_as_cert_manager_requests_them() {
    let openssl = OpenSsl::new();
    openssl.key("key.pem", RSA_2048);
    let extensions = "\
subjectAltName = DNS:a.example, URI:spiffe://td/ns/a/sa/b, IP:10.0.0.1, IP:2001:db8::1, \
email:a@b.example, otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@example.org, RID:1.2.3, dirName:dn
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth, 1.2.3.4
basicConstraints = critical, CA:FALSE
nameConstraints = critical, permitted;DNS:example.org, excluded;IP:10.0.0.0/255.0.0.0, \
permitted;URI:.example.org, permitted;email:example.org
subjectKeyIdentifier = hash";
    let csr = Csr::from_pem(&openssl.csr_with("key.pem", extensions, &[])).unwrap();
    let names = csr.extensions.subject_alt_names.as_ref().unwrap();
    assert_eq!(names.dns(), ["a.example"]);
    assert_eq!(names.uris(), ["spiffe://td/ns/a/sa/b"]);
    assert_eq!(names.ips().len(), 2);
    assert_eq!(names.emails(), ["a@b.example"]);
    assert_eq!(names.others(), 3);
    // A3-26: the otherName's own bytes are in what is carried.
    let other = build::hex("a01d060a2b060104018237140203a00f0c0d75406578616d706c652e6f7267");
    assert!(
        names
            .der()
            .windows(other.len())
            .any(|window| window == other)
    );
    let usages = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    assert_eq!(csr.extensions.key_usage.unwrap().0, usages);
    assert_eq!(csr.extensions.extended_key_usage.as_ref().unwrap().len(), 3);
    let leaf = BasicConstraints {
        ca: false,
        path_length: None,
    };
    assert_eq!(csr.extensions.basic_constraints, Some(leaf));
    assert!(csr.extensions.name_constraints.is_some());
}

#[test]
fn reads_csrs_by_rcgen() {
    let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        let csr = Csr::from_pem(pem.as_bytes()).unwrap();
        assert_eq!(
            csr.extensions.subject_alt_names.as_ref().unwrap().dns(),
            ["a.example"]
        );
        assert_eq!(
            csr.extensions.key_usage.unwrap().0,
            KeyUsages::DigitalSignature
        );
    }
}

#[test]
fn reads_pem_as_tools_write_it() {
    let der = build::full();
    let pem = pem_of(&der, 64, "CERTIFICATE REQUEST");
    let crlf = pem.replace('\n', "\r\n");
    let spaced = format!("\n \t{pem}\n\n");
    let no_last_line_end = pem.trim_end().to_owned();
    let wide = pem_of(&der, 76, "CERTIFICATE REQUEST");
    let one_line = pem_of(&der, usize::MAX, "CERTIFICATE REQUEST");
    let old = pem_of(&der, 64, "NEW CERTIFICATE REQUEST");
    for pem in [pem, crlf, spaced, no_last_line_end, wide, one_line, old] {
        assert!(Csr::from_pem(pem.as_bytes()).is_ok(), "{pem}");
    }
}

/// The PEM with lines of so many characters.
fn pem_of(der: &[u8], width: usize, label: &str) -> String {
    let pem = der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap();
    let lines: Vec<_> = pem.lines().collect();
    let base64: Vec<char> = lines[1..lines.len() - 1].concat().chars().collect();
    let width = width.min(base64.len());
    let body: Vec<String> = base64
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    format!(
        "{}\n{}\n{}\n",
        lines[0],
        body.join("\n"),
        lines[lines.len() - 1]
    )
}
