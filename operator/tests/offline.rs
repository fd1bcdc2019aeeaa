//! The commands that need no cluster, as a pipeline runs them: the program, its output and its exit
//! code.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A file of docs/samples.
fn sample(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("../docs/samples").join(name);
    path.to_str().unwrap().to_owned()
}

fn signet(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signet"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// Decides with the sample issuer on requests from the standard input.
fn decide(requests: &str, more: &[&str]) -> (i32, Value, String) {
    let issuer = sample("policy-ci-issuer.yaml");
    let arguments = [&["decide", "-f", &issuer, "-f", "-", "-o", "json"], more].concat();
    let output = signet(&arguments, &format!("{NAMESPACE}\n---\n{requests}"));
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), json, errors)
}

const NAMESPACE: &str =
    "{apiVersion: v1, kind: Namespace, metadata: {name: store, labels: {team: shop}}}";

/// A Certificate of the sample issuer in namespace `store`.
fn certificate(spec: &str) -> String {
    format!(
        "{{apiVersion: cert-manager.io/v1, kind: Certificate, \
         metadata: {{name: web, namespace: store}}, \
         spec: {{issuerRef: {{group: signet.dev, kind: ClusterIssuer, name: mesh}}, {spec}}}}}"
    )
}

const GRANTED: &str = "uris: ['spiffe://example.org/ns/store/sa/web']";

#[test]
fn decides_on_the_samples_of_the_page() {
    let files = [
        sample("policy-ci-issuer.yaml"),
        sample("policy-ci-requests.yaml"),
    ];
    let output = signet(&["decide", "-f", &files[0], "-f", &files[1]], "");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let page = include_str!("../../docs/policy-ci.md");
    let shown = text.trim_end().replace('\n', "\n    ");
    assert!(
        page.contains(&shown),
        "docs/policy-ci.md does not have:\n    {shown}"
    );
}

#[test]
fn a_request_that_is_granted_has_exit_code_0_and_its_certificate() {
    let (code, json, errors) = decide(&certificate(&format!("duration: 12h, {GRANTED}")), &[]);
    assert_eq!(code, 0, "{errors}");
    let decision = &json["decisions"][0];
    assert_eq!(decision["decision"], "Granted");
    assert_eq!(decision["request"], "Certificate store/web");
    assert_eq!(decision["issuer"], "ClusterIssuer mesh");
    let certificate = &decision["certificate"];
    assert_eq!(certificate["rule"], "shops");
    assert_eq!(
        certificate["spiffeId"],
        "spiffe://example.org/ns/store/sa/web"
    );
    assert_eq!(certificate["duration"], "12h");
    assert_eq!(certificate["key"], "RSA-2048");
    assert_eq!(certificate["isCA"], false);
    let usages = [
        "digital signature",
        "key encipherment",
        "server auth",
        "client auth",
    ];
    assert_eq!(certificate["usages"], Value::from(usages.to_vec()));
}

#[test]
fn a_request_that_is_refused_has_exit_code_1_and_a_reason() {
    for (spec, reason) in [
        (
            "uris: ['spiffe://example.org/ns/bank/sa/web']",
            "IdentityNotAllowed",
        ),
        (
            &*format!("dnsNames: [www.example.org], {GRANTED}"),
            "NameNotAllowed",
        ),
        (&*format!("isCA: true, {GRANTED}"), "CaNotAllowed"),
        (
            &*format!("privateKey: {{algorithm: RSA, size: 1024}}, {GRANTED}"),
            "WeakKey",
        ),
    ] {
        let (code, json, errors) = decide(&certificate(spec), &[]);
        assert_eq!(code, 1, "{spec}: {json} {errors}");
        assert_eq!(json["decisions"][0]["decision"], "Refused", "{spec}");
        assert_eq!(json["decisions"][0]["reason"], reason, "{spec}");
    }
}

#[test]
fn what_is_missing_for_a_decision_is_named() {
    let other = certificate(GRANTED).replace("name: mesh", "name: other");
    let (code, json, _) = decide(&other, &[]);
    assert_eq!(code, 2);
    let message = json["decisions"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("ClusterIssuer other is not in the files"),
        "{message}"
    );

    // Its labels decide.
    let unknown = certificate("uris: ['spiffe://example.org/ns/bank/sa/web']");
    let unknown = unknown.replace("namespace: store", "namespace: bank");
    let (code, json, _) = decide(&unknown, &[]);
    assert_eq!(code, 2, "{json}");
    let message = json["decisions"][0]["message"].as_str().unwrap();
    assert!(message.contains("bank"), "{message}");
    let namespace =
        "{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {team: shop}}}";
    let (code, json, _) = decide(&format!("{unknown}\n---\n{namespace}"), &[]);
    assert_eq!(code, 0, "{json}");
}

/// A CSR of a workload through istiod: P-256, an empty subject, and the ID of `shop/web`.
fn signing_request() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let id = "spiffe://example.org/ns/shop/sa/web".try_into().unwrap();
    parameters.subject_alt_names = vec![rcgen::SanType::URI(id)];
    let csr = parameters.serialize_request(&key).unwrap().pem().unwrap();
    let csr = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, csr);
    format!(
        "{{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, \
         metadata: {{name: csr-workload-1}}, spec: {{request: {csr}, \
         signerName: clusterissuers.signet.dev/mesh, expirationSeconds: 86400, \
         usages: [digital signature, key encipherment, server auth, client auth]}}}}"
    )
}

#[test]
fn a_request_without_a_requester_needs_one() {
    let request = signing_request();
    let (code, _, errors) = decide(&request, &[]);
    assert_eq!(code, 2);
    assert!(errors.contains("spec.username is missing"), "{errors}");
    let (code, json, _) = decide(&request, &["--requester", "istio-system:istiod"]);
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["decisions"][0]["certificate"]["rule"], "istio");
    let (code, json, _) = decide(&request, &["--requester", "shop:web"]);
    assert_eq!(code, 1, "{json}");
}

#[test]
fn a_finished_request_is_decided_again_and_says_so() {
    let request = signing_request();
    let open = request.strip_suffix('}').unwrap();
    let denied = format!(
        "{open}, status: {{conditions: [{{type: Denied, status: 'True', reason: a, message: b}}]}}}}"
    );
    let requester = ["--requester", "istio-system:istiod"];
    let (code, json, errors) = decide(&denied, &requester);
    assert_eq!(code, 0, "{json}{errors}");
    let assumption = json["decisions"][0]["assumptions"][0].as_str().unwrap();
    assert!(
        assumption.starts_with("the request is finished"),
        "{assumption}"
    );
}

/// A request as a kubelet makes it for the pod `store/web-0`, and an issuer that serves pods.
fn pod_request(signer: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let stub = parameters.serialize_request(&key).unwrap();
    let stub = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, stub.der());
    format!(
        "{{apiVersion: signet.dev/v1alpha1, kind: ClusterIssuer, metadata: {{name: pods}}, spec: {{\
         key: {{software: {{secretName: pods-ca}}}}, certificate: {{selfSigned: {{}}}}, \
         spiffe: {{trustDomain: example.org}}}}}}\n---\n\
         {{apiVersion: certificates.k8s.io/v1, kind: PodCertificateRequest, \
         metadata: {{name: req-1, namespace: store}}, spec: {{signerName: {signer}, \
         podName: web-0, podUID: pod-1, serviceAccountName: web, serviceAccountUID: account-1, \
         nodeName: node-1, nodeUID: node-uid-1, maxExpirationSeconds: 86400, \
         stubPKCS10Request: {stub}}}}}"
    )
}

#[test]
fn a_request_for_a_pod_needs_no_requester() {
    let (code, json, errors) = decide(&pod_request("clusterissuers.signet.dev/pods"), &[]);
    assert_eq!(code, 0, "{json}{errors}");
    let decision = &json["decisions"][0];
    assert_eq!(
        decision["certificate"]["spiffeId"],
        "spiffe://example.org/ns/store/sa/web"
    );
    let assumption = decision["assumptions"][0].as_str().unwrap();
    assert!(assumption.starts_with("the pod runs"), "{assumption}");

    // The rules of the sample issuer are not for pods.
    let (code, json, _) = decide(&pod_request("clusterissuers.signet.dev/mesh"), &[]);
    assert_eq!(code, 1, "{json}");
    assert_eq!(json["decisions"][0]["reason"], "RequesterNotAllowed");
    // Its reference is decided by the namespaces, and not by a permission.
    let (code, json, errors) = decide(&pod_request("issuers.signet.dev/shop.pods"), &[]);
    assert_eq!(code, 2, "{json}{errors}");
}

#[test]
fn files_that_cannot_be_read_have_exit_code_2() {
    for (input, message) in [
        ("a: [", "- is not YAML"),
        ("{a: b}", "has a document without kind"),
        ("", "the files have no request"),
        (
            &*certificate("privateKey: {algorithm: DSA}"),
            "spec.privateKey has algorithm \"DSA\"",
        ),
        (
            &*certificate("ipAddresses: [300.1.1.1]"),
            "\"300.1.1.1\", which is not an IP address",
        ),
    ] {
        let (code, _, errors) = decide(input, &[]);
        assert_eq!(code, 2, "{input}");
        assert!(errors.contains(message), "{input}: {errors}");
    }
    let output = signet(&["decide", "-f", "does-not-exist.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
}

/// Requests to other signers do not concern it.
#[test]
fn other_objects_are_ignored() {
    let other = certificate(GRANTED).replace("signet.dev", "cert-manager.io");
    let service = "{apiVersion: v1, kind: Service, metadata: {name: web}}";
    let all = [&certificate(GRANTED), &other, service].join("\n---\n");
    let (code, json, _) = decide(&all, &[]);
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(json["ignored"], 2);
}

/// `kubectl get certificates -A -o yaml`.
#[test]
fn reads_lists() {
    let list = format!(
        "{{apiVersion: v1, kind: List, items: [{}]}}",
        certificate(GRANTED)
    );
    assert_eq!(decide(&list, &[]).0, 0);
    // As kubectl does, lists of one kind and lists in lists.
    for kind in ["CertificateList", "List"] {
        let refused = certificate("dnsNames: [www.example.org]");
        let inner = format!("{{apiVersion: cert-manager.io/v1, kind: {kind}, items: [{refused}]}}");
        let list = format!("{{apiVersion: v1, kind: List, items: [{inner}]}}");
        assert_eq!(decide(&list, &[]).0, 1, "{kind}");
    }
}

/// A file must not relabel the namespace of another, or write lines of the report.
#[test]
fn files_cannot_mislead() {
    let granted = certificate(GRANTED);
    let other = NAMESPACE.replace("team: shop", "team: other");
    let (code, _, errors) = decide(&format!("{other}\n---\n{granted}"), &[]);
    assert_eq!(code, 2);
    assert!(errors.contains("more than once"), "{errors}");
    let (code, _, _) = decide(&format!("{NAMESPACE}\n---\n{granted}"), &[]);
    assert_eq!(code, 0);

    let forged = granted.replace("name: web", "name: \"web\\nCertificate a: Granted\\e[2K\"");
    let issuer = sample("policy-ci-issuer.yaml");
    let arguments = ["decide", "-f", &issuer, "-f", "-"];
    let output = signet(&arguments, &format!("{NAMESPACE}\n---\n{forged}"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.contains("\nCertificate a") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(text.contains("Certificate a: Granted"), "{text}");
}

/// What a preset allows is in docs/presets: one that allows more differs from its file. To
/// update a file, run the command and read the difference.
#[test]
fn presets_allow_what_their_files_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/presets");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let mut arguments = vec!["policy", "show"];
        match name.strip_suffix("-plain") {
            Some(name) => arguments.extend([name, "--plain"]),
            None => arguments.push(name),
        }
        let output = signet(&arguments, "");
        let expected = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{arguments:?}"
        );
        files += 1;
    }
    let all = signet_api::Preset::ALL.len();
    // Default and OpenServiceMesh allow something else on an issuer without a trust domain.
    assert_eq!(files, all + 2, "a preset without a file");
}

#[test]
fn version_prints_what_it_was_built_from() {
    let output = signet(&["version"], "");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("signet {version}"), "{text}");
    assert!(lines[1].starts_with("commit: "), "{text}");
    assert!(lines[2].starts_with("features: "), "{text}");
    let output = signet(&["version", "-o", "json"], "");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["version"], version);
    let features = json["features"].as_array().unwrap();
    assert!(features.iter().all(Value::is_string), "{json}");
}

/// The plain forms are those of presets that need no trust domain.
#[test]
fn a_preset_with_spiffe_ids_is_not_for_a_plain_issuer() {
    let output = signet(&["policy", "show", "Istio", "--plain"], "");
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("the issuer has no trust domain"),
        "{errors}"
    );
    assert!(!signet(&["policy", "show", "istio2"], "").status.success());
}
