//! Versions of a key.

use serde_json::json;
use signet_keys::{Checked, ErrorClass, KeyPin};

use super::bed::{Bed, MOUNT, server};
use crate::contract::verifies_over_its_bytes_alone;
use crate::root::to_be_signed;

own!("vaultTransit::version":
    a_rotation_keeps_the_pin_and_is_reported,
    a_version_that_is_pinned_is_connected_to_again,
    the_version_of_the_spec_goes_before_the_pin,
    a_version_below_a_minimum_is_unusable,
    a_version_that_was_trimmed_is_unusable,
    a_key_that_does_not_sign_is_unusable,
    reports_a_missing_mount,
    a_namespace_holds_for_the_key_and_the_login,
);

fn notice(newest: u32, pinned: u32) -> Vec<String> {
    vec![format!(
        "Vault has version {newest} of the key; this CA keeps signing with version {pinned}"
    )]
}

async fn a_rotation_keeps_the_pin_and_is_reported() {
    let bed = Bed::new();
    let subject = bed.subject();
    let connected = subject.connected().await;
    assert_eq!(
        (connected.pin.as_deref(), connected.notices),
        (Some("1"), vec![])
    );
    bed.rotate();
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
    let checked = connected.signer.check().await.unwrap();
    assert_eq!(
        checked,
        Checked::Unchanged {
            notices: notice(2, 1)
        }
    );
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
}

async fn a_version_that_is_pinned_is_connected_to_again() {
    let bed = Bed::new();
    bed.rotate();
    let subject = bed.subject();
    let known = |pin: &str| KeyPin {
        pin: Some(pin.to_owned()),
        ..KeyPin::default()
    };
    let connected = subject.connect_knowing(&known("1")).await.unwrap();
    assert_eq!(
        (connected.pin.as_deref(), connected.notices),
        (Some("1"), notice(2, 1))
    );
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
    let newest = subject.connected().await;
    assert_eq!(newest.pin.as_deref(), Some("2"));
    assert_eq!(newest.signer.public_key().spki_der(), bed.spki_der(2));
    let error = subject.connect_knowing(&known("one")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
}

async fn the_version_of_the_spec_goes_before_the_pin() {
    let bed = Bed::new();
    bed.rotate();
    let subject = bed.subject_with(&json!({ "version": 1 }));
    let known = KeyPin {
        pin: Some("2".to_owned()),
        ..KeyPin::default()
    };
    let connected = subject.connect_knowing(&known).await.unwrap();
    assert_eq!(connected.pin.as_deref(), Some("1"));
    verifies_over_its_bytes_alone(&subject, &*connected.signer).await;
    let missing = bed.subject_with(&json!({ "version": 3 }));
    let error = missing.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
    assert_eq!(error.code, "NoVersion", "{error}");
}

async fn a_version_below_a_minimum_is_unusable() {
    for field in ["min_encryption_version", "min_decryption_version"] {
        let bed = Bed::new();
        let subject = bed.subject();
        let signer = subject.connected().await.signer;
        bed.rotate();
        bed.configure(&json!({ field: 2 }));
        let signed = signer.sign(&to_be_signed(&*signer, "a")).await;
        let checked = signer.check().await;
        for error in [signed.unwrap_err(), checked.unwrap_err()] {
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
            assert_eq!(error.code, "VersionDisabled", "{error}");
            assert!(error.message.contains(field), "{error}");
        }
        bed.configure(&json!({ field: 1 }));
        verifies_over_its_bytes_alone(&subject, &*signer).await;
    }
}

async fn a_version_that_was_trimmed_is_unusable() {
    let bed = Bed::new();
    let signer = bed.subject().connected().await.signer;
    bed.rotate();
    bed.configure(&json!({ "min_encryption_version": 2, "min_decryption_version": 2 }));
    let trim = format!("{MOUNT}/keys/{}/trim", bed.key);
    server()
        .write(&trim, &json!({ "min_available_version": 2 }))
        .unwrap();
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
    assert_eq!(error.code, "VersionDisabled", "{error}");
    assert!(error.message.contains("min_available_version"), "{error}");
}

async fn a_key_that_does_not_sign_is_unusable() {
    for (options, expected) in [
        (json!({ "type": "aes256-gcm96" }), "KeyType"),
        (json!({ "type": "ed25519", "derived": true }), "Derived"),
    ] {
        let bed = Bed::new();
        let subject = bed.subject_with(&json!({ "name": format!("{}-other", bed.key) }));
        let path = format!("{MOUNT}/keys/{}-other", bed.key);
        server().write(&path, &options).unwrap();
        let rules = format!("path \"{path}\" {{ capabilities = [\"read\"] }}");
        server().policy(&bed.policy, &rules).unwrap();
        let error = subject.connect().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable, "{error}");
        assert_eq!(error.code, expected, "{error}");
    }
}

async fn reports_a_missing_mount() {
    let bed = Bed::new();
    let rules = "path \"elsewhere/*\" { capabilities = [\"read\", \"update\"] }";
    server().policy(&bed.policy, rules).unwrap();
    let subject = bed.subject_with(&json!({ "mount": "elsewhere" }));
    let error = subject.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyNotFound, "{error}");
    assert!(error.message.contains("at elsewhere"), "{error}");
    assert!(error.message.contains("no handler for route"), "{error}");
}

async fn a_namespace_holds_for_the_key_and_the_login() {
    let bed = Bed::new();
    let nowhere = bed.subject_with(&json!({ "namespace": "nowhere" }));
    let error = nowhere.connect().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::KeyNotFound, "{error}");
    assert_eq!(error.code, "NoNamespace", "{error}");

    let name = format!("team-{}", bed.key);
    server().bao(&["namespace", "create", &name]).unwrap();
    let namespace = format!("-namespace={name}");
    let key = format!("transit/keys/{}", bed.key);
    let rules = "path \"transit/*\" { capabilities = [\"read\", \"update\"] }";
    let policy = ["policy", "write", &namespace, "signer", "-"];
    let role = "auth/approle/role/signer";
    for command in [
        &["secrets", "enable", &namespace, "transit"][..],
        &["write", &namespace, "-f", &key, "type=ecdsa-p256"],
        &["auth", "enable", &namespace, "approle"],
        &["write", &namespace, role, "token_policies=signer"],
    ] {
        server().bao(command).unwrap();
    }
    server().bao_with_input(&policy, rules).unwrap();
    let (role_id, secret_id) = (format!("{role}/role-id"), format!("{role}/secret-id"));
    let role_id = ["read", &namespace, "-field=role_id", &role_id];
    let secret_id = ["write", &namespace, "-f", "-field=secret_id", &secret_id];
    let [role_id, secret_id] = [&role_id[..], &secret_id].map(|it| server().bao(it).unwrap());
    let secret_id = secret_id.trim().to_owned();
    bed.memory.put("approle", &[("id", secret_id.as_bytes())]);
    let mut subject = bed.subject_with(&json!({
        "namespace": name,
        "auth": { "appRole": {
            "roleId": role_id.trim(), "secretIdRef": { "name": "approle", "key": "id" },
        }},
    }));
    subject.secrets.push(secret_id);
    let connected = subject.connected().await;
    // Another key of the same name, in another namespace.
    assert_ne!(connected.signer.public_key().spki_der(), bed.spki_der(1));
    connected
        .signer
        .sign(&to_be_signed(&*connected.signer, "a"))
        .await
        .unwrap();
}
