//! A sample of every message of an error type, for the page that lists them.

use crate::ca::offer::{Refusal, Remedy, Warning};
use crate::ca::{ChainError, Forbidden};
use crate::issue::{IssueError, SvidError};
use crate::mesh::rollout::{Change, Hold, Wait};
use crate::mesh::secret::{IstioLayout, Mesh, SecretError, Unfit, UnfitIssuer};
use crate::policy::pattern::{
    DnsPattern, EmailPattern, IpRange, PathPattern, PatternError, TextPattern, UriPattern,
};
use crate::request::NotServiceAccount;
use crate::request::csr::{CsrError, PemError};
use crate::spiffe::SpiffeIdError;
use crate::x509::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use crate::x509::name_constraints::NameConstraintsError;
use crate::x509::names::{NamesError, syntax};
use crate::x509::public_key::{PublicKeyError, SignatureMismatch};
use crate::x509::usages::UnknownUsage;

/// An error type whose messages can be listed.
pub trait Samples: Sized {
    /// Returns the name of each variant, and a value of it.
    fn samples() -> Vec<(&'static str, Self)>;
}

/// Implements [`Samples`](crate::samples::Samples) for an enum. A variant that is left out does not
/// compile.
#[macro_export]
macro_rules! samples {
    ($type:ident {
        $($variant:ident $(($($value:expr),+))? $({$($field:ident: $of:expr),+})?),+ $(,)?
    }) => {
        impl $crate::samples::Samples for $type {
            fn samples() -> Vec<(&'static str, Self)> {
                // A variant may have several samples.
                #[allow(unreachable_patterns)]
                fn _exhaustive(error: &$type) {
                    match error {
                        $($type::$variant { .. } => {})+
                    }
                }
                vec![$((
                    stringify!($variant),
                    $type::$variant $(($($value),+))? $({$($field: $of),+})?,
                )),+]
            }
        }
    };
}

samples!(PemError {
    Missing,
    TextAround,
    SeveralBlocks,
    Label("\"X509 CRL\"".to_owned()),
    Damaged("invalid Base64 encoding".to_owned()),
});

samples!(CsrError {
    TooLarge(70_000),
    Pem(PemError::Missing),
    Malformed {
        what: "frame",
        source: der_error()
    },
    Version,
    Key(PublicKeyError::PssKey),
    WeakHash("SHA-1"),
    RsaPss,
    SignatureAlgorithm("1.2.3.4".to_owned()),
    Signature(SignatureMismatch),
    BareKeyProof,
    NotStub("a subject"),
    Name(NamesError::Empty),
    UnknownAttribute("1.2.3.4".to_owned()),
    RepeatedAttribute("1.2.840.113549.1.9.14 (extensionRequest)".to_owned()),
    NoExtensions,
    UnknownExtension("2.5.29.31 (cRLDistributionPoints)".to_owned()),
    RepeatedExtension("2.5.29.17 (subjectAltName)".to_owned()),
    InvalidExtension {
        extension: "keyUsage",
        fault: "has no bit set; set one or leave it out".to_owned()
    },
});

samples!(PublicKeyError {
    Malformed(der_error()),
    UnusedBits,
    UnknownAlgorithm("1.2.840.10040.4.1 (id-dsa)".to_owned()),
    PssKey,
    Parameters("RSA", "NULL"),
    UnknownCurve("1.3.132.0.10 (secp256k1)".to_owned()),
    CompressedPoint,
    PointForm,
    PointAtInfinity,
    PointLength {
        curve: KeyAlgorithm::EcP384,
        expected: 97,
        found: 65
    },
    NotOnCurve(KeyAlgorithm::EcP256),
    WeakRsa(1024),
    LargeRsa(16_384),
    EvenRsaModulus,
    SmallRsaFactor(3),
    RsaExponent,
    Rsa,
    Ed25519Length(31),
    WeakEd25519,
});

samples!(NamesError {
    Malformed {
        what: "subjectAltName",
        source: der_error()
    },
    Empty,
    TooMany(1001),
    Text {
        kind: "DNS name",
        shown: "\"bücher.example\"".to_owned(),
        fault: syntax::NOT_ASCII
    },
    Text {
        kind: "DNS name",
        shown: "\"a b.example\"".to_owned(),
        fault: syntax::NOT_GRAPHIC
    },
    Text {
        kind: "DNS name",
        shown: "\"a..example\"".to_owned(),
        fault: "has an empty label; remove the extra dot, also at the end"
    },
    Text {
        kind: "email address",
        shown: "\"alice\"".to_owned(),
        fault: "is not of the form name@host.example; correct it"
    },
    Text {
        kind: "URI",
        shown: "\"/path\"".to_owned(),
        fault: "is not absolute; start it with a scheme, such as spiffe://"
    },
    IpLength(5),
    UnsupportedKind("ediPartyName".to_owned()),
    Attribute {
        attribute: "2.5.4.6 (countryName)".to_owned(),
        fault: "is empty; remove it"
    },
});

samples!(NameConstraintsError {
    Empty,
    TooMany(1001),
    Subtree {
        list: "permitted",
        field: "dnsDomains",
        shown: "\"*.example.org\"".to_owned(),
        fault: "which is not a host name; write example.org, or .example.org for what lies below it".to_owned()
    },
    Subtree {
        list: "permitted",
        field: "ipRanges",
        shown: "\"10.0.0.1/8\"".to_owned(),
        fault: "which has bits set after its prefix; write 10.0.0.0/8".to_owned()
    },
    Subtree {
        list: "excluded",
        field: "emailAddresses",
        shown: "\"@example.org\"".to_owned(),
        fault: "which is not a mailbox; write name@host.example, or only the host".to_owned()
    },
    Subtree {
        list: "permitted",
        field: "uriDomains",
        shown: "\"10.0.0.1\"".to_owned(),
        fault: "and an IP address cannot constrain URIs; write a host name".to_owned()
    },
});

samples!(SpiffeIdError {
    Scheme,
    Query,
    Fragment,
    UserInfo,
    Port,
    TooLong(2049),
    EmptyTrustDomain,
    TrustDomainIsUri,
    TrustDomainTooLong(256),
    TrustDomainUpperCase('E'),
    TrustDomainCharacter('ü'),
    TrustDomainEmptyLabel,
    TrailingSlash,
    EmptySegment,
    DotSegment,
    SegmentCharacter('%'),
});

samples!(Refusal {
    Chain(ChainError::Empty),
    OtherBlock("\"PKCS7\"".to_owned()),
    OtherKey("CN=Example".to_owned()),
    WeakKey {
        found: KeyAlgorithm::Rsa { bits: 2048 },
        minimum: 128
    },
    Expired {
        subject: "CN=Example".to_owned(),
        at: TIME
    },
    NotYetValid {
        subject: "CN=Example".to_owned(),
        at: TIME
    },
    BeginsLater {
        subject: "CN=Example".to_owned(),
        at: TIME
    },
    EndsSoon {
        subject: "CN=Example".to_owned(),
        at: TIME,
        minimum: std::time::Duration::from_secs(3_600)
    },
    PathLength {
        allowed: 0,
        needed: 1
    },
    CriticalExtension {
        subject: "CN=Example".to_owned(),
        extension: "1.2.3.4".to_owned()
    },
    ExplicitPolicy("CN=Example".to_owned()),
    OutsideLimits {
        subject: "CN=Example".to_owned(),
        forbidden: uri_forbidden()
    },
    NoSvid {
        trust_domain: "example.org".to_owned(),
        forbidden: uri_forbidden()
    },
    SpiffeId {
        found: "\"spiffe://example.net\"".to_owned(),
        expected: Some("spiffe://example.org".to_owned())
    },
    MissingRoot("CN=Example".to_owned()),
    RootsTooLarge { bytes: 20_000 },
    UntrustedRoot {
        subject: "CN=Example".to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        remedy: Remedy::Spec(PIN.to_owned())
    },
});

samples!(Warning {
    NoKeyIdentifier("CN=Example".to_owned()),
    BasicConstraintsNotCritical("CN=Example".to_owned()),
    NoCrlSign("CN=Example".to_owned()),
    SpiffeId {
        found: "\"spiffe://example.net\"".to_owned(),
        expected: None
    },
    CriticalPolicies("CN=Example".to_owned()),
    Pinned {
        subject: "CN=Example".to_owned(),
        remedy: Remedy::Spec(PIN.to_owned())
    },
    RootLeftOut("CN=Example".to_owned()),
});

const TIME: jiff::Timestamp = jiff::Timestamp::constant(1_788_264_000, 0);
const FINGERPRINT: &str = "5f1d…";
const PIN: &str = "trustedRoots: {fingerprints: [\"5f1d…\"]}";

fn uri_forbidden() -> Forbidden {
    Forbidden::Name {
        ca: "CN=Example Root".to_owned(),
        name: "URI \"spiffe://example.org\"".to_owned(),
    }
}

samples!(Forbidden {
    Usage {
        ca: "CN=Example".to_owned(),
        usage: "\"server auth\"".to_owned()
    },
    Name {
        ca: "CN=Example".to_owned(),
        name: "DNS name \"a.example\"".to_owned()
    },
    TooManyNames,
});

samples!(ChainError {
    Empty,
    TooMany(32),
    TooLarge(65_536),
    Unreadable {
        index: 1,
        message: "it is not version 3".to_owned()
    },
    Unfit {
        subject: "CN=Example".to_owned(),
        message: "has no subject, which a CA must have; use a CA certificate".to_owned()
    },
    Signature {
        subject: "CN=Example".to_owned(),
        algorithm: "SHA-1".to_owned()
    },
    NoPathToRoot("CN=Example".to_owned()),
    Unrelated("CN=Example".to_owned()),
    TooManyCandidates,
});

samples!(SecretError {
    Partial {
        found: "ca-cert.pem, ca-key.pem".to_owned(),
        missing: "cert-chain.pem, root-cert.pem".to_owned()
    },
    Certificates {
        entry: "root-cert.pem".to_owned(),
        message: ChainError::Empty.to_string()
    },
    Order("tls.crt".to_owned()),
    Key("ca-key.pem".to_owned()),
    OtherKey,
    IstioGenerated,
    TwoLayouts {
        tls: "tls.crt, tls.key".to_owned(),
        plugin: "ca-cert.pem, ca-key.pem".to_owned()
    },
    Crl,
    Unreadable,
    RootsWithoutCa,
});

samples!(Unfit {
    Key {
        subject: "CN=Example".to_owned(),
        found: KeyAlgorithm::EcP384
    },
    RootKey {
        subject: "CN=Example Root".to_owned(),
        found: KeyAlgorithm::Rsa { bits: 3072 }
    },
    PathLength {
        subject: "CN=Example".to_owned()
    },
    Signature("CN=Example".to_owned()),
});

samples!(UnfitIssuer {
    Confined,
    NoProfile { needed: 1 },
    Profile {
        found: 0,
        needed: 1
    },
    OwnPathLength {
        found: 1,
        required: 2
    },
    Signature(SignatureAlgorithm::EcdsaSha384),
    Root(Unfit::RootKey {
        subject: "CN=Example Root".to_owned(),
        found: KeyAlgorithm::Rsa { bits: 3072 }
    }),
});

samples!(Change {
    First("CN=Example".to_owned()),
    Complete,
    Append("CN=Example Root 2".to_owned()),
    Swap("CN=Example".to_owned()),
    Remove("CN=Example Root".to_owned()),
    PutBack,
});

samples!(Wait {
    Loading(TIME),
    Propagation(TIME),
    Leaves(TIME),
});

samples!(Hold {
    NotLoaded {
        propagation: "10m".to_owned(),
        reload: Mesh::Istio(IstioLayout::Plugin).reload(),
        until: TIME
    },
    OtherCa {
        loaded: "O=cluster.local".to_owned()
    },
    NotRead {
        loaded: "O=cluster.local".to_owned(),
        reload: Mesh::Istio(IstioLayout::Plugin).reload()
    },
    NoRoot("CN=Example".to_owned()),
});

samples!(IssueError {
    Expired(jiff::Timestamp::constant(1_788_264_000, 0)),
    NotYetValid(jiff::Timestamp::constant(1_788_264_000, 0)),
    ExpiresTooSoon {
        at: jiff::Timestamp::constant(1_788_264_000, 0),
        min: std::time::Duration::from_secs(3600)
    },
    ExpiresFirst {
        at: jiff::Timestamp::constant(1_788_264_000, 0),
        duration: std::time::Duration::from_secs(90 * 24 * 3600)
    },
    Encoding(der_error()),
    SignatureMismatch(SignatureMismatch),
    OutsideChain,
    NotSvid(SvidError::Ca),
    NoSubject,
    Csr(CsrError::Signature(SignatureMismatch)),
    Root(ChainError::Unfit {
        subject: "CN=Example".to_owned(),
        message: "has no subject, which a CA must have; use a CA certificate".to_owned()
    }),
});

samples!(SvidError {
    Malformed(der_error()),
    Repeated,
    Uris(2),
    SpiffeId(SpiffeIdError::Query),
    OtherId {
        found: "spiffe://example.org/ns/shop/sa/web".to_owned(),
        granted: "spiffe://example.org/ns/shop/sa/api".to_owned()
    },
    NotCritical,
    Ca,
    KeyUsage,
    KeyUsageBits,
    ExtendedKeyUsage,
});

samples!(NotServiceAccount {
    Username,
    NoUid,
    NoGroup("system:serviceaccounts:shop".to_owned()),
    ClientCertificate,
});

impl Samples for UnknownUsage {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("UnknownUsage", Self("\"time travel\"".to_owned()))]
    }
}

impl Samples for PatternError {
    fn samples() -> Vec<(&'static str, Self)> {
        let long = "/ns/".repeat(513);
        let paths = [
            "ns/shop/sa/web",
            "/ns/shop/",
            "/ns/../shop",
            "/ns/shop-*",
            "/ns/**/web",
            "/ns/{user}",
            "/ns/a b",
            &long,
        ];
        let many = format!("*.{}", "a.".repeat(130));
        let dns = [
            "w*.example.org",
            "a.**.example.org",
            "{user}.example.org",
            &many,
        ];
        let local = format!("{}@example.org", "a".repeat(320));
        let emails = [
            "example.org",
            "a*@example.org",
            "a@*.example.org",
            "{user}@example.org",
            "a b@example.org",
            &local,
        ];
        let text = "a".repeat(257);
        let texts = ["team-*", "team-{namespace}", "a\tb", &text];
        let uris = ["https://example.org/a?b", "https://*.example.org"];
        let ips = ["10.*", "10.0.0.1/8"];
        let path = paths.map(|it| PathPattern::parse(it).err()).into_iter();
        path.chain(dns.map(|it| DnsPattern::parse(it).err()))
            .chain(emails.map(|it| EmailPattern::parse(it).err()))
            .chain(texts.map(|it| TextPattern::parse(it).err()))
            .chain(uris.map(|it| UriPattern::parse(it).err()))
            .chain(ips.map(|it| IpRange::parse(it).err()))
            .flatten()
            .map(|error| (error.kind, error))
            .collect()
    }
}

fn der_error() -> der::Error {
    der::ErrorKind::Failed.into()
}
