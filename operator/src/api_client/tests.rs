use std::sync::Mutex;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, WatchParams};
use kube::runtime::watcher;
use kube::{Api, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::api_health::WatchFailure;

/// Longer than any test, and so that a stall ends it soon.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(200);

const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;

fn ok(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn status(code: u16, headers: &str) -> String {
    format!("HTTP/1.1 {code} Of It\r\n{headers}content-length: 0\r\n\r\n")
}

/// An API server whose responses are given, and the requests that it had. A connection stays open
/// after the last one.
async fn server(responses: Vec<String>) -> (Config, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (seen, responses) = (requests.clone(), Arc::new(Mutex::new(responses)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, responses.clone(), seen.clone()));
        }
    });
    (Config::new(url.parse().unwrap()), requests)
}

async fn serve(
    mut stream: TcpStream,
    responses: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if text.ends_with("\r\n\r\n") {
            seen.lock().unwrap().push(std::mem::take(&mut text));
            let next = {
                let mut responses = responses.lock().unwrap();
                (!responses.is_empty()).then(|| responses.remove(0))
            };
            if let Some(next) = next {
                stream.write_all(next.as_bytes()).await.unwrap();
            }
        }
    }
}

/// Reads an object from a server with these responses, and returns why that failed, the failures
/// that were counted, and how many requests there were.
async fn get(timeout: Duration, responses: Vec<String>) -> (Option<Error>, bool, usize) {
    let (config, requests) = server(responses).await;
    let health = Arc::new(ApiHealth::default());
    let client = client(timeout, &health, config);
    let api: Api<ConfigMap> = Api::namespaced(client, "shop");
    let error = api.get("a").await.err();
    let count = requests.lock().unwrap().len();
    (error, health.is_unwell(), count)
}

fn client(timeout: Duration, health: &Arc<ApiHealth>, config: Config) -> Client {
    let calls = Calls {
        timeout,
        health: health.clone(),
        own_credentials: true,
    };
    calls.client(config).unwrap()
}

#[tokio::test]
async fn an_answer_is_none_of_the_api_servers_failures() {
    let (error, is_unwell, requests) = get(LONG, vec![ok(MAP)]).await;
    assert!(error.is_none() && !is_unwell && requests == 1, "{error:?}");
    let (error, is_unwell, requests) = get(LONG, vec![status(404, "")]).await;
    assert!(error.is_some() && !is_unwell && requests == 1, "{error:?}");
}

#[tokio::test]
async fn a_response_that_does_not_come_or_does_not_end_is_an_error_in_time() {
    let whole = ok(MAP);
    let half = whole[..whole.len() - 10].to_owned();
    for responses in [vec![], vec![half]] {
        let (error, is_unwell, requests) = get(SHORT, responses).await;
        let error = error.unwrap();
        assert_eq!(Failure::of(&error), Some(Failure::Timeout), "{error:?}");
        assert!(is_unwell && requests == 1);
    }
}

#[tokio::test]
async fn a_server_that_is_too_busy_is_asked_again_when_it_says() {
    for code in [429, 503] {
        let busy = status(code, "");
        let (error, is_unwell, requests) = get(LONG, vec![busy.clone(), ok(MAP)]).await;
        assert!(error.is_none() && is_unwell && requests == 2, "{error:?}");
        let busy = vec![busy; 9];
        let (error, _, requests) = get(LONG, busy).await;
        assert!(error.is_some() && requests == 4, "{error:?}");
        // That is too late for the call.
        let later = status(code, "retry-after: 900\r\n");
        let (error, _, requests) = get(LONG, vec![later, ok(MAP)]).await;
        assert!(error.is_some() && requests == 1, "{error:?}");
    }
    let broken = vec![status(500, ""), ok(MAP)];
    let (error, is_unwell, requests) = get(LONG, broken).await;
    assert!(
        error.is_some() && is_unwell && requests == 1,
        "it may have been done"
    );
}

#[test]
fn the_server_says_how_long_to_wait() {
    let wait = |code, after: Option<&str>| {
        let mut response = Response::builder().status(code);
        if let Some(after) = after {
            response = response.header(RETRY_AFTER, after);
        }
        wait_before_retry(&response.body(()).unwrap(), true, MIN_WAIT)
    };
    assert_eq!(wait(429, Some("7")), Some(Duration::from_secs(7)));
    assert_eq!(wait(503, Some("0")), Some(MIN_WAIT));
    assert_eq!(wait(503, Some("Fri, 01 Jan")), Some(MIN_WAIT));
    assert_eq!(wait(429, None), Some(MIN_WAIT));
    assert_eq!(wait(200, Some("7")), None);
    assert_eq!(wait(504, Some("7")), None);
}

/// A load balancer may answer so for a server that has done it.
#[test]
fn a_write_is_repeated_only_if_the_server_asks_for_it() {
    let is_repeated = |code, after: Option<&str>| {
        let mut response = Response::builder().status(code);
        if let Some(after) = after {
            response = response.header(RETRY_AFTER, after);
        }
        let response = response.body(()).unwrap();
        wait_before_retry(&response, false, MIN_WAIT).is_some()
    };
    assert!(!is_repeated(503, None));
    assert!(is_repeated(503, Some("1")));
    assert!(is_repeated(429, None));
}

#[tokio::test]
async fn a_write_that_was_answered_with_503_is_sent_once() {
    let (config, requests) = server(vec![status(503, ""), ok(MAP)]).await;
    let health = Arc::new(ApiHealth::default());
    let write = Request::post("/api/v1/namespaces/shop/configmaps");
    let write = write.body(Body::empty()).unwrap();
    let answer = client(LONG, &health, config).send(write).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

const OPEN: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

type Issuers = Api<kube::api::DynamicObject>;

fn issuers(client: Client) -> Issuers {
    let resource = kube::core::GroupVersionKind::gvk("signet.dev", "v1alpha1", "Issuer");
    let resource = kube::api::ApiResource::from_gvk(&resource);
    Api::all_with(client, &resource)
}

/// Its deadline is for the headers.
#[tokio::test]
async fn a_watch_that_delivers_nothing_ends_much_later_and_works_once_it_is_accepted() {
    let health = Arc::new(ApiHealth::default());
    let (config, requests) = server(vec![status(403, ""), OPEN.to_owned()]).await;
    let _guard = health.watch("issuers.signet.dev".to_owned());
    let api = issuers(client(SHORT, &health, config));
    health.watch_failed("issuers.signet.dev", refused());
    assert!(api.watch(&WatchParams::default(), "0").await.is_err());
    health.ready().unwrap_err();
    let events = api.watch(&WatchParams::default(), "0").await.unwrap();
    assert_eq!(health.ready(), Ok(()));
    let mut events = Box::pin(events);
    // Longer than the deadline of other calls.
    let next = tokio::time::timeout(SHORT * 2, futures::StreamExt::next(&mut events)).await;
    assert!(next.is_err(), "it ended");
    assert!(!health.is_unwell());
    let next = futures::StreamExt::next(&mut events).await.unwrap();
    assert!(matches!(next, Err(Error::ReadEvents(_))), "{next:?}");
    assert!(health.is_unwell());
    assert!(requests.lock().unwrap()[1].contains("watch=true"));
    assert!(api.list(&ListParams::default()).await.is_err());
    assert!(health.is_unwell());
}

/// It failed by an error that it delivered, so a bookmark or silence shows that the next one works.
#[tokio::test]
async fn a_watch_that_delivered_an_error_works_when_the_next_one_delivers_none() {
    let chunk = |event: &str| format!("{OPEN}{:x}\r\n{event}\n\r\n", event.len() + 1);
    let error = r#"{"type":"ERROR","object":{"code":403,"status":"Failure","reason":"Forbidden"}}"#;
    let bookmark = r#"{"type":"BOOKMARK","object":{"apiVersion":"signet.dev/v1alpha1","kind":"Issuer","metadata":{"resourceVersion":"7"}}}"#;
    let cases = [
        (chunk(error), false),
        (chunk("<html>"), false),
        (chunk(bookmark), true),
        (OPEN.to_owned(), true),
    ];
    let cases = cases.map(async |(response, works)| {
        let health = Arc::new(ApiHealth::default());
        let (config, _) = server(vec![response]).await;
        let _guard = health.watch("issuers.signet.dev".to_owned());
        let api = issuers(client(SHORT, &health, config));
        health.watch_failed("issuers.signet.dev", delivered());
        let events = api.watch(&WatchParams::default(), "0").await.unwrap();
        health.ready().unwrap_err();
        // Until it ends, which is later than it is known to be idle.
        let _: Vec<_> = futures::StreamExt::collect(events).await;
        assert_eq!(health.ready().is_ok(), works);
    });
    futures::future::join_all(cases).await;
}

fn refused() -> WatchFailure {
    let status = serde_json::json!({ "code": 403, "reason": "Forbidden", "message": "no" });
    let error = Error::Api(serde_json::from_value(status).unwrap());
    WatchFailure::of(&watcher::Error::WatchStartFailed(error)).unwrap()
}

fn delivered() -> WatchFailure {
    let status = serde_json::json!({ "code": 403, "reason": "Forbidden", "message": "no" });
    let error = watcher::Error::WatchError(serde_json::from_value(status).unwrap());
    WatchFailure::of(&error).unwrap()
}

/// Tenants choose how large their objects are.
#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones() {
    let item = |filler: usize| {
        let filler = "a".repeat(filler);
        format!(r#"{{"metadata":{{"name":"a","annotations":{{"filler":"{filler}"}}}}}}"#)
    };
    let list = |item: String| {
        let kinds = r#""apiVersion":"v1","kind":"ConfigMapList","metadata":{}"#;
        ok(&format!(r#"{{{kinds},"items":[{item}]}}"#))
    };
    let large = || list(item(page::MAX_BYTES));
    let (config, requests) = server(vec![large(), large(), large(), list(item(10))]).await;
    let api: Api<ConfigMap> = Api::all(client(LONG, &Arc::default(), config));
    let params = ListParams::default().labels("a=b").limit(500);
    let listed = api.list(&params).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let requests = requests.lock().unwrap();
    let limits = requests.iter().map(|request| {
        assert!(request.contains("labelSelector=a%3Db"), "{request}");
        let (_, limit) = request.split_once("limit=").unwrap();
        limit.split([' ', '&']).next().unwrap().to_owned()
    });
    assert_eq!(limits.collect::<Vec<_>>(), ["500", "62", "7", "1"]);
}
