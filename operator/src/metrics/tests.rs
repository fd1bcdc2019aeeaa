use super::*;
use crate::fixtures::{corp, shop_ca};
use crate::keyring::IssuerLookup;

fn now(issuer: Option<&IssuerName>) -> Now {
    Now {
        queues: issuer
            .map(|issuer| (issuer.clone(), 7))
            .into_iter()
            .collect(),
        in_flight: 2,
        waiting: waiting(),
        leading: true,
        uptime: 1.5,
        watches: vec![("issuers.signet.dev".to_owned(), true)],
        modules: Vec::new(),
        unix_time: 1_799_999_000,
    }
}

#[test]
fn a_scrape_omits_deleted_issuers() {
    let metrics = Metrics::default();
    let issuer = shop_ca();
    metrics.decided(
        Api::CertificateRequest,
        Some(&issuer),
        "issued",
        Reason::Issued,
    );
    metrics.decided(
        Api::CertificateRequest,
        None,
        "waiting",
        Reason::IssuerNotFound,
    );
    metrics.signed((&corp(), "software"), Some("shop"), 0.000_2);
    metrics.issuer(&issuer, true);
    metrics.ca(&issuer, gauges());
    metrics.bundle(&issuer, Some(true), Some(3));
    metrics.queued("software", 0.2);
    metrics.key_error("awsKms", ErrorClass::Throttled(None));
    let text = metrics.scrape(&now(Some(&issuer))).unwrap();
    for line in [
        r#"signet_requests_total{api="CertificateRequest",issuer_kind="Issuer",issuer_namespace="shop",issuer="ca",outcome="issued",reason="Issued"} 1"#,
        r#"issuer="",outcome="waiting",reason="IssuerNotFound"} 1"#,
        r#"signet_ca_expiry_timestamp_seconds{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1800000000"#,
        r#"signet_key_queue_length{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 7"#,
        r#"signet_bundle_published{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1"#,
        r#"signet_bundle_copies_outdated{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 3"#,
        r#"signet_key_errors_total{backend="awsKms",reason="KeyThrottled"} 1"#,
        r#"signet_ca_generation_expiry_timestamp_seconds{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca",generation="1"} 1800000000"#,
        r#"signet_ca_generation_state{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca",generation="2",state="Requested"} 1"#,
        r#"signet_issuer_person_required_seconds{issuer_kind="Issuer",issuer_namespace="shop",issuer="ca"} 1000"#,
        r#"signet_requests_waiting{reason="Queued"} 0"#,
        r#"signet_requests_waiting{reason="IssuerNotReady"} 3"#,
        r#"signet_requests_waiting{reason="IssuerNotFound"} 4"#,
        "signet_leading 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    metrics.forget(&issuer);
    let text = metrics.scrape(&now(None)).unwrap();
    assert!(!text.contains(r#"issuer_namespace="shop""#), "{text}");
}

fn waiting() -> WaitingRequests {
    let mut waiting = WaitingRequests::default();
    waiting.add(2, &IssuerLookup::NotReady("no CA".to_owned()));
    waiting.add(1, &IssuerLookup::NotObserved);
    waiting.add(4, &IssuerLookup::Missing);
    waiting
}

fn gauges() -> CaGauges {
    let generation = |number, state, expiry| GenerationGauge {
        number,
        state,
        expiry,
    };
    CaGauges {
        expiry: Some(1_800_000_000),
        generations: vec![
            generation(1, "Active", Some(1_800_000_000)),
            generation(2, "Requested", None),
        ],
        person_deadline: Some(1_800_000_000),
    }
}

/// An alert must not end because the issuer cannot sign either.
#[test]
fn an_issuer_that_is_not_ready_keeps_the_gauges_of_its_ca() {
    let metrics = Metrics::default();
    metrics.ca(&shop_ca(), gauges());
    metrics.issuer(&shop_ca(), false);
    let text = metrics.scrape(&now(None)).unwrap();
    for name in [
        "signet_ca_expiry_timestamp_seconds{",
        "signet_ca_generation_expiry_timestamp_seconds{",
        "signet_issuer_person_required_seconds{",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
}

#[test]
fn a_generation_has_one_state_and_none_when_it_is_gone() {
    let metrics = Metrics::default();
    metrics.ca(&shop_ca(), gauges());
    let mut later = gauges();
    later.generations.remove(0);
    later.generations[0].state = "Active";
    later.person_deadline = None;
    metrics.ca(&shop_ca(), later);
    let text = metrics.scrape(&now(None)).unwrap();
    let states: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("signet_ca_generation_state{"))
        .collect();
    assert_eq!(states.len(), 1, "{states:?}");
    assert!(states[0].contains(r#"generation="2",state="Active""#));
    assert!(!text.contains("signet_issuer_person_required_seconds{"));
}

#[test]
fn knows_the_issuers_that_label_a_series() {
    let metrics = Metrics::default();
    metrics.decided(
        Api::CertificateRequest,
        Some(&shop_ca()),
        "issued",
        Reason::Issued,
    );
    metrics.issuer(&corp(), false);
    metrics.issuer(&corp(), true);
    let mut issuers = metrics.issuers();
    issuers.sort();
    assert_eq!(issuers, [shop_ca(), corp()]);
    metrics.forget(&corp());
    assert_eq!(metrics.issuers(), [shop_ca()]);
}

#[test]
fn shows_the_processes_of_pkcs11_modules() {
    let metrics = Metrics::default();
    let scrape = |pid, resident_bytes, crashes| {
        let module = ModuleProcess {
            module: "hsm".to_owned(),
            pid,
            resident_bytes,
            restarts: vec![("crashed", crashes), ("hung", 0)],
        };
        let now = Now {
            modules: vec![module],
            ..now(None)
        };
        metrics.scrape(&now).unwrap()
    };
    let text = scrape(Some(7), Some(4096), 1);
    for line in [
        r#"signet_pkcs11_module_resident_bytes{module="hsm"} 4096"#,
        r#"signet_pkcs11_module_restarts_total{module="hsm",reason="crashed"} 1"#,
        r#"signet_pkcs11_module_restarts_total{module="hsm",reason="hung"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let text = scrape(None, None, 3);
    assert!(
        text.contains(r#"module="hsm",reason="crashed"} 3"#),
        "{text}"
    );
    assert!(!text.contains("resident_bytes{"), "{text}");
}
