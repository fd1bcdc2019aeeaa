//! What a delegate tries that is compromised or confused, and what the refusal says.

use super::notation::{RequestText, RuleText};
use super::table::{labels, policy};
use crate::policy::{Decision, Facts, Issuer, decide};
use crate::reason::Reason;
use crate::request::Request;

/// istiod, an agent known by user and group, and those whose IDs they want.
const RULES: [&str; 5] = [
    "agent:istio-system/istiod id=/ns/{namespace}/sa/{serviceAccount} own=/ns/istio-system/sa/istiod owndns=istiod.istio-system.svc",
    "agent:agents/broker,user~agent,group~agents id=/ns/{namespace}/**",
    "sa:spire/server ca",
    "cert:mesh ca",
    "sa:* id=/ns/{namespace}/sa/{serviceAccount}",
];

/// Each delegate, with the namespace it makes requests in.
const DELEGATES: [&str; 4] = [
    "sa:istio-system/istiod",
    "sa:agents/broker",
    "user:agent @agents",
    "user:alice+agents @-",
];

fn decision(request: &str) -> Decision {
    let rules = RULES.map(RuleText::parse);
    let request = Request::parse(RequestText::parse(request).raw()).unwrap();
    let facts = Facts {
        namespaces: &labels(),
        served_trust_domains: &None,
    };
    decide(&request, Issuer::Ready(&policy("td", &rules)), facts)
}

/// Every delegate is allowed an ID of a workload and refused this.
#[track_caller]
fn refused(names: &str, reason: Reason, message: &str) {
    for delegate in DELEGATES {
        let workload = decision(&format!("{delegate} uri=/ns/shop/sa/web"));
        assert!(matches!(workload, Decision::Grant(_)), "{workload:?}");
        let Decision::Deny(denial) = decision(&format!("{delegate} {names}")) else {
            panic!("{delegate} was granted {names}");
        };
        assert_eq!(denial.reason, reason, "{delegate}: {}", denial.message);
        assert!(
            denial.message.contains(message),
            "{delegate}: {}",
            denial.message
        );
    }
}

#[test]
fn a_delegate_gets_no_ca() {
    refused("cn=agent ca", Reason::CaNotAllowed, "CA certificate");
}

#[test]
fn a_delegate_gets_no_id_in_a_protected_namespace() {
    for namespace in ["kube-system", "signet-system", "cert-manager"] {
        let message = format!("an ID of the protected namespace {namespace}");
        let names = format!("uri=/ns/{namespace}/sa/any");
        refused(&names, Reason::IdentityNotAllowed, &message);
    }
}

#[test]
fn a_delegate_gets_no_id_of_another_delegate() {
    let message = "the ID of a delegate of rule rule-";
    for (delegate, other) in [
        (DELEGATES[0], "uri=/ns/agents/sa/broker"),
        (DELEGATES[1], "uri=/ns/istio-system/sa/istiod"),
        (DELEGATES[2], "uri=/ns/istio-system/sa/istiod"),
        (DELEGATES[2], "uri=/ns/agents/sa/broker"),
        (DELEGATES[3], "uri=/ns/agents/sa/broker"),
    ] {
        let Decision::Deny(denial) = decision(&format!("{delegate} {other}")) else {
            panic!("{delegate} was granted {other}");
        };
        assert_eq!(denial.reason, Reason::IdentityNotAllowed);
        assert!(denial.message.contains(message), "{}", denial.message);
    }
}

#[test]
fn a_delegate_gets_no_id_of_a_requester_of_ca_certificates() {
    let message = "the ID of a requester of CA certificates of rule rule-2";
    refused(
        "uri=/ns/spire/sa/server",
        Reason::IdentityNotAllowed,
        message,
    );
    let message = "the ID of a requester of CA certificates of rule rule-3";
    for delegate in &DELEGATES[1..] {
        let names = "uri=/ns/mesh/certificate/ca";
        let Decision::Deny(denial) = decision(&format!("{delegate} {names}")) else {
            panic!("{delegate} was granted {names}");
        };
        assert!(denial.message.contains(message), "{}", denial.message);
    }
}

/// istiod's own ID would be the workload's.
#[test]
fn a_delegates_own_id_is_not_lent_to_a_request_that_names_nothing() {
    for names in ["", "o=∅", "o=Mesh"] {
        let Decision::Deny(denial) = decision(&format!("{} {names}", DELEGATES[0])) else {
            panic!("lent to {names:?}");
        };
        assert_eq!(denial.reason, Reason::IdentityNotAllowed);
        assert!(
            denial.message.contains("the request names no identity"),
            "{}",
            denial.message
        );
    }
}

#[test]
fn a_delegates_own_id_is_added_to_its_own_names_only() {
    let own = format!("{} dns=istiod.istio-system.svc", DELEGATES[0]);
    let Decision::Grant(grant) = decision(&own) else {
        panic!("not granted");
    };
    let id = grant.spiffe_id.as_ref().unwrap().to_string();
    assert_eq!(id, "spiffe://example.org/ns/istio-system/sa/istiod");
    assert_eq!(grant.rule, "rule-0");
    for more in [
        "dns=web.shop.svc",
        "ip=10.0.0.1",
        "cn=web",
        "o=Mesh",
        "email=a@b.example",
    ] {
        let decision = decision(&format!("{own} {more}"));
        assert!(
            matches!(decision, Decision::Deny(_)),
            "{more}: {decision:?}"
        );
    }
}

/// csi-driver-spiffe makes requests in the namespaces of pods.
#[test]
fn a_request_in_the_namespace_of_a_workload_is_for_that_workload() {
    for delegate in ["sa:istio-system/istiod", "sa:agents/broker", "user:agent"] {
        let of_shop = decision(&format!("{delegate} @shop uri=/ns/shop/sa/web"));
        assert!(matches!(of_shop, Decision::Grant(_)), "{of_shop:?}");
        let Decision::Deny(denial) = decision(&format!("{delegate} @shop uri=/ns/till/sa/web"))
        else {
            panic!("{delegate} was granted an ID of till");
        };
        let message = "made this request in namespace shop, so it must list";
        assert!(denial.message.contains(message), "{}", denial.message);
    }
}

#[test]
fn a_forged_username_or_group_of_all_users_is_not_an_agent() {
    for forged in [
        "forged:istio-system/istiod",
        "user:system:serviceaccount:istio-system:istiod",
        "user:alice+system:serviceaccounts:istio-system",
        "user:alice+system:masters",
    ] {
        let decision = decision(&format!("{forged} uri=/ns/shop/sa/web"));
        assert!(
            matches!(decision, Decision::Deny(_)),
            "{forged}: {decision:?}"
        );
    }
}
