//! The reading of keys from Secrets, which takes time on another thread.

use std::sync::mpsc;

use signet_keys::KeyPin;

use super::*;

/// While one tenant's key is read, the thread that does everything else is free, and the key of
/// another tenant waits for that one read only.
#[tokio::test]
async fn reading_a_key_blocks_neither_the_main_thread_nor_the_keys_after_it() {
    let (finish, finished) = mpsc::channel::<()>();
    let access = Cluster::new().access();
    let loading = access.loading.clone();
    let mut slow = loading.run("slow", move || finished.recv().is_ok()).boxed();
    let flood = (0..64).map(|_| loading.run("slow", || ()).boxed());
    let mut flood: Vec<_> = flood.collect();
    assert!((&mut slow).now_or_never().is_none());
    for later in &mut flood {
        assert!(later.now_or_never().is_none());
    }
    let (config, known) = (key::software("ca"), KeyPin::default());
    let mut connecting = config.connect(&access, &known).boxed();
    assert!((&mut connecting).now_or_never().is_none());

    finish.send(()).unwrap();
    assert!(slow.await.unwrap());
    // Of the slow tenant's reads, one may come before it.
    let first = flood.remove(0);
    let (connected, _) = tokio::join!(connecting, first);
    assert!(connected.is_ok());
}
