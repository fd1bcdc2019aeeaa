//! What an issuer may name: tokens of the operator's list, and keys in them.

use std::fs;

use serde_json::json;
use signet_core::issue::assemble_root;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::Pkcs11Fault;
use signet_testbed::wait::MAX_TEST;

use super::token::{
    PIN, SO_PIN, Token, config, connected, expect, listed, of_tenant, program, refusal, sign,
};
use crate::root::to_be_signed;

own!["pkcs11":
    an_unlisted_token_looks_to_a_tenant_like_one_that_does_not_exist,
    a_tenant_uses_a_token_that_lists_its_namespace,
    a_token_that_is_not_listed_cannot_be_used,
    a_key_is_found_by_label_by_id_and_by_both,
    rejects_a_key_that_requires_the_pin_for_each_signature,
    a_serial_number_selects_one_of_two_tokens_with_the_same_label,
    a_token_that_is_listed_twice_is_used_by_its_first_entry,
    a_module_that_cannot_be_loaded_is_reported_without_its_path,
    two_names_of_one_file_are_not_two_modules,
    a_namespace_has_at_most_its_maximum_of_sessions,
    reads_the_public_key_from_the_private_key_or_from_a_certificate,
];

/// The token that is not listed exists, and so does its key. Nothing is read or called, so that
/// not even the time it takes shows which it is.
async fn an_unlisted_token_looks_to_a_tenant_like_one_that_does_not_exist() {
    let (token, _) = Token::with_key();
    let of_others = ["tea", "teams", "other"];
    for namespaces in [json!([]), json!(of_others)] {
        let access = of_tenant(token.access_with(json!({ "namespaces": namespaces })));
        for (module, name) in [("hsm", "ca"), ("hsm", "none"), ("none", "ca")] {
            let named = json!({ "module": module, "token": name, "keyLabel": "key" });
            let named = config(named);
            let error = refusal(&named, &access).await;
            let fault = Pkcs11Fault::NotListed("the namespace team".to_owned());
            expect(&error, &named, fault);
        }
    }
    assert_eq!(
        token.memory.asked(),
        [""; 0],
        "the PIN is not read for that"
    );
    assert_eq!(token.hsm.calls("C_Initialize").len(), 0);
}

async fn a_tenant_uses_a_token_that_lists_its_namespace() {
    let (token, subject) = Token::with_key();
    let access = of_tenant(token.access_with(json!({ "namespaces": ["other", "team"] })));
    sign(&*connected(&subject.config, &access).await)
        .await
        .unwrap();
}

/// Not by a ClusterIssuer either.
async fn a_token_that_is_not_listed_cannot_be_used() {
    let (token, subject) = Token::with_key();
    token.hsm.init_token("other", SO_PIN, PIN).unwrap();
    let other = listed(json!({ "name": "other", "label": "other" }));
    let access = token.listing(json!([other]), json!({}));
    let error = refusal(&subject.config, &access).await;
    let fault = Pkcs11Fault::NotListed("ClusterIssuers".to_owned());
    expect(&error, &subject.config, fault);
}

async fn a_key_is_found_by_label_by_id_and_by_both() {
    let (token, subject) = Token::with_key();
    token.make(KeyAlgorithm::EcP256, "key");
    token.make(KeyAlgorithm::EcP256, "another");
    let error = refusal(&subject.config, &subject.access).await;
    expect(&error, &subject.config, Pkcs11Fault::SeveralKeys);
    for named in [
        json!({ "keyLabel": "key", "keyId": "00" }),
        json!({ "keyId": "00" }),
    ] {
        let signer = connected(&config(named), &subject.access).await;
        assert_eq!(signer.public_key().spki_der(), subject.spki_der);
        sign(&*signer).await.unwrap();
    }
    for named in [
        json!({ "keyLabel": "key", "keyId": "0A" }),
        json!({ "keyId": "ff" }),
        json!({ "keyLabel": "ke" }),
    ] {
        let named = config(named);
        let error = refusal(&named, &subject.access).await;
        expect(&error, &named, Pkcs11Fault::KeyNotFound);
    }
    let both = config(json!({ "keyLabel": "key", "keyId": "0A" }));
    let error = refusal(&both, &subject.access).await;
    let names = "the private key with the label \"key\" and the id 0a is not in the token";
    assert!(error.message.starts_with(names), "{error}");
    for named in [
        json!({}),
        json!({ "keyId": "" }),
        json!({ "keyId": "0" }),
        json!({ "keyLabel": "key", "keyId": "0x" }),
    ] {
        let named = config(named);
        let error = refusal(&named, &subject.access).await;
        expect(&error, &named, Pkcs11Fault::InvalidKeyName);
    }
}

async fn rejects_a_key_that_requires_the_pin_for_each_signature() {
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
    let error = refusal(&wary, &subject.access).await;
    expect(&error, &wary, Pkcs11Fault::KeyRequiresPin);
}

async fn a_serial_number_selects_one_of_two_tokens_with_the_same_label() {
    let (token, subject) = Token::with_key();
    let serial = token.hsm.serial("ca").unwrap();
    token.hsm.init_token("ca", SO_PIN, PIN).unwrap();
    let error = refusal(&subject.config, &subject.access).await;
    expect(&error, &subject.config, Pkcs11Fault::SeveralTokens);
    for entry in [
        json!({ "serial": serial }),
        json!({ "label": null, "serial": serial }),
    ] {
        let access = token.access_with(entry);
        sign(&*connected(&subject.config, &access).await)
            .await
            .unwrap();
    }
    let absent = token.access_with(json!({ "serial": "0" }));
    let error = refusal(&subject.config, &absent).await;
    expect(&error, &subject.config, Pkcs11Fault::TokenNotFound);
}

/// Two entries may have two PINs, of which one would be tried for nothing.
async fn a_token_that_is_listed_twice_is_used_by_its_first_entry() {
    let (token, subject) = Token::with_key();
    let serial = token.hsm.serial("ca").unwrap();
    token.memory.put("second", &[("pin", b"wrong-pin")]);
    let second = json!({
        "name": "second", "serial": serial, "pin": { "secret": { "name": "second" } },
    });
    let access = token.listing(json!([listed(json!({})), second]), json!({}));
    let signer = connected(&subject.config, &access).await;
    let by_second = config(json!({ "token": "second", "keyLabel": "key" }));
    let error = refusal(&by_second, &access).await;
    expect(&error, &by_second, Pkcs11Fault::ListedTwice);
    assert_eq!(token.hsm.logins(), 1);
    sign(&*signer).await.unwrap();
}

async fn a_module_that_cannot_be_loaded_is_reported_without_its_path() {
    let (token, subject) = Token::with_key();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.so");
    let access = token.listing(json!([listed(json!({}))]), json!({ "path": path }));
    let fails = async || {
        let error = refusal(&subject.config, &access).await;
        expect(&error, &subject.config, Pkcs11Fault::NotLoaded);
        assert!(!error.message.contains("late.so"), "{error}");
    };
    fails().await;
    fs::write(&path, "no library").unwrap();
    fails().await;
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(token.hsm.module(), &path).unwrap();
    let late = connected(&subject.config, &access).await;
    sign(&*late).await.unwrap();
}

/// Two processes would not know of each other's sessions and logins.
async fn two_names_of_one_file_are_not_two_modules() {
    let (token, subject) = Token::with_key();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(token.hsm.module(), &link).unwrap();
    let module = |name, path| json!({ "name": name, "path": path, "tokens": [listed(json!({}))] });
    let modules = json!([module("hsm", token.hsm.module()), module("link", link)]);
    let access = token.running(modules, program(MAX_TEST));
    let linked = config(json!({ "module": "link", "keyLabel": "key" }));
    let error = refusal(&linked, &access).await;
    expect(&error, &linked, Pkcs11Fault::SameFile);
    sign(&*connected(&subject.config, &access).await)
        .await
        .unwrap();
    assert_eq!(token.hsm.calls("C_Initialize").len(), 1);
    assert_eq!(token.hsm.logins(), 1);
}

/// The sessions of the others are there for the keys of others.
async fn a_namespace_has_at_most_its_maximum_of_sessions() {
    let (token, subject) = Token::with_key();
    let keys = ["second", "third"].map(|label| token.subject(KeyAlgorithm::EcP256, label).config);
    let limits = json!({ "maxSessions": 3, "maxSessionsPerNamespace": 1 });
    let team = listed(json!({ "namespaces": ["team"] }));
    let access = token.listing(json!([team]), limits);
    let of_team = of_tenant(access.clone());
    let first = connected(&subject.config, &of_team).await;
    sign(&*first).await.unwrap();
    // It is found in the session that there is.
    let second = connected(&keys[0], &of_team).await;
    for _ in 0..2 {
        let error = sign(&*second).await.unwrap_err();
        expect(&error, &keys[0], Pkcs11Fault::NoSessionForNamespace(1));
    }
    let cluster = connected(&keys[1], &access).await;
    sign(&*cluster).await.unwrap();
    sign(&*first).await.unwrap();
}

async fn reads_the_public_key_from_the_private_key_or_from_a_certificate() {
    let token = Token::new();
    let delete = |label| {
        let object = ["--delete-object", "--type", "pubkey", "--label", label];
        token.hsm.pkcs11_tool("ca", PIN, &object).unwrap();
    };
    let rsa = token.subject(KeyAlgorithm::Rsa { bits: 2048 }, "rsa");
    delete("rsa");
    let signer = connected(&rsa.config, &rsa.access).await;
    assert_eq!(signer.public_key().spki_der(), rsa.spki_der);
    sign(&*signer).await.unwrap();

    let ec = token.subject(KeyAlgorithm::EcP384, "ec");
    let signer = connected(&ec.config, &ec.access).await;
    let tbs = to_be_signed(&*signer, "a");
    let root = assemble_root(&tbs, &signer.sign(&tbs).await.unwrap()).unwrap();
    delete("ec");
    let error = refusal(&ec.config, &ec.access).await;
    expect(&error, &ec.config, Pkcs11Fault::NoPublicKey);

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
    let signer = connected(&ec.config, &ec.access).await;
    assert_eq!(signer.public_key().spki_der(), ec.spki_der);
    sign(&*signer).await.unwrap();
}
