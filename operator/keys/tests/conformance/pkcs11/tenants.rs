//! What an issuer may name: modules and tokens of the operator's list, and keys by one name.

use std::fs;
use std::sync::Arc;

use serde_json::json;
use signet_core::issue::assemble_root;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{ErrorClass, Reach};

use super::token::{PIN, SESSIONS, SO_PIN, Token, config, connected, expect, refusal, sign};
use crate::memory::Memory;
use crate::root::to_be_signed;

own!["pkcs11":
    a_tenant_cannot_tell_a_module_it_may_not_use_from_one_that_is_not_there,
    a_tenant_uses_a_module_that_lists_its_namespace,
    a_token_that_is_not_listed_is_not_there,
    a_tenant_that_guesses_a_pin_is_soon_told_nothing,
    a_key_is_found_by_label_by_id_and_by_both,
    a_key_that_wants_the_pin_each_time_is_not_used,
    two_tokens_of_one_label_are_told_apart_by_their_serial_numbers,
    a_module_that_cannot_be_loaded_is_named_without_its_path,
    the_public_half_may_stand_in_the_private_key_or_in_a_certificate,
];

fn of_tenant(reach: Reach) -> Reach {
    Reach {
        tenant: Some("team".to_owned()),
        ..reach
    }
}

async fn a_tenant_cannot_tell_a_module_it_may_not_use_from_one_that_is_not_there() {
    let (token, subject) = Token::with_key();
    for more in [
        json!({}),
        json!({ "namespaces": [] }),
        json!({ "namespaces": ["tea"] }),
    ] {
        let reach = of_tenant(token.reach_with(more, SESSIONS));
        let listed = refusal(&subject.config, &reach).await;
        expect(
            &listed,
            ErrorClass::KeyUnusable,
            "there is no PKCS#11 module hsm",
        );
        let unknown = config(json!({ "keyLabel": "key", "module": "nix" }));
        let unknown = refusal(&unknown, &reach).await;
        assert_eq!(unknown.class, listed.class);
        assert_eq!(
            unknown.message,
            listed.message.replace("module hsm", "module nix")
        );
    }
    assert_eq!(
        token.memory.asked(),
        [""; 0],
        "the PIN is not read for that"
    );
    assert_eq!(token.hsm.calls("C_Initialize").len(), 0);
}

async fn a_tenant_uses_a_module_that_lists_its_namespace() {
    let (token, subject) = Token::with_key();
    let listed = json!({ "namespaces": ["other", "team"] });
    let reach = of_tenant(token.reach_with(listed, SESSIONS));
    sign(&*connected(&subject.config, &reach).await)
        .await
        .unwrap();
}

async fn a_token_that_is_not_listed_is_not_there() {
    let (token, subject) = Token::with_key();
    token.hsm.init_token("other", SO_PIN, PIN).unwrap();
    let serial = token.hsm.serial("ca").unwrap();
    let by_serial = config(json!({ "keyLabel": "key", "tokenSerial": serial }));
    for (tokens, may) in [
        (json!(["ca"]), true),
        (json!(["other", serial]), true),
        (json!(["other"]), false),
        (json!([]), false),
    ] {
        let reach = token.reach_with(json!({ "tokens": tokens }), SESSIONS);
        for config in [&subject.config, &by_serial] {
            if may {
                sign(&*connected(config, &reach).await).await.unwrap();
            } else {
                let error = refusal(config, &reach).await;
                expect(
                    &error,
                    ErrorClass::KeyNotFound,
                    "the PKCS#11 module hsm has no token",
                );
            }
        }
    }
    let absent = config(json!({ "keyLabel": "key", "tokenLabel": "nix" }));
    let reach = token.reach_with(json!({ "tokens": ["other"] }), SESSIONS);
    let (absent, unlisted) = (
        refusal(&absent, &reach).await,
        refusal(&subject.config, &reach).await,
    );
    assert_eq!(
        absent.message,
        unlisted.message.replace("\"ca\"", "\"nix\"")
    );
}

/// While the token is logged in, a guess costs it no try. So it costs the tenant time.
async fn a_tenant_that_guesses_a_pin_is_soon_told_nothing() {
    let (token, subject) = Token::with_key();
    let _administrator = connected(&subject.config, &subject.reach).await;
    let listed = json!({ "namespaces": ["team", "other"] });
    let own = Arc::<Memory>::default();
    let reach = Reach {
        namespace: own.clone(),
        ..of_tenant(token.reach_with(listed, SESSIONS))
    };
    for (guess, told) in [
        ("guess-1", "the PIN differs from the one"),
        ("guess-2", "the PIN differs from the one"),
        ("guess-3", "the PIN differs from the one"),
        ("guess-3", "the PIN differs from the one"),
        ("guess-4", "several PINs of this namespace were not that of"),
        (PIN, "several PINs of this namespace were not that of"),
    ] {
        own.put("pin", &[("pin", guess.as_bytes())]);
        let error = refusal(&subject.config, &reach).await;
        expect(&error, ErrorClass::CredentialsRefused, told);
        assert!(!error.message.contains(guess), "{error}");
    }
    let other = Reach {
        tenant: Some("other".to_owned()),
        ..reach
    };
    sign(&*connected(&subject.config, &other).await)
        .await
        .unwrap();
    assert_eq!(token.hsm.logins(), 1, "the token was never asked");
}

async fn a_key_is_found_by_label_by_id_and_by_both() {
    let (token, subject) = Token::with_key();
    token.make(KeyAlgorithm::EcP256, "key");
    token.make(KeyAlgorithm::EcP256, "another");
    let error = refusal(&subject.config, &subject.reach).await;
    let sentence = "the private key labelled \"key\" is there more than once; name it by keyId";
    expect(&error, ErrorClass::KeyUnusable, sentence);
    for named in [
        json!({ "keyLabel": "key", "keyId": "00" }),
        json!({ "keyId": "00" }),
    ] {
        let signer = connected(&config(named), &subject.reach).await;
        assert_eq!(signer.public_key().spki_der(), subject.spki_der);
        sign(&*signer).await.unwrap();
    }
    for (named, sentence) in [
        (
            json!({ "keyLabel": "key", "keyId": "0A" }),
            "no private key labelled \"key\" with the id 0a that",
        ),
        (
            json!({ "keyId": "ff" }),
            "no private key with the id ff that",
        ),
        (
            json!({ "keyLabel": "ke" }),
            "no private key labelled \"ke\" that",
        ),
    ] {
        let error = refusal(&config(named), &subject.reach).await;
        expect(&error, ErrorClass::KeyNotFound, sentence);
    }
}

async fn a_key_that_wants_the_pin_each_time_is_not_used() {
    let (token, subject) = Token::with_key();
    let key = [
        "--keypairgen",
        "--key-type",
        "EC:prime256v1",
        "--always-auth",
    ];
    let names = ["--label", "wary", "--id", "ff"];
    let arguments = [&key[..], &names].concat();
    token.hsm.pkcs11_tool("ca", PIN, &arguments).unwrap();
    let wary = config(json!({ "keyLabel": "wary" }));
    let error = refusal(&wary, &subject.reach).await;
    expect(&error, ErrorClass::KeyUnusable, "CKA_ALWAYS_AUTHENTICATE");
}

async fn two_tokens_of_one_label_are_told_apart_by_their_serial_numbers() {
    let (token, subject) = Token::with_key();
    let serial = token.hsm.serial("ca").unwrap();
    token.hsm.init_token("ca", SO_PIN, PIN).unwrap();
    let error = refusal(&subject.config, &subject.reach).await;
    let sentence = "has more than one token labelled \"ca\"; name it by tokenSerial";
    expect(&error, ErrorClass::KeyUnusable, sentence);
    let by_serial = config(json!({ "keyLabel": "key", "tokenSerial": serial }));
    sign(&*connected(&by_serial, &subject.reach).await)
        .await
        .unwrap();
}

async fn a_module_that_cannot_be_loaded_is_named_without_its_path() {
    let (token, subject) = Token::with_key();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.so");
    let reach = token.reach_with(json!({ "path": path }), SESSIONS);
    let fails = async || {
        let error = refusal(&subject.config, &reach).await;
        let sentence = "the PKCS#11 module hsm cannot be loaded";
        expect(&error, ErrorClass::KeyUnusable, sentence);
        assert!(!error.message.contains("late.so"), "{error}");
    };
    fails().await;
    fs::write(&path, "no library").unwrap();
    fails().await;
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(token.hsm.module(), &path).unwrap();
    let late = connected(&subject.config, &reach).await;
    sign(&*late).await.unwrap();
    // Two names of one file are one module, with one login.
    sign(&*connected(&subject.config, &subject.reach).await)
        .await
        .unwrap();
    assert_eq!(token.hsm.calls("C_Initialize").len(), 1);
    assert_eq!(token.hsm.logins(), 1);
}

async fn the_public_half_may_stand_in_the_private_key_or_in_a_certificate() {
    let token = Token::new();
    let delete = |label| {
        let object = ["--delete-object", "--type", "pubkey", "--label", label];
        token.hsm.pkcs11_tool("ca", PIN, &object).unwrap();
    };
    let rsa = token.subject(KeyAlgorithm::Rsa { bits: 2048 }, "rsa");
    delete("rsa");
    let signer = connected(&rsa.config, &rsa.reach).await;
    assert_eq!(signer.public_key().spki_der(), rsa.spki_der);
    sign(&*signer).await.unwrap();

    let ec = token.subject(KeyAlgorithm::EcP384, "ec");
    let signer = connected(&ec.config, &ec.reach).await;
    let tbs = to_be_signed(&*signer, "a");
    let root = assemble_root(&tbs, &signer.sign(&tbs).await.unwrap()).unwrap();
    delete("ec");
    let error = refusal(&ec.config, &ec.reach).await;
    let sentence = "the private key labelled \"ec\" has no public half that Signet can read";
    expect(&error, ErrorClass::KeyUnusable, sentence);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.der");
    fs::write(&file, root.der()).unwrap();
    let file = file.to_str().unwrap();
    let object = [
        "--write-object",
        file,
        "--type",
        "cert",
        "--id",
        "01",
        "--label",
        "root",
    ];
    token.hsm.pkcs11_tool("ca", PIN, &object).unwrap();
    let signer = connected(&ec.config, &ec.reach).await;
    assert_eq!(signer.public_key().spki_der(), ec.spki_der);
    sign(&*signer).await.unwrap();
}
