//! Sessions of a role, which end while the issuer goes on.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::ErrorClass;
use signet_testbed::keyservers::ministack::{ACCOUNT, Session};
use signet_testbed::proxy::{Fault, Requests, Seen};
use signet_testbed::wait::{Observation, until};

use super::{Aws, LEAST, key_config, policy, trust};
use crate::rig::{Subject, responded};
use crate::root::to_be_signed;

own!["awsKms":
    a_session_that_aws_ended_is_replaced_within_the_call,
    a_session_is_renewed_before_its_end,
    the_time_of_aws_is_used_for_the_next_attempt,
    a_wrong_clock_hides_no_ended_session,
    a_wrong_clock_hides_no_missing_permission,
    a_silent_connection_is_not_used_again,
];

const HOUR: Duration = Duration::from_secs(3600);
/// Without the minute, the SDK would renew this much before the end, or less.
const LATE: Duration = Duration::from_secs(10);

fn assumed() -> Requests {
    Requests::Action("AssumeRole".to_owned())
}

/// A key over which an issuer signs in a role, and the role.
fn subject() -> (Aws, Subject, String) {
    let aws = Aws::shared().behind_another_proxy();
    let (key, _) = aws.p256();
    let name = format!("session-{key}");
    let aws = aws.called_by(&name, &["sts:AssumeRole"]);
    let arn = |who: &str| format!("arn:aws:iam::{ACCOUNT}:{who}");
    let callers = json!({ "AWS": [arn(&format!("user/{name}")), arn("root")] });
    let trust = trust("sts:AssumeRole", &callers, &json!({}));
    let role = format!("of-{name}");
    let role = aws.server.make_role(&role, &trust, &policy(&LEAST));
    let role = role.unwrap();
    let mut config = aws.config(&key);
    config["roleArn"] = json!(role);
    let subject = aws.subject(&key, &key, KeyAlgorithm::EcP256);
    (aws, subject.with(key_config(config)), role)
}

async fn a_session_that_aws_ended_is_replaced_within_the_call() {
    let (aws, subject, _) = subject();
    let signer = subject.connected().await.signer;
    assert_eq!(aws.proxy.count(&assumed()), 1);
    let ended = Fault::aws_error(400, "ExpiredTokenException", "the token has expired");
    aws.proxy
        .add_times(Requests::Action("Sign".to_owned()), ended, 1);
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    assert_eq!(aws.proxy.count(&assumed()), 2);
}

/// Signet's clock is an hour behind. AWS refuses the request, and its response has the right time.
async fn the_time_of_aws_is_used_for_the_next_attempt() {
    let (aws, subject, _) = subject();
    let signer = subject.connected().await.signer;
    let sign = Requests::Action("Sign".to_owned());
    let theirs = Timestamp::now() + HOUR;
    let refusal = refusal_at(theirs, "InvalidSignatureException");
    aws.proxy.add_times(sign.clone(), refusal, 1);
    // The emulator refuses the second one for its time, and is right.
    let _ = signer.sign(&to_be_signed(&*signer, "a")).await;
    let requests = aws.proxy.requests();
    let is_sign = |seen: &Seen| seen.action.as_deref() == Some("Sign");
    let first = requests.iter().position(is_sign).unwrap();
    let [first, second] = [&requests[first], &requests[first + 1]];
    assert!(is_sign(second), "no other login helps");
    assert!(signed_at(first) < theirs - HOUR / 2, "{first:?}");
    // The date of the response has whole seconds.
    assert!(signed_at(second) >= theirs - Duration::from_secs(1));
}

async fn a_wrong_clock_hides_no_ended_session() {
    let (aws, subject, _) = subject();
    let signer = subject.connected().await.signer;
    let ended = refusal_at(Timestamp::now() + HOUR, "ExpiredTokenException");
    aws.proxy
        .add_times(Requests::Action("Sign".to_owned()), ended, 1);
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    assert_eq!(aws.proxy.count(&assumed()), 2, "a new one within the call");
}

async fn a_wrong_clock_hides_no_missing_permission() {
    let (aws, subject, _) = subject();
    let signer = subject.connected().await.signer;
    let sign = Requests::Action("Sign".to_owned());
    let theirs = Timestamp::now() + Duration::from_secs(301);
    aws.proxy
        .add(sign.clone(), refusal_at(theirs, "AccessDeniedException"));
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.code, "Denied", "{error}");
    assert!(error.message.contains("allow kms:DescribeKey"), "{error}");
    assert_eq!(aws.proxy.count(&sign), 2, "once more with the time of AWS");
}

/// An error of AWS, whose clock has this time.
fn refusal_at(time: Timestamp, code: &str) -> Fault {
    let mut refusal = Fault::aws_error(400, code, "refused");
    if let Fault::Response { headers, .. } = &mut refusal {
        let date = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        headers.push(("date".into(), date));
    }
    refusal
}

async fn a_silent_connection_is_not_used_again() {
    let (aws, subject, _) = subject();
    let signer = subject.connected().await.signer;
    let sign = Requests::Action("Sign".to_owned());
    aws.proxy.add_times(sign, Fault::Silence, 1);
    let before = aws.proxy.connections();
    let error = signer.sign(&to_be_signed(&*signer, "a")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    assert_eq!(error.code, "Timeout", "{error}");
    assert!(error.message.starts_with("AWS KMS in us-east-1"), "{error}");
    signer.sign(&to_be_signed(&*signer, "b")).await.unwrap();
    assert!(aws.proxy.connections() > before);
}

/// The SDK draws by how much less than a minute before the end it is, half a minute at most.
async fn a_session_is_renewed_before_its_end() {
    let (aws, subject, role) = subject();
    let session = aws.server.assume_role(&role).unwrap();
    let end = Timestamp::now() + Duration::from_secs(32);
    let response = Fault::Response {
        status: 200,
        headers: vec![("content-type".into(), "text/xml".into())],
        body: credentials(&session, end),
    };
    aws.proxy.add_times(assumed(), response, 1);
    let signer = subject.connected().await.signer;
    let renewed = async || {
        let tbs = to_be_signed(&*signer, "a");
        responded(async || signer.sign(&tbs).await).await?;
        let times = aws.proxy.count(&assumed());
        Ok(Observation::reached_if(times == 2, times))
    };
    until("a renewed session", renewed).await.unwrap();
    let mut requests = aws.proxy.requests().into_iter();
    let renewal = requests.rfind(|it| it.action.as_deref() == Some("AssumeRole"));
    let renewed = signed_at(&renewal.unwrap());
    assert!(renewed < end - LATE, "{renewed} is too late for {end}");
    signer.sign(&to_be_signed(&*signer, "a")).await.unwrap();
    assert_eq!(aws.proxy.count(&assumed()), 2, "the new one has its hour");
}

fn signed_at(request: &Seen) -> Timestamp {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", request.amz_date().unwrap()).unwrap();
    date.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// As STS responds to AssumeRole.
fn credentials(session: &Session, end: Timestamp) -> String {
    let Session { id, secret, token } = session;
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleResult><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
         <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
}
