//! What is wrong with the list of modules, found when the operator starts.

use super::{ModuleConfig, ModulesConfig, PinSource, TokenConfig};

/// CK_TOKEN_INFO has 32 bytes for a label.
const MAX_LABEL_LEN: usize = 32;

/// CK_TOKEN_INFO has 16 bytes for a serial number.
const MAX_SERIAL_LEN: usize = 16;

/// What is wrong with which entry of the list of modules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} {fault}")]
pub struct ModulesError {
    /// The module or token.
    subject: String,
    /// What is wrong with it.
    pub fault: ModulesFault,
}

/// What is wrong with a module or a token in the list.
#[allow(missing_docs, reason = "the messages say what the variants are")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModulesFault {
    #[error(
        "has a name that is not valid; use lowercase letters, digits and hyphens, at most 63 \
         characters"
    )]
    Name,
    #[error("is listed twice; give each entry its own name")]
    DuplicateName,
    #[error("has a path that is not absolute; write it from the root on")]
    Path,
    #[error("lists no tokens; list at least one under tokens")]
    NoTokens,
    #[error("allows no sessions; set maxSessionsPerKey to at least 1")]
    NoSessions,
    #[error("allows no sessions to a namespace; set maxSessionsPerNamespace to at least 1")]
    NoNamespaceSessions,
    #[error("has the path of another module; list each file once, with all of its tokens")]
    DuplicatePath,
    #[error("allows fewer sessions than it has tokens; set maxSessions to at least {0}")]
    FewSessions(usize),
    #[error(
        "lists the namespace {0:?}, which is not a valid name; list each namespace by its name"
    )]
    Namespace(String),
    #[error("has neither label nor serial; set one of them")]
    Unidentified,
    #[error("has a label that is empty or longer than 32 bytes; write the token's own label")]
    Label,
    #[error(
        "has a serial number that is empty or longer than 16 bytes; write the token's own serial \
         number"
    )]
    Serial,
    #[error(
        "may be the same as another token in the list; list each token once, and tokens of one \
         label by their serial numbers"
    )]
    Ambiguous,
    #[error(
        "has a pin that names no source; set secret.name, the absolute path of a file, or the name \
         of an environment variable"
    )]
    PinSource,
}

pub(super) fn check(config: &ModulesConfig) -> Result<(), ModulesError> {
    for (index, module) in config.modules.iter().enumerate() {
        let subject = format!("the PKCS#11 module {:?}", module.name);
        check_module(module, &config.modules[..index]).map_err(|fault| ModulesError {
            subject: subject.clone(),
            fault,
        })?;
        for (index, token) in module.tokens.iter().enumerate() {
            check_token(token, &module.tokens[..index]).map_err(|fault| ModulesError {
                subject: format!("the token {:?} of {subject}", token.name),
                fault,
            })?;
        }
    }
    Ok(())
}

fn require(holds: bool, fault: ModulesFault) -> Result<(), ModulesFault> {
    holds.then_some(()).ok_or(fault)
}

fn check_module(module: &ModuleConfig, before: &[ModuleConfig]) -> Result<(), ModulesFault> {
    let is_new = before.iter().all(|other| other.name != module.name);
    let is_another = before.iter().all(|other| other.path != module.path);
    let tokens = module.tokens.len();
    let has_room = usize::from(module.max_sessions) >= tokens;
    require(is_dns_label(&module.name), ModulesFault::Name)?;
    require(is_new, ModulesFault::DuplicateName)?;
    require(module.path.is_absolute(), ModulesFault::Path)?;
    require(tokens > 0, ModulesFault::NoTokens)?;
    require(is_another, ModulesFault::DuplicatePath)?;
    require(module.max_sessions_per_key > 0, ModulesFault::NoSessions)?;
    require(
        module.sessions_per_namespace() > 0,
        ModulesFault::NoNamespaceSessions,
    )?;
    require(has_room, ModulesFault::FewSessions(tokens))
}

fn check_token(token: &TokenConfig, before: &[TokenConfig]) -> Result<(), ModulesFault> {
    let TokenConfig { label, serial, .. } = token;
    let fits = |text: &Option<String>, max| {
        let length = text.as_ref().map(String::len);
        length.is_none_or(|length| (1..=max).contains(&length))
    };
    let is_new = before.iter().all(|other| other.name != token.name);
    let is_another = !before.iter().any(|other| may_be_same(token, other));
    require(is_dns_label(&token.name), ModulesFault::Name)?;
    if let Some(wrong) = token.namespaces.iter().find(|it| !is_dns_label(it)) {
        return Err(ModulesFault::Namespace(wrong.clone()));
    }
    require(is_new, ModulesFault::DuplicateName)?;
    require(
        label.is_some() || serial.is_some(),
        ModulesFault::Unidentified,
    )?;
    require(fits(label, MAX_LABEL_LEN), ModulesFault::Label)?;
    require(fits(serial, MAX_SERIAL_LEN), ModulesFault::Serial)?;
    require(is_another, ModulesFault::Ambiguous)?;
    require(names_a_source(&token.pin), ModulesFault::PinSource)
}

/// Whether one token can have the label and serial number of both. If one entry has a label and
/// the other a serial number, it shows when they are connected to.
fn may_be_same(one: &TokenConfig, other: &TokenConfig) -> bool {
    match ((&one.serial, &other.serial), (&one.label, &other.label)) {
        ((Some(one), Some(other)), _) | (_, (Some(one), Some(other))) => one == other,
        _ => false,
    }
}

fn names_a_source(pin: &PinSource) -> bool {
    match pin {
        PinSource::Secret(secret) => !secret.name.is_empty() && !secret.key.is_empty(),
        PinSource::File(path) => path.is_absolute(),
        PinSource::Env(name) => !name.is_empty() && !name.contains(['=', '\0']),
    }
}

/// RFC 1123, as Kubernetes has it for names of namespaces.
fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(modules: Value) -> Result<(), ModulesError> {
        check(&serde_json::from_value(json!({ "modules": modules })).unwrap())
    }

    fn module(name: &str, path: &str, tokens: Value) -> Value {
        json!({ "name": name, "path": path, "tokens": tokens })
    }

    /// A valid token, with more or other fields.
    fn token(more: Value) -> Value {
        let mut token = json!({ "name": "t", "label": "l", "pin": { "env": "PIN" } });
        let Value::Object(more) = more else {
            panic!("no object")
        };
        token.as_object_mut().unwrap().extend(more);
        token
    }

    fn fault(modules: Value) -> ModulesFault {
        checked(modules).unwrap_err().fault
    }

    fn fault_of(tokens: Value) -> ModulesFault {
        fault(json!([module("m", "/m.so", tokens)]))
    }

    #[test]
    fn rejects_names_that_issuers_cannot_write() {
        for name in ["", "A", "-a", "a-", "a.b", &"a".repeat(64)] {
            let tokens = json!([token(json!({}))]);
            let modules = json!([module(name, "/a.so", tokens)]);
            assert_eq!(fault(modules), ModulesFault::Name);
            let tokens = json!([token(json!({ "name": name }))]);
            assert_eq!(fault_of(tokens), ModulesFault::Name);
        }
    }

    #[test]
    fn rejects_modules_that_cannot_be_used() {
        let tokens = json!([token(json!({}))]);
        let twice = json!([
            module("a", "/a.so", tokens.clone()),
            module("a", "/b.so", tokens.clone()),
        ]);
        assert_eq!(fault(twice), ModulesFault::DuplicateName);
        let same = json!([
            module("a", "/a.so", tokens.clone()),
            module("b", "/a.so", tokens.clone()),
        ]);
        assert_eq!(fault(same), ModulesFault::DuplicatePath);
        let relative = fault(json!([module("a", "a.so", tokens)]));
        assert_eq!(relative, ModulesFault::Path);
        assert_eq!(fault_of(json!([])), ModulesFault::NoTokens);
    }

    #[test]
    fn errors_name_the_module_and_the_token() {
        let tokens = json!([token(json!({ "label": null }))]);
        let error = checked(json!([module("m", "/m.so", tokens)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token \"t\" of the PKCS#11 module \"m\" has neither label nor serial; set one of \
             them"
        );
    }

    #[test]
    fn rejects_limits_that_leave_a_token_without_a_session() {
        let tokens = json!([
            token(json!({})),
            token(json!({ "name": "u", "label": "u" })),
        ]);
        let mut one = module("m", "/m.so", tokens);
        one["maxSessions"] = json!(1);
        assert_eq!(fault(json!([one])), ModulesFault::FewSessions(2));
        one["maxSessions"] = json!(2);
        assert_eq!(checked(json!([one])), Ok(()));
        one["maxSessionsPerNamespace"] = json!(0);
        assert_eq!(fault(json!([one])), ModulesFault::NoNamespaceSessions);
        one["maxSessionsPerKey"] = json!(0);
        assert_eq!(fault(json!([one])), ModulesFault::NoSessions);
    }

    #[test]
    fn rejects_a_wildcard_for_namespaces() {
        let tokens = json!([token(json!({ "namespaces": ["team", "*"] }))]);
        assert_eq!(fault_of(tokens), ModulesFault::Namespace("*".to_owned()));
    }

    #[test]
    fn rejects_tokens_that_cannot_be_identified() {
        let one = |more| fault_of(json!([token(more)]));
        assert_eq!(one(json!({ "label": null })), ModulesFault::Unidentified);
        assert_eq!(one(json!({ "label": "" })), ModulesFault::Label);
        assert_eq!(one(json!({ "label": "l".repeat(33) })), ModulesFault::Label);
        assert_eq!(
            one(json!({ "serial": "1".repeat(17) })),
            ModulesFault::Serial
        );
        let two = |one, other| fault_of(json!([token(one), token(other)]));
        let duplicate = two(json!({}), json!({ "label": "m" }));
        assert_eq!(duplicate, ModulesFault::DuplicateName);
        for (one, other) in [
            (json!({}), json!({})),
            (json!({}), json!({ "serial": "1" })),
            (
                json!({ "serial": "1" }),
                json!({ "serial": "1", "label": "m" }),
            ),
        ] {
            let mut other = other;
            other["name"] = json!("u");
            assert_eq!(two(one, other), ModulesFault::Ambiguous);
        }
    }

    #[test]
    fn accepts_tokens_of_one_label_with_their_serial_numbers() {
        let tokens = json!([
            token(json!({ "serial": "1" })),
            token(json!({ "name": "u", "serial": "2" })),
        ]);
        assert_eq!(checked(json!([module("m", "/m.so", tokens)])), Ok(()));
    }

    #[test]
    fn rejects_a_pin_without_a_source() {
        for pin in [
            json!({ "file": "pin.txt" }),
            json!({ "env": "" }),
            json!({ "env": "A=B" }),
            json!({ "secret": { "name": "" } }),
        ] {
            let fault = fault_of(json!([token(json!({ "pin": pin }))]));
            assert_eq!(fault, ModulesFault::PinSource, "{pin}");
        }
    }

    #[test]
    fn rejects_unknown_fields() {
        for tokens in [
            json!([token(json!({ "slot": 1 }))]),
            // A PIN itself has no place in the list.
            json!([token(json!({ "pin": "1234" }))]),
            json!([token(json!({ "pin": { "value": "1234" } }))]),
            json!([token(json!({ "pin": { "env": "A", "file": "/a" } }))]),
            json!([token(
                json!({ "pin": { "secret": { "name": "a", "namespace": "b" } } })
            )]),
            json!([{ "name": "t", "label": "l" }]),
        ] {
            let list = json!({ "modules": [module("m", "/m.so", tokens)] });
            assert!(
                serde_json::from_value::<ModulesConfig>(list.clone()).is_err(),
                "{list}"
            );
        }
    }
}
