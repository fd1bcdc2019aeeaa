//! What is signed, and what comes back.

use der::{Decode, Encode};
use serde_json::json;
use signet_core::ca::CaCertificate;
use signet_core::issue::CaRequest;
use signet_core::x509::name_constraints::{NameConstraints, Subtrees};
use signet_keys::IntermediateRequest;
use signet_readers::OpenSsl;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages, SubjectAltName};

use super::bed::{Bed, HOUR, P256, RSA, SUBJECT, csr, request};

own!("vaultPki":
    signs_what_the_csr_requests_for_a_p256_and_an_rsa_key,
    keeps_the_requested_path_length,
    signs_by_the_issuer_that_is_named,
    warns_of_a_lifetime_beyond_the_mounts,
    warns_of_a_lifetime_beyond_the_issuers,
    an_intermediate_mount_without_its_root_returns_a_chain_without_one,
    reads_the_chain_of_an_issuer_without_a_login,
    logs_in_as_a_key_in_transit_does,
);

fn read(pem: &str) -> (CaCertificate, Certificate) {
    let openssl = OpenSsl::new();
    openssl.write("ca.pem", pem.as_bytes());
    let der = openssl.run("x509 -in ca.pem -outform DER");
    let ca = CaCertificate::from_der(&der).unwrap();
    (ca, Certificate::from_der(&der).unwrap())
}

fn seconds(ca: &CaCertificate) -> u64 {
    let length = ca.not_after().duration_since(ca.not_before());
    length.as_secs().unsigned_abs()
}

/// One CSR of each kind: subject with its units in order, path length, SPIFFE ID, identifier, usages
/// and name constraints.
async fn signs_what_the_csr_requests_for_a_p256_and_an_rsa_key() {
    let bed = Bed::new();
    let root = bed.issuer("default");
    let permitted = Subtrees {
        dns_domains: vec!["example.org".to_owned()],
        ..Subtrees::default()
    };
    let request = CaRequest {
        name_constraints: Some(NameConstraints::new(&permitted, &Subtrees::default()).unwrap()),
        ..request()
    };
    for genpkey in [P256, RSA] {
        let (csr, key) = csr(genpkey, &request);
        let signed = bed.signed(IntermediateRequest {
            csr_pem: csr.pem(),
            common_name: Some("ca.example.org"),
            path_length: Some(1),
            ttl: HOUR,
        });
        let signed = signed.await;
        assert_eq!(signed.warnings, [""; 0]);
        assert_eq!(signed.issuing_ca.trim(), root.trim());
        let (ca, certificate) = read(&signed.certificate);
        assert_eq!(ca.public_key(), &key);
        assert_eq!(ca.subject(), SUBJECT);
        assert_eq!(ca.subject_der(), request.subject.to_der().unwrap());
        assert_eq!(ca.path_length(), Some(1));
        assert_eq!(ca.subject_key_identifier(), Some(&key.key_identifier()[..]));
        assert!((3600..3700).contains(&seconds(&ca)), "{}", seconds(&ca));
        let fields = certificate.tbs_certificate();
        let usage = fields.get_extension::<KeyUsage>().unwrap().unwrap();
        assert_eq!(
            usage,
            (true, KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))
        );
        let (_, names) = fields.get_extension::<SubjectAltName>().unwrap().unwrap();
        let id = "spiffe://example.org".to_owned().try_into().unwrap();
        // The common name, which looks like a host name, is none.
        assert_eq!(names.0, [GeneralName::UniformResourceIdentifier(id)]);
        let constraints = fields.extensions().unwrap().iter();
        let mut constraints = constraints.filter(|one| one.extn_id.to_string() == "2.5.29.30");
        let value = constraints.next().unwrap().extn_value.as_bytes();
        assert_eq!(value, request.name_constraints.as_ref().unwrap().der());
        verifies(&signed.chain_pem(), &root);
    }
}

#[track_caller]
fn verifies(chain: &str, root: &str) {
    let openssl = OpenSsl::new();
    openssl.write("chain.pem", chain.as_bytes());
    openssl.write("root.pem", root.as_bytes());
    let verify = "verify -x509_strict -no-CApath -no-CAstore -CAfile root.pem -untrusted chain.pem";
    openssl.run(&format!("{verify} chain.pem"));
}

/// The engine ignores the path length in the CSR.
async fn keeps_the_requested_path_length() {
    let bed = Bed::new();
    let (csr, _) = csr(P256, &request());
    for path_length in [Some(0), Some(3), None] {
        let signed = bed.signed(IntermediateRequest {
            csr_pem: csr.pem(),
            common_name: None,
            path_length,
            ttl: HOUR,
        });
        let (ca, _) = read(&signed.await.certificate);
        assert_eq!(ca.path_length(), path_length);
    }
}

async fn signs_by_the_issuer_that_is_named() {
    let bed = Bed::new();
    let first = bed.issuer("default");
    bed.make_root(&json!({ "issuer_name": "next", "common_name": "Next Root" }));
    let next = bed.issuer("next");
    assert_ne!(first, next);
    for (name, root) in [("default", first), ("next", next)] {
        let sign = async || bed.sign(&json!({ "issuerRef": name })).await;
        let signed = crate::rig::responded(sign).await.unwrap();
        verifies(&signed.chain_pem(), &root);
    }
}

async fn warns_of_a_lifetime_beyond_the_mounts() {
    let bed = Bed::new();
    let tune = ["secrets", "tune", "-max-lease-ttl=2h", &bed.mount];
    bed.server.bao(&tune).unwrap();
    let (csr, _) = csr(P256, &request());
    let signed = bed.signed(IntermediateRequest {
        csr_pem: csr.pem(),
        common_name: None,
        path_length: None,
        ttl: 24 * HOUR,
    });
    let signed = signed.await;
    let (ca, _) = read(&signed.certificate);
    assert!(seconds(&ca) < 2 * 3600 + 100, "{}", seconds(&ca));
    assert!(!signed.warnings.is_empty());
}

/// OpenBao issues it, and Vault cuts it: both warn.
async fn warns_of_a_lifetime_beyond_the_issuers() {
    let bed = Bed::without_ca(crate::vault_transit::bed::server());
    bed.make_root(&json!({ "ttl": "2h" }));
    let (csr, _) = csr(P256, &request());
    let signed = bed.signed(IntermediateRequest {
        csr_pem: csr.pem(),
        common_name: None,
        path_length: None,
        ttl: 24 * HOUR,
    });
    assert!(!signed.await.warnings.is_empty());
}

async fn an_intermediate_mount_without_its_root_returns_a_chain_without_one() {
    let (above, bed) = (
        Bed::new(),
        Bed::without_ca(crate::vault_transit::bed::server()),
    );
    let path = format!("{}/intermediate/generate/internal", bed.mount);
    let fields = json!({ "common_name": "Between" }).to_string();
    let generate = ["write", "-field=csr", &path, "-"];
    let between = bed.server.bao_with_input(&generate, &fields).unwrap();
    let between = above.signed(IntermediateRequest {
        csr_pem: &between,
        common_name: None,
        path_length: None,
        ttl: 24 * HOUR,
    });
    let between = between.await.certificate;
    let path = format!("{}/intermediate/set-signed", bed.mount);
    bed.server
        .write(&path, &json!({ "certificate": between }))
        .unwrap();
    let sign = async || bed.sign(&json!({})).await;
    let signed = crate::rig::responded(sign).await.unwrap();
    let chain = signed.chain_pem();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "{chain}");
    assert_eq!(signed.issuing_ca.trim(), between.trim());
    verifies(&chain, &above.issuer("default"));
}

/// So that a new root is seen before it signs.
async fn reads_the_chain_of_an_issuer_without_a_login() {
    let bed = Bed::new();
    bed.memory.remove("vault");
    let first = bed.chain(&json!({})).await.unwrap();
    assert_eq!(first.trim(), bed.issuer("default").trim());
    bed.make_root(&json!({ "issuer_name": "next", "common_name": "Next Root" }));
    let next = bed.chain(&json!({ "issuerRef": "next" })).await.unwrap();
    assert_eq!(next.trim(), bed.issuer("next").trim());
    assert_ne!(first, next);
    assert_eq!(bed.memory.asked(), [""; 0]);
}

async fn logs_in_as_a_key_in_transit_does() {
    let bed = Bed::new();
    let role = bed.server.app_role(&bed.mount, &bed.mount, "1h").unwrap();
    crate::wiretap::search_for(std::slice::from_ref(&role.secret_id));
    bed.memory
        .put("approle", &[("id", role.secret_id.as_bytes())]);
    let auth = json!({ "auth": { "appRole": {
        "roleId": role.role_id,
        "secretIdRef": { "name": "approle", "key": "id" },
    }}});
    let sign = async || bed.sign(&auth).await;
    crate::rig::responded(sign).await.unwrap();
}
