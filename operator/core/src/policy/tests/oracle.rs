//! A slow and separate answer to whether a certificate may be granted, from texts only.
//!
//! It shares nothing with the code under test but the notation. Where both would need the same
//! subtlety it allows more: what matters is that nothing is granted beyond it.

use super::notation::{RequestText, RuleText};

/// What is known about a requester under a rule.
struct Known {
    namespace: Option<String>,
    account: Option<String>,
    certificate: Option<String>,
    is_agent: bool,
}

/// Returns whether one of the rules allows all of the names, with the granted ID.
pub(super) fn allows(
    issuer: &str,
    rules: &[RuleText],
    request: &RequestText,
    id: Option<&str>,
) -> bool {
    let is_in_domain = issuer.starts_with("td");
    if request.has("ca") {
        let confined = issuer.starts_with("td/");
        return !confined
            && id.is_none()
            && rules.iter().any(|rule| {
                let known = known(rule, request, None);
                rule.has("ca") && known.is_some_and(|known| !known.is_agent)
            });
    }
    let path = id.and_then(|id| id.strip_prefix("spiffe://example.org"));
    if is_in_domain && path.is_none_or(|path| !path.starts_with('/')) {
        return false;
    }
    if let (Some(namespace), Some(path)) = (issuer.strip_prefix("td/"), path)
        && !path.starts_with(&format!("/ns/{namespace}/"))
    {
        return false;
    }
    let listed = request.names.iter().find(|(kind, _)| kind == "uri");
    let listed = listed.and_then(|(_, uri)| uri.strip_prefix("spiffe://"));
    let listed = listed.and_then(|uri| uri.find('/').map(|at| &uri[at..]));
    rules.iter().any(|rule| {
        if is_own(rule, request, path, is_in_domain) {
            return true;
        }
        let Some(known) = known(rule, request, path.or(listed)) else {
            return false;
        };
        let is_allowed_id = match path {
            None => true,
            Some(path) => rule.all("id").any(|pattern| {
                let by_chance =
                    known.is_agent && pattern.starts_with("/*") && path.starts_with("/ns/");
                is_path(pattern, path, &known) && !by_chance
            }),
        };
        is_allowed_id
            && (!known.is_agent || is_within_bounds(rules, rule, request, path.or(listed)))
            && has_listed_names(rule, request, &known, is_in_domain)
    })
}

/// Whether it is an agent's own certificate.
fn is_own(rule: &RuleText, request: &RequestText, path: Option<&str>, is_in_domain: bool) -> bool {
    let own = rule.all("own").next();
    let is_own_name = |(kind, value): &(String, String)| match kind.as_str() {
        "dns" | "cn" => rule
            .all("owndns")
            .any(|own| own.eq_ignore_ascii_case(value)),
        "uri" => value.strip_prefix("spiffe://example.org") == own,
        _ => false,
    };
    own.is_some()
        && path == own.filter(|_| is_in_domain)
        && known(rule, request, None).is_some_and(|known| known.is_agent)
        && request.has("dns")
        && request.names.iter().all(is_own_name)
}

/// Whose rule it is. Of a delegate, the path says for whom it acts.
fn known(rule: &RuleText, request: &RequestText, path: Option<&str>) -> Option<Known> {
    let (rule_kind, of) = rule.who.split_once(':').unwrap_or((&rule.who, ""));
    let (kind, who) = request.who.split_once(':').unwrap();
    let (namespace, name) = who.split_once('/').unwrap_or(("", who));
    let place = request.place.as_deref().unwrap_or(namespace);
    // A Certificate is where its request is.
    let namespace = if kind == "cert" { place } else { namespace };
    let is_in = |list: &str| {
        list == "*"
            || list.split(',').any(|one| one == namespace)
            || (list == "[team:shop]" && ["shop", "pay"].contains(&namespace))
    };
    let known = |account: Option<&str>, certificate: Option<&str>| Known {
        namespace: Some(namespace.to_owned()),
        account: account.map(str::to_owned),
        certificate: certificate.map(str::to_owned),
        is_agent: false,
    };
    let is_cert_manager = who == "cert-manager/cert-manager";
    match (rule_kind, kind) {
        ("anyone", _) => Some(Known {
            namespace: None,
            account: None,
            certificate: None,
            is_agent: false,
        }),
        ("sa", "sa") if !is_cert_manager => {
            let is_named = of
                .split(',')
                .any(|one| one == who || one == format!("{namespace}/*"));
            let is_at_home = request.has("ca") || place == "-" || place == namespace;
            ((is_named || is_in(of)) && is_at_home).then(|| known(Some(name), None))
        }
        ("cert", "cert") => (is_in(of) && place != "-").then(|| known(None, Some(name))),
        ("agent", _) => {
            let user = who.split('+').next().unwrap_or_default();
            let is_agent = of.split(',').any(|agent| match agent.split_once('~') {
                Some(("user", name)) => kind == "user" && user == name,
                Some((_, group)) => kind == "user" && who.split('+').skip(1).any(|it| it == group),
                None => kind == "sa" && agent == who && !is_cert_manager,
            });
            let segments: Vec<_> = path.unwrap_or_default().split('/').skip(1).collect();
            is_agent.then(|| Known {
                namespace: match segments[..] {
                    ["ns", namespace, ..] => Some(namespace.to_owned()),
                    _ => None,
                },
                account: match segments[..] {
                    ["ns", _, "sa", account] => Some(account.to_owned()),
                    _ => None,
                },
                certificate: None,
                is_agent: true,
            })
        }
        _ => None,
    }
}

/// What no delegate gets unless its rule has the path as it is.
fn is_within_bounds(
    rules: &[RuleText],
    rule: &RuleText,
    request: &RequestText,
    path: Option<&str>,
) -> bool {
    let Some(path) = path else {
        return true;
    };
    let namespace = path
        .strip_prefix("/ns/")
        .and_then(|rest| rest.split('/').next());
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let is_lower = |part: &str| part == part.to_lowercase();
    match parts[..] {
        ["ns", namespace, "sa", account] if !is_lower(namespace) || !is_lower(account) => {
            return false;
        }
        ["ns", namespace, ..] if !is_lower(namespace) => return false,
        _ => {}
    }
    let act_for = rule.all("for").next().unwrap_or("*");
    let is_literal = rule.all("id").any(|pattern| pattern == path)
        || rule
            .all("uri")
            .any(|uri| uri.ends_with(path) && !uri.contains(['{', '*']));
    let is_for = match namespace {
        _ if act_for == "*" => true,
        Some(namespace) => {
            act_for.split(',').any(|one| one == namespace)
                || (act_for == "[team:shop]" && ["shop", "pay"].contains(&namespace))
        }
        None => is_literal,
    };
    let home = match request.who.strip_prefix("sa:") {
        Some(account) => account.split('/').next().unwrap(),
        None => "shop",
    };
    let place = request.place.as_deref().unwrap_or(home);
    let is_agents_place = match rule.has("in") {
        true => rule.all("in").any(|one| one == place),
        false => {
            let agents = rule.who.trim_start_matches("agent:").split(',');
            agents
                .filter(|it| !it.contains('~'))
                .any(|it| it.split('/').next() == Some(place))
        }
    };
    let is_right_place = place == "-" || is_agents_place || namespace == Some(place);
    let reserved = ["kube-system", "signet-system", "cert-manager"];
    let is_reserved = namespace.is_some_and(|namespace| reserved.contains(&namespace));
    let who = request.who.strip_prefix("sa:").unwrap_or_default();
    let belongs = rules.iter().any(|other| belongs_to(other, path, who));
    is_for && is_right_place && (is_literal || (!is_reserved && !belongs))
}

/// Whether a path is that of a delegate of the rule, other than the requester, or of a requester of
/// CA certificates.
fn belongs_to(rule: &RuleText, path: &str, who: &str) -> bool {
    let (kind, of) = rule.who.split_once(':').unwrap_or((&rule.who, ""));
    of.split(',').any(|one| {
        let (namespace, name) = one.split_once('/').unwrap_or((one, "*"));
        let account = format!("/ns/{namespace}/sa/{name}");
        match kind {
            "agent" => one != who && path == account,
            "sa" if rule.has("ca") && name == "*" => path.starts_with(&format!("/ns/{namespace}/")),
            "sa" if rule.has("ca") => path == account,
            "cert" if rule.has("ca") => path.starts_with(&format!("/ns/{namespace}/certificate/")),
            _ => false,
        }
    })
}

fn has_listed_names(
    rule: &RuleText,
    request: &RequestText,
    known: &Known,
    is_in_domain: bool,
) -> bool {
    if rule.has("unlisted") {
        return true;
    }
    let lists = |key: &str, compare: &dyn Fn(&str) -> bool| rule.all(key).any(compare);
    let dns = |name: &str| lists("dns", &|it| is_dns(it, name, known, rule.has("wildcards")));
    let email = |name: &str| lists("email", &|it| is_email(it, name, known));
    let ip = |address: &str| lists("ip", &|it| is_ip(it, address));
    let text = |key: &str, value: &str| lists(key, &|it| is_text(it, value, known));
    request
        .names
        .iter()
        .all(|(kind, value)| match kind.as_str() {
            "uri" if is_in_domain => true,
            "uri" => lists("uri", &|it| is_uri(it, value, known)),
            "dns" => dns(value),
            "email" | "mail" => email(value),
            "ip" => ip(value),
            "other" => lists("other", &|it| it == value),
            "dir" | "rid" => false,
            "rdn" => value.split('+').all(|it| {
                let (kind, value) = it.split_once(':').unwrap();
                if kind == "cn" {
                    dns(value) || text("cn", value)
                } else {
                    text(kind, value)
                }
            }),
            "cn" | "bmp:cn" => {
                let is_host = !value.is_empty() && !value.contains([' ', ':']);
                dns(value) || email(value) || ip(value) || (!is_host && text("cn", value))
            }
            kind => text(kind.trim_start_matches("bmp:"), value),
        })
}

/// The pattern with its variables replaced; none if one is unknown.
fn fill(pattern: &str, known: &Known) -> Option<String> {
    let variables = [
        ("{namespace}", &known.namespace),
        ("{serviceAccount}", &known.account),
        ("{certificate}", &known.certificate),
    ];
    let mut filled = pattern.to_owned();
    for (variable, value) in variables {
        if filled.contains(variable) {
            filled = filled.replace(variable, value.as_deref()?);
        }
    }
    Some(filled)
}

fn is_path(pattern: &str, path: &str, known: &Known) -> bool {
    let Some(pattern) = fill(pattern, known) else {
        return false;
    };
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    glob(&pattern, &path)
}

/// `*` is one part, `**` is one or more.
fn glob(pattern: &[&str], parts: &[&str]) -> bool {
    match (pattern, parts) {
        ([], []) => true,
        (["**"], [_, ..]) => parts.iter().all(|part| !part.is_empty()),
        (["*", pattern @ ..], [part, parts @ ..]) => !part.is_empty() && glob(pattern, parts),
        ([own, pattern @ ..], [part, parts @ ..]) => own == part && glob(pattern, parts),
        _ => false,
    }
}

fn is_dns(pattern: &str, name: &str, known: &Known, wildcards: bool) -> bool {
    let Some(pattern) = fill(pattern, known) else {
        return false;
    };
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let (mut pattern, mut name): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), name.split('.').collect());
    if name[0] == "*" && !(wildcards && pattern[0].starts_with('*') && name.len() > 1) {
        return false;
    }
    if name[1..].iter().any(|label| label.contains('*')) {
        return false;
    }
    pattern.reverse();
    name.reverse();
    glob(&pattern, &name)
}

fn is_email(pattern: &str, mailbox: &str, known: &Known) -> bool {
    let (Some(pattern), Some((local, host))) = (fill(pattern, known), mailbox.split_once('@'))
    else {
        return false;
    };
    let (own, own_host) = pattern.split_once('@').unwrap();
    (own == "*" || own == local) && own_host.eq_ignore_ascii_case(host)
}

fn is_uri(pattern: &str, uri: &str, known: &Known) -> bool {
    let lower = |uri: &str| {
        let start = uri.find("://").map_or(0, |at| at + 3);
        let end = uri[start..].find('/').map_or(uri.len(), |at| start + at);
        uri[..end].to_lowercase() + &uri[end..]
    };
    let Some(pattern) = fill(pattern, known) else {
        return false;
    };
    let (pattern, uri) = (lower(&pattern), lower(uri));
    let (pattern, uri): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), uri.split('/').collect());
    !uri.concat().contains(['?', '#', '@', '%']) && glob(&pattern, &uri)
}

fn is_text(pattern: &str, value: &str, known: &Known) -> bool {
    let pattern = fill(pattern, known);
    pattern.is_some_and(|it| it == value || (it == "*" && !value.is_empty() && value != "*"))
}

/// Compares the bits of addresses one by one.
fn is_ip(range: &str, address: &str) -> bool {
    let (network, prefix) = range.split_once('/').unwrap_or((range, "128"));
    let bits = |text: &str| -> Option<String> {
        Some(match text.trim_matches(['[', ']', ' ']).parse().ok()? {
            std::net::IpAddr::V4(ip) => format!("{:032b}", ip.to_bits()),
            std::net::IpAddr::V6(ip) => format!("{:0128b}", ip.to_bits()),
        })
    };
    let (Some(network), Some(address)) = (bits(network), bits(address)) else {
        return false;
    };
    let prefix = prefix.parse::<usize>().unwrap().min(network.len());
    network.len() == address.len() && network[..prefix] == address[..prefix]
}
