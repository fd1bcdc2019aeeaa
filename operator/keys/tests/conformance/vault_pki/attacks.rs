//! What a hostile server or tenant cannot do.

use std::sync::Arc;

use serde_json::{Value, json};
use signet_keys::{Access, Addresses, ErrorClass, IntermediateRequest, KeyError};
use signet_testbed::proxy::{Fault, Proxy, Requests};

use super::bed::{Bed, HOUR, P256, csr, request};
use crate::memory::access;
use crate::vault_transit::bed::server;

own!("vaultPki::attacks":
    a_redirect_is_not_followed,
    a_tenant_does_not_reach_loopback,
    warnings_show_no_token_and_are_cut,
);

fn issuer() -> Requests {
    Requests::Path("/issuer/".to_owned())
}

/// Both calls to the issuer, with an access of its own.
async fn both(bed: &Bed, fields: &Value, access: &Access) -> [KeyError; 2] {
    let pki = bed.pki(fields);
    let (csr, _) = csr(P256, &request());
    let request = IntermediateRequest {
        csr_pem: csr.pem(),
        common_name: None,
        path_length: None,
        ttl: HOUR,
    };
    let sign = async || pki.sign_intermediate(&request, access).await;
    let read = async || pki.issuer_chain(access).await;
    [
        crate::rig::responded(sign).await.unwrap_err(),
        crate::rig::responded(read).await.unwrap_err(),
    ]
}

async fn a_redirect_is_not_followed() {
    let (bed, proxy) = Bed::new().proxied();
    let elsewhere = Proxy::https(&server().address(), Some(server().ca_pem())).unwrap();
    proxy.add(issuer(), Fault::redirect(&elsewhere.address()));
    for error in both(&bed, &json!({}), &access(bed.memory.clone())).await {
        assert_eq!(error.class, ErrorClass::InvalidResponse, "{error}");
        assert_eq!(error.code, "Redirect", "{error}");
        assert!(error.message.contains("vaultPki.address"), "{error}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

async fn a_tenant_does_not_reach_loopback() {
    let (bed, proxy) = Bed::new().proxied();
    let access = Access {
        tenant: Some("team-a".to_owned()),
        addresses: Addresses::Outside {
            api_server: Arc::default(),
        },
        ..access(bed.memory.clone())
    };
    let port = proxy.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let fields = json!({ "address": format!("https://{host}:{port}") });
        for error in both(&bed, &fields, &access).await {
            assert_eq!(error.class, ErrorClass::KeyUnusable, "{host}: {error}");
            assert_eq!(error.code, "Forbidden", "{host}: {error}");
        }
    }
    assert_eq!(proxy.connections(), 0);
}

/// They become part of a condition.
async fn warnings_show_no_token_and_are_cut() {
    let (bed, proxy) = Bed::new().proxied();
    let token = server().token(&bed.mount, &[]).unwrap();
    bed.log_in_with(&token);
    let warning = format!("a\n{token} {}", "b".repeat(1000));
    let response = json!({
        "data": { "certificate": "ca", "issuing_ca": "issuer" },
        "warnings": vec![warning; 100],
    });
    proxy.add(issuer(), Fault::json(200, &response.to_string()));
    let sign = async || bed.sign(&json!({})).await;
    let signed = crate::rig::responded(sign).await.unwrap();
    assert!(signed.warnings.len() <= 5, "{}", signed.warnings.len());
    for warning in signed.warnings {
        assert!(warning.starts_with("a … b"), "{warning}");
        assert!(warning.chars().count() <= 200, "{warning}");
    }
}
