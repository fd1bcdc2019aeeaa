//! The proxy's faults, as a client sees them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;
use signet_testbed::proxy::{Fault, Requests};
use signet_testbed::wait::{Observation, until_blocking};
use signet_testbed::{Ministack, OpenBao, Proxy};

/// Requests an action at `/path` as a client of KMS; returns the whole response.
fn request(proxy: &Proxy, action: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    write!(
        stream,
        "POST /path?query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\
         X-Amz-Target: TrentService.{action}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/\
         20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=x\r\n\
         Content-Type: application/x-amz-json-1.1\r\n\r\n{{}}"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response).map(|_| response)
}

#[test]
fn responses_are_forged_changed_and_lost() {
    let server = Ministack::start().unwrap();
    let proxy = Proxy::http(&server.endpoint(), None).unwrap();
    let listed = || request(&proxy, "ListKeys").unwrap();
    assert!(listed().contains("\"Truncated\": false"));

    let throttled = Fault::aws_error(400, "ThrottlingException", "Rate exceeded");
    proxy.add_times(Requests::Action("ListKeys".into()), throttled, 1);
    assert!(request(&proxy, "ListAliases").unwrap().contains("200 OK"));
    assert!(listed().contains("ThrottlingException"));
    assert!(listed().contains("200 OK"));

    let with = |fault: Fault| {
        proxy.clear();
        proxy.add(Requests::Path("/path".into()), fault);
        request(&proxy, "ListKeys")
    };
    let limited = with(Fault::too_many_requests(3)).unwrap();
    assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("retry-after: 3"));
    let elsewhere = with(Fault::redirect("https://elsewhere.test/")).unwrap();
    assert!(elsewhere.contains("location: https://elsewhere.test/"));
    assert!(with(Fault::not_json()).unwrap().ends_with("</html>"));
    assert!(with(Fault::oversized(1 << 20)).unwrap().len() > 1 << 20);
    let (from, to) = ("Truncated".to_owned(), "Changed".to_owned());
    assert!(
        with(Fault::Replace { from, to })
            .unwrap()
            .contains("\"Changed\": false")
    );
    let truncated = with(Fault::Truncated).unwrap();
    assert!(truncated.contains("{\"Keys\"") && !truncated.contains("false}"));
    for fault in [Fault::Reset, Fault::Lost] {
        assert_eq!(with(fault).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    proxy.clear();
    assert!(listed().contains("200 OK"));

    assert_eq!(proxy.count(&Requests::Action("ListAliases".into())), 1);
    assert_eq!(proxy.count(&Requests::All), proxy.requests().len());
    let last = proxy.requests().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.path.as_str()),
        ("POST", "/path")
    );
    assert!(last.has("authorization"));
}

#[test]
fn the_listener_goes_and_comes_back_and_stays_silent() {
    let server = Ministack::start().unwrap();
    let proxy = Proxy::http(&server.endpoint(), None).unwrap();
    proxy.refuse().unwrap();
    let refused = request(&proxy, "ListKeys").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.accept().unwrap();
    assert!(request(&proxy, "ListKeys").unwrap().contains("200 OK"));

    // What is silent is silent until the connection ends, which refusing makes it do.
    for handshake in [false, true] {
        let seen = || match handshake {
            true => proxy.requests().len(),
            false => proxy.connections(),
        };
        match handshake {
            true => proxy.add(Requests::All, Fault::Silence),
            false => proxy.silence_connections(),
        }
        let (before, (done, responded)) = (seen(), mpsc::channel());
        std::thread::scope(|scope| {
            scope.spawn(|| done.send(request(&proxy, "ListKeys").is_ok_and(|it| !it.is_empty())));
            until_blocking("another request or connection", || {
                Ok(Observation::reached_if(seen() > before, before))
            })
            .unwrap();
            proxy.clear();
            assert!(request(&proxy, "ListKeys").unwrap().contains("200 OK"));
            assert!(responded.try_recv().is_err());
            proxy.refuse().unwrap();
            assert!(!responded.recv().unwrap());
            proxy.accept().unwrap();
        });
    }
    server.stop().unwrap();
    assert!(request(&proxy, "ListKeys").is_err());
    server.resume().unwrap();
    proxy.add(Requests::All, Fault::Latency(Duration::from_millis(20)));
    let begin = Instant::now();
    assert!(request(&proxy, "ListKeys").unwrap().contains("200 OK"));
    // Not earlier; how much later, the machine decides.
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[test]
fn openbao_is_reached_over_tls_under_the_ca_of_the_proxy() {
    let bao = OpenBao::start().unwrap();
    bao.enable_transit("transit").unwrap();
    bao.make_key("transit", "ca", "ecdsa-p256").unwrap();
    let proxy = Proxy::https(&bao.address(), Some(bao.ca_pem())).unwrap();
    assert_ne!(proxy.ca_pem(), bao.ca_pem());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.crt");
    std::fs::write(&ca, proxy.ca_pem()).unwrap();
    let sign = |host: &str| {
        let mut command = bao.command(bao.root_token());
        command
            .env("BAO_ADDR", format!("https://{host}:{}", proxy.port()))
            .env("BAO_CACERT", &ca)
            .env("BAO_MAX_RETRIES", "0")
            .args(["write", "transit/sign/ca", "input=aGVsbG8="]);
        command.output().unwrap()
    };
    assert!(sign("127.0.0.1").status.success());
    assert!(sign("localhost").status.success());
    proxy.add(
        Requests::Path("/transit/sign/".into()),
        Fault::json(403, &json!({ "errors": ["permission denied"] }).to_string()),
    );
    let denied = String::from_utf8(sign("localhost").stderr).unwrap();
    assert!(denied.contains("permission denied"), "{denied}");
}
