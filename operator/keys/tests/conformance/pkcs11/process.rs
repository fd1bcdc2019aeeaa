//! The processes in which modules run: what ends them, and what survives them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{
    Access, ErrorClass, KeyConfig, ModuleProcess, ModuleProgram, ModuleStop, Pkcs11Fault,
};
use signet_testbed::keyservers::softhsm::Fault;
use signet_testbed::wait::MAX_TEST;

use super::sessions::until;
use super::token::{
    OTHER_PIN, PIN, Token, connect, connected, expect, is_same, program, refusal, sign,
};
use crate::rig::Subject;

own!["pkcs11":
    a_crash_affects_only_its_own_module_and_passes,
    a_module_that_hangs_is_restarted,
    a_module_that_hangs_while_it_is_loaded_is_restarted,
    a_pin_is_neither_in_arguments_nor_in_the_environment,
    a_wrong_pin_is_not_tried_again_after_a_crash,
    a_pin_is_tried_in_two_processes_that_crash,
    a_known_pin_is_tried_in_two_processes_that_crash,
    no_pin_is_tried_after_a_crash_if_the_token_counts_failed_logins,
    a_process_leaves_no_core_and_is_the_first_to_end_without_memory,
    a_program_that_is_not_signets_is_reported,
    a_program_that_reads_nothing_hangs,
    a_process_ends_with_its_operator_and_leaves_no_zombie,
    memory_of_a_process_is_its_own,
];

/// The process of the module `hsm`.
fn process(access: &Access) -> ModuleProcess {
    let processes = access.modules.processes();
    let process = processes.into_iter().find(|it| it.module == "hsm");
    process.unwrap()
}

fn restarts(access: &Access, reason: &str) -> u64 {
    let process = process(access);
    let mut restarts = process.restarts.into_iter();
    restarts.find(|(name, _)| *name == reason).unwrap().1
}

fn proc(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// Stopped by a signal, which is reported as a backend that is unavailable.
#[track_caller]
fn expect_crash(error: &signet_keys::KeyError, config: &KeyConfig) {
    expect(error, config, Pkcs11Fault::Stopped(ModuleStop::Signal(11)));
    assert_eq!(error.class, ErrorClass::Unreachable);
    assert!(error.message.contains("SIGSEGV"), "{error}");
}

async fn connects(config: &KeyConfig, access: &Access) -> bool {
    connect(config, access).await.is_ok()
}

/// Waits until a PIN is what keeps an issuer from connecting.
async fn until_pin_is_refused(Subject { config, access, .. }: &Subject) {
    until(async || {
        let error = refusal(config, access).await;
        error.class == ErrorClass::CredentialsRefused
    })
    .await;
}

async fn a_crash_affects_only_its_own_module_and_passes() {
    let (token, subject) = Token::with_key();
    let (_other, elsewhere) = Token::with_key();
    let signer = connected(&subject.config, &subject.access).await;
    let healthy = connected(&elsewhere.config, &elsewhere.access).await;
    let before = process(&subject.access).pid;
    token.hsm.set_faults(&[Fault::Crash("C_Sign")]).unwrap();
    let (crashed, signed) = tokio::join!(
        join_all((0..8).map(|_| sign(&*signer))),
        join_all((0..50).map(|_| sign(&*healthy))),
    );
    assert_eq!(signed, vec![Ok(()); 50]);
    for error in crashed {
        expect_crash(&error.unwrap_err(), &subject.config);
    }
    token.hsm.set_faults(&[]).unwrap();
    until(async || sign(&*signer).await.is_ok()).await;
    is_same(&*signer).await;
    let signed = join_all((0..20).map(|_| sign(&*signer))).await;
    assert_eq!(signed, vec![Ok(()); 20]);
    assert!(restarts(&subject.access, "crashed") >= 1);
    assert_ne!(process(&subject.access).pid, before);
    assert_eq!(restarts(&elsewhere.access, "crashed"), 0);
}

/// Longer than a caller waits.
const MAX_CALL: Duration = Duration::from_secs(6);

/// Sessions that respond are used until then.
async fn a_module_that_hangs_is_restarted() {
    let (token, subject) = Token::with_key();
    let another = token.subject(KeyAlgorithm::EcP384, "another");
    let access = token.run_by(program(MAX_CALL));
    let signer = connected(&subject.config, &access).await;
    let other = connected(&another.config, &access).await;
    let before = process(&access).pid.unwrap();
    token.hsm.set_faults(&[Fault::Hang("C_Sign")]).unwrap();
    let error = sign(&*signer).await.unwrap_err();
    if restarts(&access, "hung") == 0 {
        expect(&error, &subject.config, Pkcs11Fault::Hangs);
    }
    until(async || restarts(&access, "hung") == 1).await;
    assert!(!proc(before).exists(), "it was waited for");
    token.hsm.set_faults(&[]).unwrap();
    for signer in [&signer, &other] {
        until(async || sign(&**signer).await.is_ok()).await;
        is_same(&**signer).await;
    }
    assert_ne!(process(&access).pid, Some(before));
}

async fn a_module_that_hangs_while_it_is_loaded_is_restarted() {
    let (token, subject) = Token::with_key();
    let access = token.run_by(program(MAX_CALL));
    let hang = Fault::Hang("C_Initialize");
    token.hsm.set_faults(&[hang]).unwrap();
    refusal(&subject.config, &access).await;
    until(async || restarts(&access, "hung") == 1).await;
    token.hsm.set_faults(&[]).unwrap();
    until(async || connects(&subject.config, &access).await).await;
}

async fn a_pin_is_neither_in_arguments_nor_in_the_environment() {
    let (token, subject) = Token::with_key();
    // The environment of a test cannot be set, and has some.
    let (variable, _) = std::env::vars().find(|(name, _)| name == "PATH").unwrap();
    let unused = json!({ "name": "unused", "label": "unused", "pin": { "env": variable } });
    let used = super::token::listed(json!({}));
    let access = token.listing(json!([used, unused]), json!({}));
    sign(&*connected(&subject.config, &access).await)
        .await
        .unwrap();
    let pid = process(&access).pid.unwrap();
    let read =
        |file| String::from_utf8_lossy(&fs::read(proc(pid).join(file)).unwrap()).into_owned();
    let (arguments, environment) = (read("cmdline"), read("environ"));
    assert!(arguments.contains(super::MODULE), "{arguments}");
    for text in [&arguments, &environment] {
        assert!(!text.contains(PIN), "{text}");
    }
    let names = |text: &str| text.split('\0').any(|entry| entry.starts_with("PATH="));
    let own = fs::read("/proc/self/environ").unwrap();
    assert!(names(&String::from_utf8_lossy(&own)));
    assert!(!names(&environment), "{environment}");
}

async fn a_wrong_pin_is_not_tried_again_after_a_crash() {
    let (token, subject) = Token::with_key();
    let Subject { config, access, .. } = &subject;
    token.memory.put("pin", &[("pin", OTHER_PIN.as_bytes())]);
    let error = refusal(config, access).await;
    expect(&error, config, Pkcs11Fault::PinRefused);
    for crashes in 1..=2 {
        let crash = Fault::Crash("C_GetTokenInfo");
        token.hsm.set_faults(&[crash]).unwrap();
        until(async || {
            refusal(config, access).await;
            restarts(access, "crashed") == crashes
        })
        .await;
        token.hsm.set_faults(&[]).unwrap();
        until_pin_is_refused(&subject).await;
        let error = refusal(config, access).await;
        expect(&error, config, Pkcs11Fault::PinRefused);
    }
    assert_eq!(token.hsm.logins(), 1);
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(config, access).await).await.unwrap();
    assert_eq!(token.hsm.logins(), 2);
}

async fn a_pin_is_tried_in_two_processes_that_crash() {
    let (token, subject) = Token::with_key();
    let Subject { config, access, .. } = &subject;
    let crash = Fault::Crash("C_Login");
    token.hsm.set_faults(&[crash]).unwrap();
    until_pin_is_refused(&subject).await;
    token.hsm.set_faults(&[]).unwrap();
    let error = refusal(config, access).await;
    expect(&error, config, Pkcs11Fault::PinUnfinished);
    assert_eq!(token.hsm.logins(), 2);
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(config, access).await).await.unwrap();
}

/// The token accepted it before, but may have another PIN now.
async fn a_known_pin_is_tried_in_two_processes_that_crash() {
    let (token, subject) = Token::with_key();
    let Subject { config, access, .. } = &subject;
    let signer = connected(config, access).await;
    let crash = Fault::Crash("C_Sign");
    token.hsm.set_faults(&[crash]).unwrap();
    sign(&*signer).await.unwrap_err();
    let crash = Fault::Crash("C_Login");
    token.hsm.set_faults(&[crash]).unwrap();
    until(async || {
        let error = sign(&*signer).await.unwrap_err();
        error.class == ErrorClass::CredentialsRefused
    })
    .await;
    token.hsm.set_faults(&[]).unwrap();
    let error = sign(&*signer).await.unwrap_err();
    expect(&error, config, Pkcs11Fault::PinUnfinished);
    assert_eq!(token.hsm.logins(), 3);
    // Its source was touched.
    token.memory.put("pin", &[("pin", PIN.as_bytes())]);
    sign(&*connected(config, access).await).await.unwrap();
    sign(&*signer).await.unwrap();
}

/// CKF_USER_PIN_COUNT_LOW.
const COUNT_LOW: u64 = 0x10000;

async fn no_pin_is_tried_after_a_crash_if_the_token_counts_failed_logins() {
    let (token, subject) = Token::with_key();
    let Subject { config, access, .. } = &subject;
    let counts = Fault::Flags(COUNT_LOW);
    let faults = [Fault::Crash("C_Login"), counts.clone()];
    token.hsm.set_faults(&faults).unwrap();
    expect_crash(&refusal(config, access).await, config);
    token.hsm.set_faults(&[counts]).unwrap();
    until_pin_is_refused(&subject).await;
    let error = refusal(config, access).await;
    expect(&error, config, Pkcs11Fault::PinUnfinished);
    assert_eq!(token.hsm.logins(), 1);
    // A user logged in with the HSM's tool.
    token.hsm.set_faults(&[]).unwrap();
    sign(&*connected(config, access).await).await.unwrap();
}

async fn a_process_leaves_no_core_and_is_the_first_to_end_without_memory() {
    let (_token, subject) = Token::with_key();
    let _signer = connected(&subject.config, &subject.access).await;
    let folder = proc(process(&subject.access).pid.unwrap());
    let read = |file| fs::read_to_string(folder.join(file)).unwrap();
    let limits = read("limits");
    let core = limits
        .lines()
        .find(|it| it.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().skip(4).collect();
    assert_eq!(words, ["0", "0", "bytes"]);
    assert_eq!(read("oom_score_adj").trim(), "1000");
}

/// A program that runs this script.
fn script(script: &str, max_call: Duration) -> ModuleProgram {
    ModuleProgram {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        max_call,
        max_start: max_call,
    }
}

async fn a_program_that_is_not_signets_is_reported() {
    let (token, subject) = Token::with_key();
    let nowhere = ModuleProgram {
        program: "/nowhere/signet".into(),
        ..program(MAX_TEST)
    };
    let garbage = "printf 'no frame at all' >&0; sleep 3600";
    // A report about a call that there was not.
    let unasked =
        r#"printf '\0\0\0\055{"Done":{"number":99,"result":{"Ok":"Done"}}}' >&0; sleep 3600"#;
    for (program, expected) in [
        (nowhere, Pkcs11Fault::NoProcess),
        (
            script("exit 3", MAX_TEST),
            Pkcs11Fault::Stopped(ModuleStop::Exit(3)),
        ),
        (
            script("kill -6 $$", MAX_TEST),
            Pkcs11Fault::Stopped(ModuleStop::Signal(6)),
        ),
        (
            script(garbage, MAX_TEST),
            Pkcs11Fault::Stopped(ModuleStop::Invalid),
        ),
        (
            script(unasked, MAX_TEST),
            Pkcs11Fault::Stopped(ModuleStop::Invalid),
        ),
    ] {
        let access = token.run_by(program);
        let error = refusal(&subject.config, &access).await;
        expect(&error, &subject.config, expected);
        assert_eq!(error.class, ErrorClass::Unreachable);
    }
}

async fn a_program_that_reads_nothing_hangs() {
    let (token, subject) = Token::with_key();
    let access = token.run_by(script("exec sleep 3600", Duration::from_secs(1)));
    let error = refusal(&subject.config, &access).await;
    let hung = Pkcs11Fault::Stopped(ModuleStop::Hung);
    expect(&error, &subject.config, hung);
}

async fn a_process_ends_with_its_operator_and_leaves_no_zombie() {
    let (token, subject) = Token::with_key();
    let access = token.run_by(program(MAX_TEST));
    let signer = connected(&subject.config, &access).await;
    let pid = process(&access).pid.unwrap();
    let hang = Fault::Hang("C_CloseSession");
    token.hsm.set_faults(&[hang]).unwrap();
    drop((signer, access));
    // A process that was not waited for is a zombie, and in the list.
    until(async || !proc(pid).exists()).await;
}

async fn memory_of_a_process_is_its_own() {
    let (_token, subject) = Token::with_key();
    let _signer = connected(&subject.config, &subject.access).await;
    let process = process(&subject.access);
    let resident = process.resident_bytes.unwrap();
    assert!((1 << 20..1 << 30).contains(&resident), "{process:?}");
    let status = fs::read_to_string(proc(process.pid.unwrap()).join("status")).unwrap();
    let parent = format!("PPid:\t{}\n", std::process::id());
    assert!(status.contains(&parent), "{status}");
}
