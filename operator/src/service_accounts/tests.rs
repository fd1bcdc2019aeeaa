//! Tokens, against an API server that is a function.

use axum::Router;
use axum::body::Bytes;
use http::HeaderMap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{NOW, at};

/// What the API server was asked: the credentials, and the body.
type Calls = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// Makes tokens for ten minutes from [`NOW`] on. Every other object is an empty ConfigMap.
fn api_server() -> (ServiceAccounts, Calls) {
    let calls = Calls::default();
    let record = calls.clone();
    let respond = async move |headers: HeaderMap, body: Bytes| {
        let credentials = headers.get(AUTHORIZATION);
        let credentials = credentials.map(|value| value.to_str().unwrap().to_owned());
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut calls = record.lock();
        calls.push((credentials, body.clone()));
        match body["spec"]["expirationSeconds"].is_null() {
            true => json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} }).to_string(),
            false => json!({
                "metadata": {}, "spec": body["spec"],
                "status": {
                    "token": format!("s3cret-{}", calls.len()),
                    "expirationTimestamp": at(600).to_string(),
                },
            })
            .to_string(),
        }
    };
    let client = Client::new(Router::new().fallback(respond), "default");
    (ServiceAccounts::new(client.clone(), client), calls)
}

async fn call(accounts: &ServiceAccounts, name: &str, now: Timestamp) {
    let client = accounts.client("shop", name, now).await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, "shop");
    api.get("any").await.unwrap();
}

#[tokio::test]
async fn acts_with_a_token_for_the_api_server_that_lives_ten_minutes() {
    let (accounts, calls) = api_server();
    call(&accounts, "robot", NOW).await;
    let calls = calls.lock();
    let [(none, request), (credentials, _)] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(*none, None, "the fake client of Signet has none");
    assert_eq!(request["spec"]["expirationSeconds"], 600);
    let audiences = &request["spec"]["audiences"];
    assert!(audiences.is_null() || *audiences == json!([]), "{request}");
    assert_eq!(credentials.as_deref(), Some("Bearer s3cret-1"));
}

#[tokio::test]
async fn keeps_a_token_until_it_is_about_to_expire() {
    let (accounts, calls) = api_server();
    for seconds in [0, 100, 539, 540] {
        call(&accounts, "robot", at(seconds)).await;
    }
    call(&accounts, "other", NOW).await;
    let used = calls.lock();
    let used: Vec<_> = used.iter().filter_map(|(used, _)| used.clone()).collect();
    let token = |number| format!("Bearer s3cret-{number}");
    assert_eq!(used, [token(1), token(1), token(1), token(5), token(7)]);
}

#[tokio::test]
async fn forgets_a_token_that_was_not_accepted() {
    let (accounts, calls) = api_server();
    call(&accounts, "robot", NOW).await;
    accounts.forget("shop", "robot");
    call(&accounts, "robot", NOW).await;
    let last = calls.lock().last().unwrap().0.clone();
    assert_eq!(last.as_deref(), Some("Bearer s3cret-3"));
}

#[tokio::test]
async fn never_shows_a_token_and_keeps_a_bounded_number() {
    let (accounts, _) = api_server();
    for number in 0..MAX_TOKENS + 10 {
        call(&accounts, &format!("robot-{number}"), NOW).await;
    }
    assert_eq!(accounts.clients.lock().len(), MAX_TOKENS);
    assert!(!format!("{accounts:?}").contains("s3cret"), "{accounts:?}");
}
