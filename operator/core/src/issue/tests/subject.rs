//! The subject of an issuer's own CA certificate.

use der::Encode;
use signet_readers::OpenSsl;
use x509_cert::name::Name;

use crate::fixtures::key::Key;
use crate::issue::{CaName, CaRequest, Csr, Signature, default_subject, parse_subject};
use crate::x509::names::{ComparableName, NameSet};

#[test]
fn reads_subjects_in_rfc_4514_form() {
    for text in [
        "CN=mesh root,O=Example",
        "CN=Ünïcode",
        "C=DE,CN=a",
        "CN=a+O=b",
        "CN=\\C3\\9C",
        "CN=a\\,b",
        "O=",
    ] {
        let subject = parse_subject(text).unwrap();
        assert_eq!(subject, text.parse().unwrap(), "{text}");
    }
    for text in [
        "",
        "Example",
        "CN",
        "XX=a",
        "=a",
        ",",
        "CN=a,",
        "CN=a,,O=b",
        "CN=a+",
    ] {
        let fault = parse_subject(text).unwrap_err();
        assert!(
            fault.starts_with("is empty or not a valid RFC 4514 name; write "),
            "{text}: {fault}"
        );
    }
    for text in [
        "CN=\\ff",
        "CN=a,O=\\ff",
        "C=Ü",
        "CN=a\\00b",
        "CN=#0401ff",
        "CN=#0500",
        "1.2.3.4294967295=#0c0161",
    ] {
        let fault = parse_subject(text).unwrap_err();
        let expected = "is not a name that verifiers can read: the value of attribute ";
        assert!(fault.starts_with(expected), "{text}: {fault}");
    }
}

#[test]
fn separators_may_have_spaces_around_them() {
    let same = |text: &str, other: &str| {
        assert_eq!(parse_subject(text), parse_subject(other), "{text}");
    };
    same("CN=a, O=b + OU=c ,C=DE ", "CN=a,O=b+OU=c,C=DE");
    // An escaped space belongs to the value.
    let subject = parse_subject("CN=a\\ , O=b").unwrap();
    assert_eq!(subject.to_string(), "CN=a\\ ,O=b");
    let subject = parse_subject("CN=a\\\\ , O=b").unwrap();
    assert_eq!(subject.to_string(), "CN=a\\\\,O=b");
}

#[test]
fn a_separator_after_an_escaped_backslash_separates() {
    let subject = parse_subject("CN=a\\\\,O=b\\\\\\,c").unwrap();
    let values: Vec<_> = subject.iter().map(|it| it.value.value().to_vec()).collect();
    assert_eq!(values, [b"b\\,c".to_vec(), b"a\\".to_vec()]);
}

/// `O="Example, Inc."` and `CN=a; O=b` are of older RFCs. Their quotation marks and semicolons
/// would end up in the certificate.
#[test]
fn rejects_characters_that_rfc_4514_has_escaped() {
    for (text, character) in [
        ("O=\"Example\"", '"'),
        ("CN=a;O=b", ';'),
        ("CN=<a>", '<'),
        ("CN=\\<a>", '>'),
    ] {
        let fault = parse_subject(text).unwrap_err();
        let expected =
            format!("has a {character} that is not escaped (RFC 4514); write \\{character} ");
        assert!(fault.starts_with(&expected), "{text}: {fault}");
    }
    parse_subject("O=\\\"Example\\\"\\; \\<a\\>").unwrap();
}

/// The first attribute of the text is the last of the Name (RFC 4514 2.1).
#[test]
fn openssl_reads_every_common_attribute_in_the_given_order() {
    let text = "CN=Mesh CA,UID=42+OU=Payments,OU=Platform,OU=Security,O=Example\\, Inc.,\
                street=Main Street 1,postalCode=10115,L=Berlin,ST=Berlin,serialNumber=HRB 1,\
                title=CA,GN=Ann,SN=Lee,initials=AL,dnQualifier=q,emailAddress=ca@example.org,\
                DC=example,DC=org,2.5.4.97=VATDE-1,C=DE";
    let text = text.replace("GN=", "givenName=");
    let key = Key::p256(1);
    let request = CaRequest {
        subject: parse_subject(&text).unwrap(),
        path_length: None,
        trust_domain: None,
        name_constraints: None,
    };
    let to_sign = request.to_be_signed(key.public(), key.algorithm()).unwrap();
    let csr = Csr::assemble(&to_sign, &Signature::new(key.sign(to_sign.der()))).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("csr.pem", csr.pem().as_bytes());
    let shown = openssl.run("req -noout -subject -nameopt RFC2253 -in csr.pem");
    let shown = String::from_utf8(shown).unwrap();
    let expected = format!("subject={text}")
        .replace("givenName=", "GN=")
        .replace("2.5.4.97=", "organizationIdentifier=");
    assert_eq!(shown.trim_end(), expected);
}

fn default(kind: &str, namespace: Option<&str>, name: &str, generation: u32) -> String {
    let ca = CaName {
        kind,
        namespace,
        name,
        generation,
    };
    common_name(&default_subject(&ca, &NameSet::default()).unwrap())
}

fn common_name(subject: &Name) -> String {
    let text = subject.to_string();
    let text = text.strip_prefix("CN=").unwrap().to_owned();
    assert!(text.chars().count() <= 64, "{text}");
    text
}

#[test]
fn the_default_subject_names_issuer_and_generation() {
    assert_eq!(
        default("Issuer", Some("payments"), "ca", 2),
        "Issuer payments/ca generation 2"
    );
    assert_eq!(
        default("ClusterIssuer", None, "mesh", 1),
        "ClusterIssuer mesh generation 1"
    );
}

/// RFC 5280, appendix A: a common name has 64 characters at most.
#[test]
fn long_default_subjects_are_cut_and_stay_unique() {
    let long = "a".repeat(252);
    let mut seen = std::collections::BTreeSet::new();
    for kind in ["Issuer", "ClusterIssuer"] {
        for namespace in [None, Some(&long[..63])] {
            for end in ["a", "b"] {
                for generation in [1, 2, u32::MAX] {
                    let text = default(kind, namespace, &format!("{long}{end}"), generation);
                    assert_eq!(text.len(), 64, "{text}");
                    assert!(text.starts_with(&format!("{kind} aaa")), "{text}");
                    assert!(
                        text.ends_with(&format!(" generation {generation}")),
                        "{text}"
                    );
                    assert!(seen.insert(text));
                }
            }
        }
    }
}

/// A longest name that fits is not cut: an issuer named like a cut one is another one.
#[test]
fn only_a_cut_default_subject_has_a_tilde() {
    let fits = "a".repeat(64 - "ClusterIssuer  generation 1".len());
    assert_eq!(
        default("ClusterIssuer", None, &fits, 1),
        format!("ClusterIssuer {fits} generation 1")
    );
    assert!(default("ClusterIssuer", None, &fits, 10).contains('~'));
}

/// As for an issuer whose parent is the issuer of the same name in another cluster: its CA
/// certificate would look self-signed.
#[test]
fn the_default_subject_is_never_that_of_a_parent() {
    let ca = CaName {
        kind: "ClusterIssuer",
        namespace: None,
        name: "mesh",
        generation: 1,
    };
    let comparable = |name: &Name| ComparableName::from_der(&name.to_der().unwrap()).unwrap();
    let plain = default_subject(&ca, &NameSet::default()).unwrap();
    // Names are compared without case (RFC 5280 7.1).
    let parent = parse_subject("CN=clusterissuer MESH generation 1").unwrap();
    let second = default_subject(&ca, &[comparable(&parent)].into_iter().collect()).unwrap();
    assert_ne!(comparable(&second), comparable(&plain));
    let both = [comparable(&parent), comparable(&second)]
        .into_iter()
        .collect();
    let third = default_subject(&ca, &both).unwrap();
    assert!(![comparable(&plain), comparable(&second)].contains(&comparable(&third)));
    let text = common_name(&third);
    assert!(text.starts_with("ClusterIssuer mesh~"), "{text}");
    assert!(text.ends_with(" generation 1"), "{text}");
}
