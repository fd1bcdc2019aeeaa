//! What is wrong with the list of modules, found when the operator starts.

use std::collections::BTreeSet;

use super::{ModuleConfig, ModulesConfig, PinSource, TokenConfig};

/// CK_TOKEN_INFO has 32 bytes for a label.
const MAX_LABEL_LEN: usize = 32;

/// CK_TOKEN_INFO has 16 bytes for a serial number.
const MAX_SERIAL_LEN: usize = 16;

/// What is wrong with the list of modules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModulesError {
    /// A name that issuers cannot write.
    #[error(
        "{0:?} is not a valid name of a PKCS#11 module or token; use lowercase letters, digits and \
         hyphens, at most 63 characters"
    )]
    Name(String),
    /// A namespace that cannot exist.
    #[error(
        "the token {token} of the PKCS#11 module {module} lists the namespace {namespace:?}, which \
         is not a valid name; list each namespace by its name"
    )]
    Namespace {
        /// The module's name.
        module: String,
        /// The token's name.
        token: String,
        /// What is listed.
        namespace: String,
    },
    /// Two modules of one name.
    #[error("two PKCS#11 modules have the name {0}; give each its own")]
    DuplicateModule(String),
    /// A path that depends on where the operator was started, or that the loader searches for.
    #[error("the path of the PKCS#11 module {0} is not absolute; write it from the root on")]
    Path(String),
    /// No issuer could use the module.
    #[error("the PKCS#11 module {0} lists no tokens; list at least one under tokens")]
    NoTokens(String),
    /// No key could have a session.
    #[error("the PKCS#11 module {0} allows no sessions; set maxSessionsPerKey to at least 1")]
    NoSessions(String),
    /// Not every token could have a session.
    #[error(
        "the PKCS#11 module {module} allows {max_sessions} sessions for {tokens} tokens; set \
         maxSessions to at least the number of its tokens"
    )]
    FewSessions {
        /// The module's name.
        module: String,
        /// What it allows.
        max_sessions: u16,
        /// How many tokens it has.
        tokens: usize,
    },
    /// Something about one token.
    #[error("the token {token} of the PKCS#11 module {module} {fault}")]
    Token {
        /// The module's name.
        module: String,
        /// The token's name.
        token: String,
        /// What is wrong with it.
        fault: TokenFault,
    },
}

/// What is wrong with a token in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Another token of the module has its name.
    #[error("is listed twice; give each token its own name")]
    DuplicateName,
    /// Nothing says which token it is.
    #[error("has neither label nor serial; set one of them")]
    Unidentified,
    /// A label that no token can have.
    #[error("has a label that is empty or longer than 32 bytes; write the token's own label")]
    Label,
    /// A serial number that no token can have.
    #[error(
        "has a serial number that is empty or longer than 16 bytes; write the token's own serial \
         number"
    )]
    Serial,
    /// Another entry may be the same token.
    #[error(
        "may be the same as another token in the list; list each token once, and tokens of one \
         label by their serial numbers"
    )]
    Ambiguous,
    /// A source that cannot have a PIN.
    #[error(
        "has a pin that names no source; set secret.name, the absolute path of a file, or the name \
         of an environment variable"
    )]
    PinSource,
}

pub(super) fn check(config: &ModulesConfig) -> Result<(), ModulesError> {
    let mut names = BTreeSet::new();
    for module in &config.modules {
        check_name(&module.name)?;
        if !names.insert(&module.name) {
            return Err(ModulesError::DuplicateModule(module.name.clone()));
        }
        if !module.path.is_absolute() {
            return Err(ModulesError::Path(module.name.clone()));
        }
        if module.tokens.is_empty() {
            return Err(ModulesError::NoTokens(module.name.clone()));
        }
        check_sessions(module)?;
        for (place, token) in module.tokens.iter().enumerate() {
            check_token(module, token, &module.tokens[..place])?;
        }
    }
    Ok(())
}

fn check_sessions(module: &ModuleConfig) -> Result<(), ModulesError> {
    if module.max_sessions_per_key == 0 {
        return Err(ModulesError::NoSessions(module.name.clone()));
    }
    if usize::from(module.max_sessions) < module.tokens.len() {
        return Err(ModulesError::FewSessions {
            module: module.name.clone(),
            max_sessions: module.max_sessions,
            tokens: module.tokens.len(),
        });
    }
    Ok(())
}

fn check_token(
    module: &ModuleConfig,
    token: &TokenConfig,
    before: &[TokenConfig],
) -> Result<(), ModulesError> {
    check_name(&token.name)?;
    if let Some(namespace) = token.namespaces.iter().find(|it| !is_dns_label(it)) {
        return Err(ModulesError::Namespace {
            module: module.name.clone(),
            token: token.name.clone(),
            namespace: namespace.clone(),
        });
    }
    match fault(token, before) {
        None => Ok(()),
        Some(fault) => Err(ModulesError::Token {
            module: module.name.clone(),
            token: token.name.clone(),
            fault,
        }),
    }
}

fn fault(token: &TokenConfig, before: &[TokenConfig]) -> Option<TokenFault> {
    let fits = |text: &Option<String>, max: usize| {
        text.as_ref()
            .is_none_or(|text| !text.is_empty() && text.len() <= max)
    };
    if before.iter().any(|other| other.name == token.name) {
        Some(TokenFault::DuplicateName)
    } else if token.label.is_none() && token.serial.is_none() {
        Some(TokenFault::Unidentified)
    } else if !fits(&token.label, MAX_LABEL_LEN) {
        Some(TokenFault::Label)
    } else if !fits(&token.serial, MAX_SERIAL_LEN) {
        Some(TokenFault::Serial)
    } else if before.iter().any(|other| may_be_same(token, other)) {
        Some(TokenFault::Ambiguous)
    } else if !names_a_source(&token.pin) {
        Some(TokenFault::PinSource)
    } else {
        None
    }
}

/// Whether one token can have the label and serial number of both. Two of which one has a label
/// and the other a serial number are found out when they are connected to.
fn may_be_same(one: &TokenConfig, other: &TokenConfig) -> bool {
    match ((&one.serial, &other.serial), (&one.label, &other.label)) {
        ((Some(one), Some(other)), _) => one == other,
        (_, (Some(one), Some(other))) => one == other,
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

fn check_name(name: &str) -> Result<(), ModulesError> {
    match is_dns_label(name) {
        true => Ok(()),
        false => Err(ModulesError::Name(name.to_owned())),
    }
}

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

    /// A token that is fine, with more or other fields.
    fn token(more: Value) -> Value {
        let mut token = json!({ "name": "t", "label": "l", "pin": { "env": "PIN" } });
        let Value::Object(more) = more else {
            panic!("no object")
        };
        token.as_object_mut().unwrap().extend(more);
        token
    }

    fn fault_of(tokens: Value) -> TokenFault {
        match checked(json!([module("m", "/m.so", tokens)])) {
            Err(ModulesError::Token { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rejects_names_that_issuers_cannot_write() {
        for name in ["", "A", "-a", "a-", "a.b", &"a".repeat(64)] {
            let expected = Err(ModulesError::Name(name.to_owned()));
            let tokens = json!([token(json!({}))]);
            assert_eq!(checked(json!([module(name, "/a.so", tokens)])), expected);
            let tokens = json!([token(json!({ "name": name }))]);
            assert_eq!(checked(json!([module("m", "/a.so", tokens)])), expected);
        }
    }

    #[test]
    fn rejects_modules_that_cannot_be_told_apart_or_used() {
        let tokens = json!([token(json!({}))]);
        let twice = [
            module("a", "/a.so", tokens.clone()),
            module("a", "/b.so", tokens.clone()),
        ];
        let duplicate = Err(ModulesError::DuplicateModule("a".to_owned()));
        assert_eq!(checked(json!(twice)), duplicate);
        let relative = checked(json!([module("a", "a.so", tokens)]));
        assert_eq!(relative, Err(ModulesError::Path("a".to_owned())));
        let empty = checked(json!([module("a", "/a.so", json!([]))]));
        assert_eq!(empty, Err(ModulesError::NoTokens("a".to_owned())));
    }

    #[test]
    fn rejects_limits_that_leave_a_token_without_a_session() {
        let tokens = json!([
            token(json!({})),
            token(json!({ "name": "u", "label": "u" })),
        ]);
        let mut one = module("m", "/m.so", tokens);
        one["maxSessions"] = json!(1);
        let few = ModulesError::FewSessions {
            module: "m".to_owned(),
            max_sessions: 1,
            tokens: 2,
        };
        assert_eq!(checked(json!([one])), Err(few));
        one["maxSessions"] = json!(2);
        assert_eq!(checked(json!([one])), Ok(()));
        one["maxSessionsPerKey"] = json!(0);
        let none = ModulesError::NoSessions("m".to_owned());
        assert_eq!(checked(json!([one])), Err(none));
    }

    #[test]
    fn rejects_a_wildcard_for_namespaces() {
        let tokens = json!([token(json!({ "namespaces": ["team", "*"] }))]);
        let error = checked(json!([module("m", "/m.so", tokens)])).unwrap_err();
        assert!(matches!(error, ModulesError::Namespace { namespace, .. } if namespace == "*"));
    }

    #[test]
    fn rejects_tokens_that_cannot_be_identified() {
        let one = |more| fault_of(json!([token(more)]));
        assert_eq!(one(json!({ "label": null })), TokenFault::Unidentified);
        assert_eq!(one(json!({ "label": "" })), TokenFault::Label);
        assert_eq!(one(json!({ "label": "l".repeat(33) })), TokenFault::Label);
        assert_eq!(one(json!({ "serial": "1".repeat(17) })), TokenFault::Serial);
        let two = |one, other| fault_of(json!([token(one), token(other)]));
        let duplicate = two(json!({}), json!({ "label": "m" }));
        assert_eq!(duplicate, TokenFault::DuplicateName);
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
            assert_eq!(two(one, other), TokenFault::Ambiguous);
        }
    }

    #[test]
    fn takes_tokens_of_one_label_with_their_serial_numbers() {
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
            assert_eq!(fault, TokenFault::PinSource, "{pin}");
        }
    }

    #[test]
    fn rejects_what_it_does_not_know() {
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
