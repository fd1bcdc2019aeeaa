use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Keeps what was written, or fails.
#[derive(Debug, Default)]
struct Store {
    written: Mutex<Vec<Lifetimes>>,
    is_down: AtomicBool,
}

impl RecordStore for Store {
    fn raise(&self, lifetimes: Lifetimes) -> BoxFuture<'_, Result<(), String>> {
        async move {
            if self.is_down.load(Ordering::Relaxed) {
                return Err("no route".to_owned());
            }
            self.written.lock().push(lifetimes);
            Ok(())
        }
        .boxed()
    }
}

fn records(leaf: Option<Duration>) -> (Records, Arc<Store>) {
    let store = Arc::<Store>::default();
    let records = Records::new(
        Lifetimes { leaf, ca: None },
        YEAR * 10,
        LifetimeLimits::default(),
    );
    records.connect(store.clone());
    (records, store)
}

#[tokio::test]
async fn writes_a_record_once_before_the_first_longer_certificate() {
    let (records, store) = records(Some(HOUR));
    records.cover(Kind::Leaf, HOUR).await.unwrap();
    assert_eq!(*store.written.lock(), []);
    for _ in 0..100 {
        records.cover(Kind::Leaf, HOUR * 20).await.unwrap();
    }
    let day = Lifetimes {
        leaf: Some(HOUR * 24),
        ca: None,
    };
    assert_eq!(*store.written.lock(), [day]);
    let ca = Kind::Ca { path_length: 0 };
    records.cover(ca, YEAR).await.unwrap();
    let both = Lifetimes {
        ca: Some(HOUR * 24 * 398),
        ..day
    };
    assert_eq!(*store.written.lock(), [day, both]);
}

/// The old root would leave while the certificate lives.
#[tokio::test]
async fn nothing_longer_than_the_record_is_signed_without_it() {
    let (records, store) = records(Some(HOUR));
    store.is_down.store(true, Ordering::Relaxed);
    let refused = records.cover(Kind::Leaf, YEAR).await;
    assert_eq!(refused, Err("no route".to_owned()));
    records.cover(Kind::Leaf, HOUR).await.unwrap();
    store.is_down.store(false, Ordering::Relaxed);
    records.cover(Kind::Leaf, YEAR).await.unwrap();
    assert_eq!(store.written.lock().len(), 1);
}
