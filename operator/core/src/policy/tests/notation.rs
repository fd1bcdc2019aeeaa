//! A short notation of rules and requests, for tables.
//!
//! ```text
//! rule web  sa:shop/*  id=/ns/{namespace}/sa/{serviceAccount} dns=*.{namespace}.svc
//! sa:shop/web uri=spiffe://example.org/ns/shop/sa/web dns=a.shop.svc
//! ```
//!
//! Of a requester: `sa:` a ServiceAccount with its token, `forged:` a username of one without it,
//! `cert:` a Certificate, `user:NAME+GROUP`. `@till` makes the request in another namespace, `@-`
//! through the API without namespaces. `uri=/a` is `uri=spiffe://example.org/a`. `␣` is a space and `∅` an empty text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use const_oid::ObjectIdentifier;

use crate::fixtures::csr::CsrParts;
use crate::fixtures::der::{dns, oid, seq, set, tlv, uri};
use crate::fixtures::request::{account, request, requester};
use crate::policy::pattern::{
    DnsPattern, EmailPattern, IpRange, PathPattern, PatternError, TextPattern, UriPattern,
};
use crate::policy::rule::{
    Agent, Allow, AllowedNames, CaRight, Delegates, Namespaces, OwnNames, Requesters, Rule,
    RuleLimits, SpiffeIds, Unlisted,
};
use crate::request::{Api, RawRequest};

/// A rule as it is written: its requesters, and its settings by name.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleText {
    pub(super) who: String,
    pub(super) settings: Vec<(String, String)>,
}

/// A request as it is written: its requester, the namespace it is in, and its names by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestText {
    pub(super) who: String,
    pub(super) place: Option<String>,
    pub(super) names: Vec<(String, String)>,
}

fn pair(word: &str) -> (String, String) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let value = value.replace('␣', " ").replace('∅', "");
    let value = match key {
        "uri" if value.starts_with('/') => format!("spiffe://example.org{value}"),
        _ => value,
    };
    (key.to_owned(), value)
}

impl RuleText {
    pub(super) fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let who = words.next().unwrap().to_owned();
        let settings = words.map(pair).collect();
        Self { who, settings }
    }

    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let settings = self.settings.iter().filter(move |(own, _)| own == key);
        settings.map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    pub(super) fn rule(&self, name: &str) -> Rule {
        let names = AllowedNames {
            dns_names: self.patterns("dns", DnsPattern::parse),
            ip_addresses: self.patterns("ip", IpRange::parse),
            email_addresses: self.patterns("email", EmailPattern::parse),
            uris: self.patterns("uri", UriPattern::parse),
            other_names: self
                .all("other")
                .map(ObjectIdentifier::new_unwrap)
                .collect(),
            subject: self.subject(),
        };
        let seconds = |key| {
            self.all(key)
                .next()
                .map(|it| Duration::from_secs(it.parse().unwrap()))
        };
        Rule {
            name: name.to_owned(),
            requesters: self.requesters(),
            allow: Allow {
                spiffe_ids: SpiffeIds {
                    patterns: self.patterns("id", PathPattern::parse),
                    default: self.patterns("default", PathPattern::parse).pop(),
                },
                names,
                unlisted: match self.has("unlisted") {
                    true => Unlisted::Allowed,
                    false => Unlisted::Refused,
                },
                wildcards: self.has("wildcards"),
                ca: self.has("ca").then_some(CaRight {
                    path_length: 0,
                    max_duration: None,
                }),
                limits: RuleLimits {
                    min_duration: seconds("min"),
                    max_duration: seconds("max"),
                    ..RuleLimits::default()
                },
            },
        }
    }

    fn patterns<T>(&self, key: &str, parse: fn(&str) -> Result<T, PatternError>) -> Vec<T> {
        self.all(key).map(|it| parse(it).unwrap()).collect()
    }

    fn subject(&self) -> BTreeMap<ObjectIdentifier, Vec<TextPattern>> {
        let mut subject = BTreeMap::<_, Vec<_>>::new();
        for (key, value) in &self.settings {
            if let Some(id) = attribute_id(key) {
                let pattern = TextPattern::parse(value).unwrap();
                let id = ObjectIdentifier::new_unwrap(id);
                subject.entry(id).or_default().push(pattern);
            }
        }
        subject
    }

    fn requesters(&self) -> Requesters {
        let (kind, of) = self.who.split_once(':').unwrap_or((&self.who, ""));
        match kind {
            "anyone" => Requesters::Anyone,
            "cert" => Requesters::Certificates(namespaces(of)),
            "agent" => Requesters::Delegates(self.delegates(of)),
            "sa" => {
                let names: Vec<_> = of.split(',').filter_map(|it| it.split_once('/')).collect();
                let whole: Vec<_> = names
                    .iter()
                    .filter(|it| it.1 == "*")
                    .map(|it| it.0)
                    .collect();
                let named = names.iter().filter(|it| it.1 != "*");
                Requesters::ServiceAccounts {
                    named: named
                        .map(|(namespace, name)| account(namespace, name))
                        .collect(),
                    namespaces: match (names.is_empty(), whole.is_empty()) {
                        (true, _) => Some(namespaces(of)),
                        (false, true) => None,
                        (false, false) => Some(namespaces(&whole.join(","))),
                    },
                }
            }
            other => panic!("{other}"),
        }
    }

    fn delegates(&self, of: &str) -> Delegates {
        let agents = of.split(',').map(|agent| match agent.split_once('~') {
            Some(("user", name)) => Agent::User(name.to_owned()),
            Some(("group", name)) => Agent::Group(name.to_owned()),
            _ => {
                let (namespace, name) = agent.split_once('/').unwrap();
                Agent::ServiceAccount(account(namespace, name))
            }
        });
        let own = self.all("own").next().map(|path| OwnNames {
            dns_names: self.patterns("owndns", DnsPattern::parse),
            spiffe_id: PathPattern::parse(path).unwrap(),
        });
        Delegates {
            agents: agents.collect(),
            act_for: namespaces(self.all("for").next().unwrap_or("*")),
            request_in: self.all("in").map(str::to_owned).collect(),
            own,
            unread: None,
        }
    }
}

fn namespaces(of: &str) -> Namespaces {
    match of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
        Some(label) => {
            let (key, value) = label.split_once(':').unwrap();
            Namespaces::Labeled([(key.to_owned(), value.to_owned())].into())
        }
        None if of == "*" => Namespaces::All,
        None => Namespaces::Named(of.split(',').map(str::to_owned).collect::<BTreeSet<_>>()),
    }
}

/// Returns the object identifier of a subject attribute.
pub(super) fn attribute_id(key: &str) -> Option<&'static str> {
    Some(match key {
        "cn" => "2.5.4.3",
        "serial" => "2.5.4.5",
        "c" => "2.5.4.6",
        "o" => "2.5.4.10",
        "ou" => "2.5.4.11",
        "title" => "2.5.4.12",
        "mail" => "1.2.840.113549.1.9.1",
        "dc" => "0.9.2342.19200300.100.1.25",
        "uid" => "0.9.2342.19200300.100.1.1",
        _ => return None,
    })
}

impl RequestText {
    pub(super) fn parse(line: &str) -> Self {
        let mut request = Self::default();
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(place) => request.place = Some(place.to_owned()),
                None if request.who.is_empty() => request.who = word.to_owned(),
                None => request.names.push(pair(word)),
            }
        }
        request
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.names.iter().any(|(own, _)| own == kind)
    }

    pub(super) fn raw(&self) -> RawRequest {
        RawRequest {
            csr: self.csr().pem(),
            ..self.around()
        }
    }

    /// The request around its CSR, with no names in that.
    pub(super) fn around(&self) -> RawRequest {
        let mut raw = RawRequest {
            csr: Vec::new(),
            ca: self.has("ca"),
            ..empty()
        };
        let (kind, of) = self.who.split_once(':').unwrap();
        let (namespace, name) = of.split_once('/').unwrap_or(("shop", of));
        raw.namespace = Some(namespace.to_owned());
        match kind {
            "sa" => raw.requester = requester(&username(namespace, name)),
            "forged" => Arc::make_mut(&mut raw.requester).username = username(namespace, name),
            "cert" => {
                raw.requester = requester(&username("cert-manager", "cert-manager"));
                raw.certificate = Some(name.to_owned());
            }
            _ => {
                let mut words = of.split('+').map(str::to_owned);
                raw.requester = requester(&words.next().unwrap());
                Arc::make_mut(&mut raw.requester).groups = words.collect();
                raw.namespace = Some("shop".to_owned());
            }
        }
        if kind == "forged" {
            Arc::make_mut(&mut raw.requester).groups.clear();
        }
        match self.place.as_deref() {
            None => {}
            Some("-") => (raw.namespace, raw.api) = (None, Api::CertificateSigningRequest),
            Some(place) => raw.namespace = Some(place.to_owned()),
        }
        raw
    }

    fn csr(&self) -> CsrParts {
        let names = self
            .names
            .iter()
            .filter_map(|(kind, value)| alt_name(kind, value));
        let rdns = self
            .names
            .iter()
            .filter_map(|(kind, value)| rdn(kind, value));
        CsrParts::names(&names.collect::<Vec<_>>()).and_subject(seq(&rdns.collect::<Vec<_>>()))
    }
}

/// A request whose CSR does not count.
fn empty() -> RawRequest {
    static EMPTY: std::sync::LazyLock<RawRequest> =
        std::sync::LazyLock::new(|| request(&CsrParts::default()));
    EMPTY.clone()
}

fn username(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

fn alt_name(kind: &str, value: &str) -> Option<Vec<u8>> {
    Some(match kind {
        "uri" => uri(value),
        "dns" => dns(value),
        "email" => tlv(0x81, value.as_bytes()),
        "ip" => match value.parse().unwrap() {
            std::net::IpAddr::V4(ip) => tlv(0x87, &ip.octets()),
            std::net::IpAddr::V6(ip) => tlv(0x87, &ip.octets()),
        },
        "other" => tlv(0xa0, &[oid(value), tlv(0xa0, &tlv(0x0c, b"x"))].concat()),
        "dir" => tlv(0xa4, &seq(&[rdn("cn", value).unwrap()])),
        "rid" => tlv(0x88, ObjectIdentifier::new_unwrap(value).as_bytes()),
        _ => return None,
    })
}

/// An RDN of one attribute, or of several: `rdn=cn:web+o:Mesh`. `bmp:cn` is a BMPString.
fn rdn(kind: &str, value: &str) -> Option<Vec<u8>> {
    if kind == "rdn" {
        let mut attributes: Vec<_> = value
            .split('+')
            .map(|it| it.split_once(':').unwrap())
            .map(|(kind, value)| attribute(kind, 0x0c, value.as_bytes()))
            .collect();
        attributes.sort();
        return Some(set(&attributes));
    }
    if let Some(kind) = kind.strip_prefix("bmp:") {
        let value: Vec<u8> = value.encode_utf16().flat_map(u16::to_be_bytes).collect();
        return Some(set(&[attribute(kind, 0x1e, &value)]));
    }
    attribute_id(kind)?;
    Some(set(&[attribute(kind, 0x0c, value.as_bytes())]))
}

fn attribute(kind: &str, tag: u8, value: &[u8]) -> Vec<u8> {
    seq(&[oid(attribute_id(kind).unwrap()), tlv(tag, value)])
}
