//! Which calls are made while the breaker is open, and what comes of them.

use futures::FutureExt;
use tokio::time::{advance, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_dead_key_is_probed_at_most_every_five_seconds() {
    let (breaker, told) = open();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let start = Instant::now();
    // Twenty that try every 10 ms, for a minute.
    let hammers: Vec<_> = (0..20)
        .map(|_| {
            let (breaker, calls) = (breaker.clone(), calls.clone());
            tokio::spawn(async move {
                while start.elapsed() < Duration::from_secs(60) {
                    let call = async {
                        calls.lock().push(start.elapsed());
                        sleep(Duration::from_millis(700)).await;
                        Err::<(), _>(unreachable())
                    };
                    breaker.probe(call).await.unwrap_err();
                    sleep(Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    for hammer in hammers {
        hammer.await.unwrap();
    }
    let calls = calls.lock();
    assert!((11..=12).contains(&calls.len()), "{calls:?}");
    assert!(calls[0] >= PROBE, "{calls:?}");
    assert!(calls.windows(2).all(|pair| pair[1] - pair[0] >= PROBE));
    assert_eq!(*told.lock(), [Event::Opened]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_the_only_one_and_ends() {
    let (breaker, _) = open();
    advance(PROBE).await;
    let start = Instant::now();
    let hung = tokio::spawn({
        let breaker = breaker.clone();
        async move { breaker.probe(std::future::pending::<Result<(), _>>()).await }
    });
    tokio::task::yield_now().await;
    advance(3 * PROBE).await;
    let called = AtomicUsize::new(0);
    let other = breaker.probe(async {
        called.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    assert_eq!(
        other.await.unwrap_err().class,
        ErrorClass::CredentialsRefused
    );
    assert_eq!(called.into_inner(), 0);
    let error = hung.await.unwrap().unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable);
    assert_eq!(start.elapsed().as_secs(), DEADLINE.as_secs());
    assert_eq!(breaker.probe(async { Ok(()) }).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_probe_blocks_no_other() {
    let (breaker, _) = open();
    advance(PROBE).await;
    let hung = breaker.probe(std::future::pending::<Result<(), _>>());
    assert!(hung.now_or_never().is_none());
    assert!(breaker.probe(async { Ok(()) }).await.is_err(), "too early");
    advance(PROBE).await;
    assert_eq!(breaker.probe(async { Ok(()) }).await, Ok(()));
}

/// What was under way at the backend's return may still fail, and that is no relapse.
#[tokio::test(start_paused = true)]
async fn a_probe_closes_it_and_it_opens_as_before() {
    let (breaker, told) = open();
    advance(PROBE).await;
    assert_eq!(breaker.probe(async { Ok(7) }).await, Ok(7));
    assert_eq!((breaker.admit(), breaker.last_error()), (Ok(()), None));
    for _ in 0..4 {
        breaker.failed(&unreachable());
        assert!(!breaker.is_open());
    }
    breaker.failed(&unreachable());
    assert!(breaker.is_open());
    assert_eq!(*told.lock(), [Event::Opened, Event::Closed, Event::Opened]);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_closed_probes_pass_and_count() {
    let (breaker, told) = breaker();
    for _ in 0..4 {
        let probed: Result<(), _> = breaker.probe(async { Err(unreachable()) }).await;
        assert_eq!(probed, Err(unreachable()));
    }
    breaker.probe(async { Ok(()) }).await.unwrap();
    for _ in 0..5 {
        assert!(!breaker.is_open());
        let probed: Result<(), _> = breaker.probe(async { Err(unreachable()) }).await;
        assert_eq!(probed, Err(unreachable()));
    }
    assert_eq!(*told.lock(), [Event::Recovered, Event::Opened]);
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_it_opened_does_not_close_it() {
    let (breaker, _) = breaker();
    let early = breaker.probe(async {
        breaker.failed(&refused());
        Ok(())
    });
    assert_eq!(early.await, Ok(()));
    assert!(breaker.is_open());
}

/// A Retry-After that no signature can wait for: until then no call is made.
#[tokio::test(start_paused = true)]
async fn a_key_that_asks_for_a_minute_is_left_alone_for_a_minute() {
    let (breaker, told) = breaker();
    let throttled = |seconds| {
        let delay = Some(Duration::from_secs(seconds));
        KeyError::new(ErrorClass::Throttled(delay), "slowly")
    };
    breaker.failed(&throttled(15));
    assert!(!breaker.is_open(), "a signature waits for that by itself");
    breaker.failed(&throttled(60));
    assert_eq!(*told.lock(), [Event::Opened]);
    assert_eq!(breaker.rest(), Some(Duration::from_secs(60)));
    advance(Duration::from_secs(59)).await;
    assert!(breaker.probe(async { Ok(()) }).await.is_err());
    advance(Duration::from_secs(1)).await;
    let asks_again: Result<(), _> = breaker.probe(async { Err(throttled(30)) }).await;
    assert_eq!(asks_again, Err(throttled(30)));
    assert_eq!(breaker.rest(), Some(Duration::from_secs(30)));
    advance(Duration::from_secs(30)).await;
    assert_eq!(breaker.probe(async { Ok(()) }).await, Ok(()));
    breaker.failed(&throttled(u64::MAX));
    assert_eq!(breaker.rest(), Some(Duration::from_secs(300)), "at most");
}
