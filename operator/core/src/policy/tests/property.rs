//! Whatever the rules and the request, nothing is granted that the oracle does not allow.

use super::notation::{RequestText, RuleText};
use super::oracle;
use super::table::{labels, policy, served};
use crate::policy::{Decision, Facts, Issuer, decide};
use crate::request::Request;

const RULE_SETS: usize = 3000;
const REQUESTS_PER_SET: usize = 40;

/// Numbers without a pattern and always the same ones (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn some(&mut self, list: &[&str], most: usize) -> String {
        let words = (0..self.below(most + 1)).map(|_| self.pick(list).to_owned());
        words.collect::<Vec<_>>().join(" ")
    }
}

const ISSUERS: &[&str] = &["td", "td", "td/shop", "plain", "plain/shop"];
const WHO: &[&str] = &[
    "sa:*",
    "sa:shop/*",
    "sa:shop/web,till/web",
    "sa:[team:shop]",
    "cert:*",
    "cert:shop,pay",
    "agent:istio-system/istiod",
    "agent:agents/broker,user~node-agent",
    "agent:shop/web,group~mesh",
    "agent:cert-manager/cert-manager",
];
const IDS: &[&str] = &[
    "id=/ns/{namespace}/sa/{serviceAccount}",
    "id=/ns/{namespace}/**",
    "id=/ns/{namespace}/certificate/{certificate}",
    "id=/ns/*/sa/*",
    "id=/**",
    "id=/*",
    "id=/ns/kube-system/sa/proxy",
    "id=/ns/shop/sa/web",
    "id=/{namespace}/{serviceAccount}",
    "default=/ns/shop/sa/web",
    "default=/ns/{namespace}/default",
];
const LISTS: &[&str] = &[
    "dns=*.{namespace}.svc",
    "dns=**.{namespace}.svc",
    "dns=**",
    "dns=*",
    "dns={serviceAccount}.shop.svc",
    "cn=*",
    "cn={namespace}",
    "o=∅",
    "o=Mesh",
    "ip=10.0.0.0/8",
    "ip=::/0",
    "email=*@{namespace}.example",
    "uri=spiffe://lab.example/ns/{namespace}/**",
    "uri=https://a.example/*",
    "wildcards",
    "unlisted",
    "for=shop,kube-system",
    "for=[team:shop]",
    "in=shop",
    "in=istio-system",
    "own=/ns/istio-system/sa/istiod owndns=istiod.istio-system.svc",
    "ca",
];
const REQUESTERS: &[&str] = &[
    "sa:shop/web",
    "sa:shop/api",
    "sa:till/web",
    "sa:new/web",
    "sa:shop/web.v2",
    "sa:istio-system/istiod",
    "sa:agents/broker",
    "sa:kube-system/proxy",
    "sa:cert-manager/cert-manager",
    "forged:shop/web",
    "forged:istio-system/istiod",
    "cert:shop/tls",
    "cert:till/tls",
    "user:node-agent",
    "user:alice+mesh",
    "user:alice",
];
const PLACES: &[&str] = &["", "", "", "@-", "@shop", "@istio-system", "@kube-system"];
const URIS: &[&str] = &[
    "uri=/ns/shop/sa/web",
    "uri=/ns/shop/sa/api",
    "uri=/ns/till/sa/web",
    "uri=/ns/shop/certificate/tls",
    "uri=/ns/shop/a/b",
    "uri=/ns/shop",
    "uri=/NS/shop/sa/web",
    "uri=/ns/Shop/sa/web",
    "uri=/ns/KUBE-SYSTEM/sa/proxy",
    "uri=/ns/istio-system/sa/ISTIOD",
    "uri=/ns/new/sa/web",
    "uri=/ns/kube-system/sa/proxy",
    "uri=/ns/kube-system/sa/other",
    "uri=/ns/signet-system/sa/signet",
    "uri=/ns/cert-manager/sa/cert-manager",
    "uri=/ns/istio-system/sa/istiod",
    "uri=/ns/agents/sa/broker",
    "uri=/shop/web",
    "uri=/a",
    "uri=spiffe://example.org",
    "uri=spiffe://evil.example/ns/shop/sa/web",
    "uri=spiffe://lab.example/ns/shop/sa/web",
    "uri=spiffe://lab.example/ns/kube-system/sa/proxy",
    "uri=https://a.example/a",
];
const NAMES: &[&str] = &[
    "dns=a.shop.svc",
    "dns=a.b.shop.svc",
    "dns=a.till.svc",
    "dns=*.shop.svc",
    "dns=web",
    "dns=WEB.shop.svc",
    "dns=istiod.istio-system.svc",
    "ip=10.0.0.1",
    "ip=::ffff:10.0.0.1",
    "email=a@shop.example",
    "email=a@evil.example",
    "other=1.2.3",
    "dir=web",
    "cn=a.shop.svc",
    "cn=shop",
    "cn=system:masters",
    "cn=istiod.istio-system.svc",
    "cn=10.0.0.1",
    "cn=∅",
    "o=∅",
    "o=Mesh",
    "o=system:masters",
    "rdn=cn:a.shop.svc+o:system:masters",
];

fn rules(numbers: &mut Numbers) -> Vec<RuleText> {
    let count = 1 + numbers.below(4);
    let rules = (0..count).map(|_| {
        let parts = [
            numbers.pick(WHO).to_owned(),
            numbers.some(IDS, 3),
            numbers.some(LISTS, 6),
        ];
        RuleText::parse(&parts.join(" "))
    });
    rules.collect()
}

/// Names in CSRs, which are signed and read once.
fn csrs(numbers: &mut Numbers) -> Vec<(RequestText, Request)> {
    let mut csrs = Vec::new();
    while csrs.len() < 150 {
        let names = [numbers.some(URIS, 2), numbers.some(NAMES, 2)].join(" ");
        let ca = if numbers.below(8) == 0 { "ca" } else { "" };
        let text = RequestText::parse(&format!("sa:shop/web {names} {ca}"));
        if let Ok(request) = Request::parse(text.raw()) {
            csrs.push((text, request));
        }
    }
    csrs
}

/// The same CSR from another requester.
fn request(numbers: &mut Numbers, csrs: &[(RequestText, Request)]) -> (RequestText, Request) {
    let (names, read) = &csrs[numbers.below(csrs.len())];
    let who = format!("{} {}", numbers.pick(REQUESTERS), numbers.pick(PLACES));
    let mut text = RequestText::parse(&who);
    let mut request = read.clone();
    let around = text.around();
    text.names.clone_from(&names.names);
    (request.raw.requester, request.raw.namespace) = (around.requester, around.namespace);
    (request.raw.certificate, request.raw.api) = (around.certificate, around.api);
    (text, request)
}

#[test]
fn no_rules_grant_what_the_oracle_does_not_allow() {
    let mut numbers = Numbers(0x5167_6e65_7402);
    let (namespaces, served) = (labels(), Some(served()));
    let facts = Facts {
        namespaces: &namespaces,
        served_trust_domains: &served,
    };
    let csrs = csrs(&mut numbers);
    let (mut granted, mut cas) = (0, 0);
    for _ in 0..RULE_SETS {
        let issuer = numbers.pick(ISSUERS);
        let rules = rules(&mut numbers);
        let policy = policy(issuer, &rules);
        for _ in 0..REQUESTS_PER_SET {
            let (text, request) = request(&mut numbers, &csrs);
            let Decision::Grant(grant) = decide(&request, Issuer::Ready(&policy), facts) else {
                continue;
            };
            let id = grant.spiffe_id.as_ref().map(ToString::to_string);
            let allowed = oracle::allows(issuer, &rules, &text, id.as_deref());
            assert!(allowed, "{text:?} got {id:?} from {issuer} with {rules:#?}");
            granted += 1;
            cas += usize::from(request.raw.ca);
        }
    }
    assert!(granted > 1000 && cas > 30, "{granted} granted, {cas} CAs");
}
