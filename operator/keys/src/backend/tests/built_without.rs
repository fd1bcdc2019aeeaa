//! A program that lacks a backend's SDK.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::*;
use crate::access::{Addresses, Modules, Namespace, ServiceAccountToken};
use crate::{ErrorClass, KeyConfig};

/// A namespace that is never read.
#[derive(Debug)]
struct Unasked;

impl Namespace for Unasked {
    fn secret<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretData>, KeyError>> {
        unreachable!("no test reads a Secret")
    }

    fn config_map<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<BTreeMap<String, String>>, KeyError>> {
        unreachable!("no test reads a ConfigMap")
    }

    fn token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ServiceAccountToken, KeyError>> {
        unreachable!("no test reads a token")
    }
}

#[tokio::test]
async fn connecting_without_the_feature_names_it() {
    let access = Access {
        namespace: Arc::new(Unasked),
        tenant: None,
        ambient_credentials: false,
        addresses: Addresses::Any,
        proxy: None,
        modules: Arc::new(Modules::default()),
        loading: Arc::default(),
        signing: Arc::default(),
    };
    for (feature, config) in [
        (
            "aws-kms",
            json!({ "awsKms": { "keyId": "alias/ca", "region": "eu-central-1" } }),
        ),
        (
            "vault",
            json!({ "vaultTransit": {
                "address": "https://vault.example", "name": "ca",
                "auth": { "tokenRef": { "name": "vault", "key": "token" } },
            }}),
        ),
        (
            "pkcs11",
            json!({ "pkcs11": {
                "module": "hsm", "token": "t", "keyLabel": "ca",
            }}),
        ),
    ] {
        let config: KeyConfig = serde_json::from_value(config).unwrap();
        let known = KeyPin::default();
        let error = config.connect(&access, &known).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::KeyUnusable);
        assert_eq!(error.code, "NotBuilt");
        assert!(error.message.contains(feature), "{error}");
    }
}
