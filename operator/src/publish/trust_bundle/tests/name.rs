use kube::core::ObjectMeta;
use serde_json::json;

use super::super::object::{Version, issuer, name, object};
use crate::fixtures::{self, corp, shop_ca};

#[test]
fn ctb_2_the_name_begins_with_the_signer_name() {
    for (of, expected) in [
        (corp(), "clusterissuers.signet.dev:corp:bundle"),
        (shop_ca(), "issuers.signet.dev:shop.ca:bundle"),
        (
            fixtures::issuer("shop", "ca.v2"),
            "issuers.signet.dev:shop.ca.v2:bundle",
        ),
    ] {
        assert_eq!(name(&of), expected);
        assert_eq!(issuer(expected), Some(of));
    }
}

/// Other clients may give their objects Signet's label.
#[test]
fn other_names_are_no_issuers_of_signet() {
    for name in [
        "bundle",
        "clusterissuers.signet.dev:corp",
        "clusterissuers.signet.dev:corp:other",
        "clusterissuers.signet.dev:corp:v1:bundle",
        "clusterissuers.signet.dev::bundle",
        "clusterissuers.signet.dev/corp:bundle",
        "issuers.signet.dev:ca:bundle",
        "kubernetes.io:kube-apiserver-serving:bundle",
        "clusterissuers.evil.dev:corp:bundle",
    ] {
        assert_eq!(issuer(name), None, "{name}");
    }
}

#[test]
fn ctb_1_both_versions_have_the_same_fields() {
    for (version, api_version) in [
        (Version::V1, "certificates.k8s.io/v1"),
        (Version::V1Beta1, "certificates.k8s.io/v1beta1"),
    ] {
        let written = object(version, ObjectMeta::default(), &corp(), "roots");
        let expected = json!({
            "apiVersion": api_version, "kind": "ClusterTrustBundle", "metadata": {},
            "spec": { "signerName": "clusterissuers.signet.dev/corp", "trustBundle": "roots" },
        });
        assert_eq!(json!(written), expected);
        assert_eq!(version.resource().api_version, api_version);
    }
}
