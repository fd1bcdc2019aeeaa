//! SoftHSM2 makes keys and signs, and its shim does wrong what it is told.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use signet_testbed::SoftHsm;
use signet_testbed::keyservers::softhsm::Fault;

const TOKEN: &str = "signet";
const PIN: &str = "1234";

fn with_key(key_type: &str) -> SoftHsm {
    let hsm = SoftHsm::new().unwrap();
    hsm.init_token(TOKEN, "87654321", PIN).unwrap();
    hsm.make_key(TOKEN, PIN, key_type, "issuing", "01").unwrap();
    hsm
}

/// Signs by OpenSC's tool; the signature's length.
fn sign(hsm: &SoftHsm, mechanism: &str) -> Result<usize> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    fs::write(path("in"), [7; 32])?;
    let (input, output) = (path("in"), path("out"));
    let arguments = [
        "--sign",
        "--mechanism",
        mechanism,
        "--id",
        "01",
        "--input-file",
        &input.display().to_string(),
        "--output-file",
        &output.display().to_string(),
    ];
    hsm.pkcs11_tool_by_shim(TOKEN, PIN, &arguments)?;
    Ok(fs::read(output)?.len())
}

fn openssl_reads(public: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.der");
    fs::write(&path, public).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-pubin", "-inform", "DER", "-noout", "-in"]);
    openssl.arg(path).status().unwrap().success()
}

#[test]
fn every_key_type_signs() {
    for (key_type, mechanism, length) in [
        ("EC:prime256v1", "ECDSA", 64),
        ("EC:secp384r1", "ECDSA", 96),
        ("EC:secp521r1", "ECDSA", 132),
        ("EC:edwards25519", "EDDSA", 64),
        ("rsa:2048", "SHA256-RSA-PKCS", 256),
        ("rsa:3072", "SHA384-RSA-PKCS", 384),
        ("rsa:4096", "SHA512-RSA-PKCS", 512),
    ] {
        let hsm = with_key(key_type);
        let signed = sign(&hsm, mechanism);
        assert_eq!(signed.unwrap(), length, "{key_type}");
        let public = hsm.public_key(TOKEN, PIN, "issuing").unwrap();
        assert!(openssl_reads(&public), "{key_type}");
    }
}

#[test]
fn keys_are_relabelled_and_deleted_and_pins_changed() {
    let hsm = with_key("EC:prime256v1");
    assert!(!hsm.serial(TOKEN).unwrap().is_empty());
    hsm.relabel(TOKEN, PIN, "issuing", "other").unwrap();
    let objects = hsm.pkcs11_tool(TOKEN, PIN, &["--list-objects"]).unwrap();
    assert_eq!(objects.matches("other").count(), 2, "{objects}");
    assert!(!objects.contains("issuing"), "{objects}");
    sign(&hsm, "ECDSA").unwrap();
    hsm.change_pin(TOKEN, PIN, "4321").unwrap();
    assert!(sign(&hsm, "ECDSA").is_err());
    assert_eq!(hsm.calls("C_Login").last(), Some(&0xA0));
    hsm.change_pin(TOKEN, "4321", PIN).unwrap();
    hsm.delete_key(TOKEN, PIN, "other").unwrap();
    assert!(sign(&hsm, "ECDSA").is_err());
    hsm.delete_token(TOKEN).unwrap();
    assert!(hsm.serial(TOKEN).is_err());
}

#[test]
fn faults_come_and_go() {
    let hsm = with_key("EC:prime256v1");
    let refused = |faults: &[Fault]| {
        hsm.set_faults(faults).unwrap();
        sign(&hsm, "ECDSA").unwrap_err();
    };
    refused(&[Fault::Fail("C_Sign", 0x30)]);
    assert_eq!(hsm.calls("C_Sign"), [0x30]);
    refused(&[Fault::Remove]);
    refused(&[Fault::Fail("C_Login", 0xA4)]);
    assert_eq!(hsm.calls("C_Login").last(), Some(&0xA4));
    hsm.set_faults(&[Fault::Short]).unwrap();
    assert_eq!(sign(&hsm, "ECDSA").unwrap(), 32);
    hsm.set_faults(&[]).unwrap();
    assert_eq!(sign(&hsm, "ECDSA").unwrap(), 64);
    assert_eq!(hsm.logins(), 4);
}

/// Signs, and does something while the module hangs in a function; the signature's length.
fn sign_meanwhile(
    hsm: &SoftHsm,
    hung: &'static str,
    before: &str,
    act: impl FnOnce(),
) -> Result<usize> {
    hsm.set_faults(&[Fault::Hang(hung)]).unwrap();
    std::thread::scope(|scope| {
        let signing = scope.spawn(|| sign(hsm, "ECDSA"));
        let calls = hsm.calls(before).len();
        while hsm.calls(before).len() == calls {
            std::thread::yield_now();
        }
        act();
        assert!(!signing.is_finished());
        hsm.set_faults(&[Fault::DelayMs(hung, 1)]).unwrap();
        signing.join().unwrap()
    })
}

#[test]
fn what_hangs_goes_on_once_the_fault_is_gone() {
    let hsm = with_key("EC:prime256v1");
    let length = sign_meanwhile(&hsm, "C_Sign", "C_SignInit", || {});
    assert_eq!(length.unwrap(), 64);
    assert_eq!(hsm.calls("C_Sign"), [0]);
    assert_eq!(hsm.logins(), 1);
}

#[test]
fn sessions_are_closed_and_logged_out_and_the_module_finalized() {
    let hsm = with_key("EC:prime256v1");
    let (hung, before) = ("C_SignInit", "C_FindObjectsInit");
    let last = || hsm.calls(hung).pop();
    sign_meanwhile(&hsm, hung, before, || hsm.close_sessions().unwrap()).unwrap_err();
    assert_eq!(last(), Some(0xB3));
    sign_meanwhile(&hsm, hung, before, || hsm.finalize().unwrap()).unwrap_err();
    assert_eq!(last(), Some(0x190));
    sign_meanwhile(&hsm, hung, before, || hsm.log_out().unwrap()).unwrap_err();
    assert!(last() > Some(0));
    hsm.set_faults(&[]).unwrap();
    sign(&hsm, "ECDSA").unwrap();
}
